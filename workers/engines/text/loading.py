"""From a models' file entry to a loaded text model with everything it is served with."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import mlx.core as mx
import mlx_lm
from mlx_lm.utils import maybe_set_recommended_wired_limit

from mlxq.catalogue import ModelEntry
from mlxq.settings import Settings
from workers.engines.text import kv
from workers.engines.text.batch import Batch
from workers.engines.text.options import Defaults
from workers.engines.text.prompt_cache import PromptCache
from workers.engines.text.prompts import Prompts
from workers.engines.text.sampler import Sampler
from workers.model_path import resolve

SLOTS = 32
LARGEST_CHUNK = 2048  # tokens


class Loaded(NamedTuple):
    """A model ready to run."""

    new_batch: Callable[[], Batch]
    tokenizer: Any
    prompts: Prompts
    defaults: Defaults
    slots: int


def load(entry: ModelEntry, settings: Settings) -> Loaded:
    """Load weights, tokenizer and defaults; call it in the thread that will own the model."""
    folder = resolve(entry.model_path, settings.cache)
    maybe_set_recommended_wired_limit()
    model, tokenizer, config = mlx_lm.load(str(folder), return_config=True)
    mx.eval(model.parameters())
    caches = kv.Kv(model)
    prompts = Prompts(tokenizer, _context(entry, config), _vocabulary(model))
    sampler = Sampler({*tokenizer.eos_token_ids, *tokenizer.encode("\n", add_special_tokens=False)})
    slots = entry.batch_completion_size or SLOTS

    def new_batch() -> Batch:
        return Batch(
            model,
            caches,
            sampler,
            PromptCache(1 << 30),
            slots=slots,
            chunk=entry.batch_prefill_step_size or LARGEST_CHUNK,
            max_kv_bytes=math.inf,
        )

    return Loaded(new_batch, tokenizer, prompts, _defaults(entry, folder), slots)


def _context(entry: ModelEntry, config: Mapping[str, Any]) -> int:
    own = config.get("max_position_embeddings") or config.get("text_config", {}).get("max_position_embeddings")
    return min(length for length in (entry.context_length, own, 1 << 20) if length)


def _vocabulary(model: Any) -> int:
    logits = model(mx.zeros((1, 1), mx.int32))
    return int(logits.shape[-1])


def _defaults(entry: ModelEntry, folder: Path) -> Defaults:
    path = folder / "generation_config.json"
    own = json.loads(path.read_text()) if path.is_file() else {}
    given = {
        "max_tokens": entry.default_max_tokens,
        "temperature": entry.default_temperature,
        "top_p": entry.default_top_p,
    }
    found: dict[str, Any] = {}
    for name in (field.name for field in fields(Defaults)):
        value = given.get(name)
        if value is None:
            value = own.get(name)
        if value is not None:
            found[name] = value
    return Defaults(**found)
