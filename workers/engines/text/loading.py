"""From a models' file entry to a loaded text model with everything it is served with."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import mlx.core as mx
import mlx_lm
from mlx_lm import utils

from mlxq.checks import checked
from mlxq.entries.lm import LmEntry
from mlxq.entries.text import TextEntry
from mlxq.model_path import ModelPathError
from mlxq.ranges import SAMPLING
from mlxq.settings import Settings
from tasks.stored.blobs import BlobStore
from workers.engine import Unservable
from workers.engines.text.adapters import Adapters
from workers.engines.text.cache import kv
from workers.engines.text.cache.prompt_cache import PromptCache
from workers.engines.text.cache.prompt_store import LAYOUT, PromptStore
from workers.engines.text.output.answer_format import Formats
from workers.engines.text.plan import Planner
from workers.engines.text.prompts import Prompts
from workers.engines.text.sampling.grammar import Grammars
from workers.engines.text.sampling.options import Defaults
from workers.engines.text.sampling.sampler import Sampler
from workers.engines.text.schedule.batch import Batch
from workers.engines.text.speculation.costs import Costs
from workers.engines.text.speculation.draft_model import DraftModel, UnsupportedDraft
from workers.engines.text.speculation.drafter import Drafter
from workers.engines.text.speculation.prompt_lookup import PromptLookup
from workers.engines.text.template import template_text
from workers.media.documents.unfolding import READ_BYTES, Documents
from workers.model_files.context_length import promised
from workers.model_files.fingerprint import fingerprint
from workers.model_files.model_path import resolve
from workers.serving.request_budget import Budget

PROMPT_CACHE_BYTES = 1 << 30
_SPARE = 0.9  # of the memory that the device recommends to use, weights included
_LEAST = 0.05  # of it is for caches even where the weights take more


class Weights(NamedTuple):
    """A model's parts as their library loaded them from a folder, with the folder of its adapter if it has one.

    `code` names the library and its version. Requests may choose one of `adapters`. What a prompt leaves in the caches
    serves later ones where it is `reusable`.
    """

    folder: Path
    model: Any
    tokenizer: Any
    config: Mapping[str, Any]
    code: str
    adapter: Path | None = None
    adapters: Adapters | None = None
    reusable: bool = True


class UnsupportedArchitecture(Unservable):
    """The installed libraries cannot load this architecture; the message says which model."""


class Loaded(NamedTuple):
    """A model ready to run; `shared` says that owners share its caches."""

    new_batch: Callable[[], Batch]
    tokenizer: Any
    prompts: Prompts
    planner: Planner
    slots: int
    shared: bool
    debug: bool


def load(entry: LmEntry, settings: Settings) -> Loaded:
    """Load weights, tokenizer and defaults; call it in the thread that will own the model."""
    folder = resolve(entry.model_path, settings.cache, code=entry.trust_remote_code)
    adapter = _folder("adapter_path", entry.adapter_path) if entry.adapter_path else None
    extra = {"trust_remote_code": entry.trust_remote_code}
    with ThreadPoolExecutor(1, "tokenizer") as beside:
        try:
            config = utils.load_config(folder)
            if "model_file" not in config:
                utils._get_classes(config)  # what its module makes of MLX is this thread's
            # Reading the weights keeps nobody from running Python; each takes as long as the other.
            reading = beside.submit(utils.load_tokenizer, folder, extra, config.get("eos_token_id"))
            model, config = utils.load_model(folder, trust_remote_code=entry.trust_remote_code)
            if adapter:
                model = utils.load_adapters(model, str(adapter))
                model.eval()
            tokenizer = reading.result()
        except SystemExit as error:  # an architecture may end the process when it misses a package
            raise UnsupportedArchitecture(f"{entry.model_path}: mlx-lm cannot load this architecture here") from error
    code = f"mlx-lm {mlx_lm.__version__}"
    folders = {name: _folder(f"adapters.{name}", path) for name, path in entry.adapters.items()}
    adapters = Adapters(model, folders) if folders else None
    return assembled(entry, settings, Weights(folder, model, tokenizer, config, code, adapter, adapters))


def assembled(
    entry: TextEntry, settings: Settings, weights: Weights, prompts_of: Callable[..., Prompts] = Prompts
) -> Loaded:
    """Everything that a loaded model is served with; `prompts_of` is called as Prompts is."""
    folder, model, tokenizer, config, *_ = weights
    mx.eval(model.parameters())
    if entry.chat_template_file:
        tokenizer.chat_template = _read("chat_template_file", entry.chat_template_file)
        tokenizer.has_chat_template = True
    caches = kv.Kv(model, _quantisation(entry))
    vocabulary = _vocabulary(model)
    # Ids beyond the logits, which a config may name, would be read and written beyond them.
    tokenizer.eos_token_ids = {token for token in tokenizer.eos_token_ids if 0 <= token < vocabulary}
    sampler = Sampler(tokenizer.eos_token_ids, tokenizer.encode("\n", add_special_tokens=False))
    slots = entry.rows
    drafter = _drafter(entry, settings, caches, tokenizer, sampler, vocabulary)
    memory, prompt_cache = _memory(entry)
    formats = Formats.of(
        template_text(tokenizer),
        map(str, tokenizer.added_tokens_decoder.values()),
        entry.tool_call_parser,
        entry.reasoning_parser,
    )
    context = min(_context(entry, config), caches.tokens_within(memory))
    parse = settings.special_tokens == "parse"
    documents = Documents(BlobStore(settings.home / "blobs"), Budget(READ_BYTES))
    prompts = prompts_of(tokenizer, context, vocabulary, formats, parse_special_tokens=parse, documents=documents)
    grammars = Grammars(tokenizer._tokenizer, vocabulary, tokenizer.eos_token_ids)
    adapters = weights.adapters
    names = frozenset(adapters.names if adapters else ())
    planner = Planner(prompts, _defaults(entry, settings, folder), formats, grammars, adapters=names)
    kept = _prompt_cache(entry, weights, prompt_cache if weights.reusable else 0)

    def new_batch() -> Batch:
        return Batch(
            model,
            caches,
            sampler,
            kept,
            slots=slots,
            prompts_at_once=entry.batch_prefill_size,
            chunk=entry.batch_prefill_step_size,
            max_kv_bytes=memory,
            drafter=drafter,
            adapters=adapters,
        )

    return Loaded(new_batch, tokenizer, prompts, planner, slots, settings.shared_cache, entry.debug)


def _folder(key: str, path: str) -> Path:
    folder = Path(path).expanduser()
    if not folder.is_dir():
        raise ModelPathError(f"{key}: {path}: no such folder")
    return folder


def _read(key: str, path: str) -> str:
    try:
        return Path(path).expanduser().read_text()
    except OSError as error:
        raise ModelPathError(f"{key}: {path}: {error.strerror}") from error


def _quantisation(entry: TextEntry) -> kv.Quantisation | None:
    if entry.kv_bits is None:
        return None
    return kv.Quantisation(entry.kv_bits, entry.kv_group_size, entry.quantized_kv_start)


def _drafter(
    entry: TextEntry, settings: Settings, caches: kv.Kv, tokenizer: Any, sampler: Sampler, vocabulary: int
) -> Drafter | None:
    if not isinstance(entry, LmEntry):
        return None
    if entry.prompt_lookup_num_tokens and caches.trimmable(1):
        return PromptLookup(entry.prompt_lookup_num_tokens, Costs())
    if entry.draft_model_path is None:
        return None
    folder = resolve(entry.draft_model_path, settings.cache, code=entry.trust_remote_code)
    model, own, *_ = mlx_lm.load(str(folder), tokenizer_config={"trust_remote_code": entry.trust_remote_code})
    if own.get_vocab() != tokenizer.get_vocab():
        raise UnsupportedDraft(
            f"draft_model_path: {entry.draft_model_path} has another vocabulary ({len(own.get_vocab())} tokens) than "
            f"the model ({len(tokenizer.get_vocab())}); a draft model must be of the same family"
        )
    if not caches.trimmable(1):
        raise UnsupportedDraft("draft_model_path: this model's cache cannot take tokens back; serve it without a draft")
    mx.eval(model.parameters())
    try:
        return DraftModel(model, kv.Kv(model), sampler, count=entry.num_draft_tokens, width=vocabulary)
    except UnsupportedDraft as error:
        raise UnsupportedDraft(f"draft_model_path: {entry.draft_model_path}: {error}") from error


def _memory(entry: TextEntry) -> tuple[float, int]:
    """Bytes for the KV caches of running requests, and for those of the prompt cache, once the weights are loaded.

    What is not configured is what the device has to spare, where it says (Metal: the recommended working set).
    """
    recommended = mx.device_info().get("max_recommended_working_set_size")
    spare = math.inf
    if recommended:
        spare = max(_SPARE * int(recommended) - mx.get_active_memory(), _LEAST * int(recommended))
    kept = entry.prompt_cache_max_bytes
    if kept is None:
        kept = int(min(PROMPT_CACHE_BYTES, spare / 4))
    running = max(spare - kept, spare / 4) if entry.max_kv_bytes is None else entry.max_kv_bytes
    return running, kept


def _prompt_cache(entry: TextEntry, weights: Weights, most: int) -> PromptCache:
    store = None
    if entry.prompt_cache_dir and most:
        own = Path(entry.prompt_cache_dir).expanduser() / quote(entry.name, safe="")
        files = own / _fingerprint(entry, weights)
        for other in own.glob("*"):  # what the model's files were before
            if other != files:
                shutil.rmtree(other, ignore_errors=True)
        store = PromptStore(files, entry.prompt_cache_disk_max_bytes)
    return PromptCache(most, entry.prompt_cache_size, store)


def _fingerprint(entry: TextEntry, weights: Weights) -> str:
    """Of all that a KV cache's numbers depend on (weights, adapter, quantisation, code) and of the files' layout."""
    laid = weights.adapters.folders.values() if weights.adapters else ()
    folders = [weights.folder, *([weights.adapter] if weights.adapter else []), *laid]
    return fingerprint(folders, _quantisation(entry), weights.code, LAYOUT)


def _context(entry: TextEntry, config: Mapping[str, Any]) -> int:
    return min(length for length in (entry.context_length, promised(config), 1 << 20) if length)


def _vocabulary(model: Any) -> int:
    logits = model(mx.zeros((1, 1), mx.int32))
    return int(logits.shape[-1])


def _defaults(entry: TextEntry, settings: Settings, folder: Path) -> Defaults:
    """The entry's values, else the environment's, else the model's own, else ours."""
    path = folder / "generation_config.json"
    generation_config = json.loads(path.read_text()) if path.is_file() else {}
    generation_config = {"max_tokens": generation_config.get("max_new_tokens"), **generation_config}
    values: dict[str, Any] = {}
    for name, kind in SAMPLING.items():
        for value in (entry.defaults.get(name), settings.defaults.get(name), generation_config.get(name)):
            with suppress(ValueError):  # a model's own may be anything, None among it
                values.setdefault(name, checked(value, kind))
    return Defaults(**values)
