"""The models that are served, from a YAML file: frozen values, checked before anything starts.

The layout and the key names are those of mlx-openai-server's configuration file, so that one can be taken over; a key
whose feature does not exist here is refused by its name.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from mlxq.checks import SAMPLING, Check, one_of, real, whole

MODEL_TYPES = ("lm", "multimodal", "embeddings", "rerank", "whisper", "image-generation", "image-edit", "fake")
# fmt: off
NOT_BUILT = frozenset({
    "debug", "disable_batching", "on_demand", "on_demand_idle_timeout",
})
# fmt: on
SERVER_KEYS = ("host", "port", "log_level")
SERVER_NOT_BUILT = frozenset({"log_file", "no_log_file"})
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@-]*")


class CatalogueError(Exception):
    """The models' file cannot be used; the message says where and why."""


@dataclass(frozen=True)
class ModelEntry:
    """One served model.

    `model_path` and `draft_model_path` are local folders, `starter:NAME` or Hugging Face repo ids; lengths, step sizes
    and `quantized_kv_start` are in tokens; `queue_size` bounds the waiting interactive jobs; `queue_timeout` is a job's
    default deadline in seconds; `tool_call_parser` and `reasoning_parser` name formats of the workers, "none" turns one
    off; `enable_auto_tool_choice` and `message_converter` are taken and change nothing, as tools are always on and
    messages are written as the tool format wants them; `config_name` is the kind of image model, `quantize` its bits,
    `lora_paths` and `lora_scales` what is laid over it; `defaults` are sampling settings by their names in a request,
    `default_NAME` in the file; `options` belong to the engine of `model_type`; `aliases` are further names that
    calls may give it.
    """

    name: str
    model_path: str
    model_type: str = "lm"
    context_length: int | None = None
    queue_size: int = 100
    queue_timeout: int | None = None
    batch_completion_size: int | None = None
    batch_prefill_step_size: int | None = None
    batch_prefill_size: int | None = None
    adapter_path: str | None = None
    chat_template_file: str | None = None
    trust_remote_code: bool = False
    draft_model_path: str | None = None
    num_draft_tokens: int = 2
    kv_bits: int | None = None
    kv_group_size: int = 64
    quantized_kv_start: int = 0
    max_kv_bytes: int | None = None
    prompt_cache_size: int | None = None
    prompt_cache_max_bytes: int | None = None
    prompt_cache_dir: str | None = None
    prompt_cache_disk_max_bytes: int | None = None
    tool_call_parser: str | None = None
    reasoning_parser: str | None = None
    enable_auto_tool_choice: bool = True
    message_converter: str | None = None
    disable_auto_resize: bool = True
    config_name: str | None = None
    quantize: int | None = None
    lora_paths: tuple[str, ...] = ()
    lora_scales: tuple[float, ...] = ()
    defaults: Mapping[str, float] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Catalogue:
    """The models by name, and what the file says of the server."""

    models: Mapping[str, ModelEntry]
    server: Mapping[str, str | int] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Catalogue:
        """Read and check a file; CatalogueError says what is wrong with it."""
        try:
            return cls.parse(yaml.safe_load(path.read_text()), str(path))
        except FileNotFoundError:
            raise CatalogueError(f"{path}: no such file; MLXQ_CONFIG or --config names the models' file") from None
        except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
            raise CatalogueError(f"{path}: {error}") from error

    @classmethod
    def parse(cls, document: object, source: str) -> Catalogue:
        """Check a document as it came out of YAML; `source` names it in what CatalogueError says."""
        if not isinstance(document, dict):
            raise CatalogueError(f"{source}: must hold 'models:', a list")
        _known(document, ("server", "models"), frozenset(), source)
        server = document.get("server") or {}
        if not isinstance(server, dict):
            raise CatalogueError(f"{source}: 'server' must be a mapping")
        _known(server, SERVER_KEYS, SERVER_NOT_BUILT, f"{source}: server")
        listed = document.get("models")
        if not isinstance(listed, list) or not listed:
            raise CatalogueError(f"{source}: 'models' must be a list with at least one model")
        models: dict[str, ModelEntry] = {}
        for number, raw in enumerate(listed):
            entry = _entry(raw, f"{source}: models[{number}]")
            if entry.name in models:
                raise CatalogueError(f"{source}: models[{number}]: '{entry.name}' is served twice")
            models[entry.name] = entry
        names = [name for entry in models.values() for name in (entry.name, *entry.aliases)]
        for name in names:
            if names.count(name) > 1:
                raise CatalogueError(f"{source}: '{name}' is the name or alias of two models")
        return cls(models, server)

    def find(self, name: str) -> ModelEntry | None:
        """The model of this name or alias."""
        return self.models.get(name) or next((entry for entry in self if name in entry.aliases), None)

    def get(self, name: str) -> ModelEntry:
        """The model of this name; CatalogueError when there is none."""
        if name not in self.models:
            raise CatalogueError(f"no model '{name}'; there are {', '.join(self.models)}")
        return self.models[name]

    def __iter__(self) -> Iterator[ModelEntry]:
        return iter(self.models.values())


def _entry(raw: object, where: str) -> ModelEntry:
    if not isinstance(raw, dict):
        raise CatalogueError(f"{where}: must be a mapping")
    _known(raw, ("model_path", "served_model_name", *_CHECKS), NOT_BUILT, where)
    path = raw.get("model_path")
    if not isinstance(path, str) or not path:
        raise CatalogueError(f"{where}: 'model_path' is required: a folder, starter:NAME or a Hugging Face repo id")
    name = raw.get("served_model_name") or path
    if not isinstance(name, str) or not _NAME.fullmatch(name.removeprefix("./").lstrip("/~")):
        raise CatalogueError(f"{where}: 'served_model_name' {name!r} must be letters, digits and . _ / @ -")
    given: dict[str, Any] = {"defaults": {}}
    for key, check in _CHECKS.items():
        value = raw.get(key)
        if value is None:
            continue
        if not check.holds(value):
            raise CatalogueError(f"{where}: '{key}' must be {check.what}")
        if key.startswith(_DEFAULT):
            given["defaults"][key.removeprefix(_DEFAULT)] = value
        else:
            given[key] = tuple(value) if isinstance(value, list) else value
    if given.get("model_type", "lm") not in MODEL_TYPES:
        raise CatalogueError(f"{where}: 'model_type' must be one of {', '.join(MODEL_TYPES)}")
    scales = given.get("lora_scales")
    if scales is not None and len(scales) != len(given.get("lora_paths", ())):
        raise CatalogueError(f"{where}: 'lora_scales' must hold one number for each of 'lora_paths'")
    return ModelEntry(name=name, model_path=path, **given)


_DEFAULT = "default_"


def _listed(check: Check) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(check.holds(one) for one in value)


_TEXT = Check("a string", lambda value: isinstance(value, str) and bool(value))
_SWITCH = Check("true or false", lambda value: isinstance(value, bool))
_CHECKS: Mapping[str, Check] = {
    "model_type": _TEXT,
    "context_length": whole(1),
    "queue_size": whole(1),
    "queue_timeout": whole(1),
    "batch_completion_size": whole(1),
    "batch_prefill_size": whole(1),
    "batch_prefill_step_size": whole(1),
    "adapter_path": _TEXT,
    "chat_template_file": _TEXT,
    "trust_remote_code": _SWITCH,
    "draft_model_path": _TEXT,
    "num_draft_tokens": whole(1, 32),
    "kv_bits": one_of(2, 4, 8),
    "kv_group_size": one_of(32, 64, 128),
    "quantized_kv_start": whole(0),
    "max_kv_bytes": whole(1),
    "prompt_cache_size": whole(0),
    "prompt_cache_max_bytes": whole(0),
    "prompt_cache_dir": _TEXT,
    "prompt_cache_disk_max_bytes": whole(1),
    "tool_call_parser": _TEXT,
    "reasoning_parser": _TEXT,
    "enable_auto_tool_choice": _SWITCH,
    "message_converter": _TEXT,
    "disable_auto_resize": Check(
        "true, as pictures are shrunk only where a request asks for it", lambda value: value is True
    ),
    "config_name": _TEXT,
    "quantize": one_of(4, 8, 16),
    "lora_paths": Check("a list of strings", _listed(_TEXT)),
    "lora_scales": Check("a list of numbers from -10 to 10", _listed(real(-10, 10))),
    **{_DEFAULT + name: check for name, check in SAMPLING.items()},
    "options": Check("a mapping", lambda value: isinstance(value, dict)),
    "aliases": Check("a list of names", _listed(_TEXT)),
}


def _known(mapping: Mapping[Any, Any], known: tuple[str, ...], not_built: frozenset[str], where: str) -> None:
    for key in mapping:
        if key in not_built:
            raise CatalogueError(f"{where}: '{key}' is not built yet; take it out")
        if key not in known:
            near = difflib.get_close_matches(str(key), known, n=1)
            raise CatalogueError(f"{where}: unknown key '{key}'" + (f"; did you mean '{near[0]}'?" if near else ""))
