"""How much memory a model takes, from its files, before it is loaded; and how much there is for all of them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import structlog

from mlxq.entries.fake import FakeEntry
from mlxq.entries.image import ImageEntry
from mlxq.entries.lm import LmEntry
from mlxq.entries.model_entry import ModelEntry
from mlxq.model_path import ModelPathError
from mlxq.settings import Settings
from workers.model_files.model_path import local
from workers.serving import memory

_WEIGHTS = ("*.safetensors", "*.npz")
_BOUNDS = ("max_kv_bytes", "prompt_cache_max_bytes")  # keys that say how large a cache may become
_PART = 0.75  # of the machine's memory is for models where the device recommends nothing
# The supervisor has no MLX in it: it would keep a device open for as long as it lives.
_RECOMMENDED = "import mlx.core as mx; print(mx.device_info().get('max_recommended_working_set_size') or 0)"
_PATIENCE = 60.0  # seconds
log = structlog.get_logger()


class Need(NamedTuple):
    """Bytes of a model's weights, and bytes that its caches may take as far as its entry says."""

    weights: int
    caches: int

    @property
    def total(self) -> int:
        """What it takes at most, before anybody has measured it."""
        return self.weights + self.caches


def estimate(entry: ModelEntry, cache: Path) -> Need:
    """What a model needs as far as its files on this machine tell; no bytes for those that are yet to be downloaded."""
    if isinstance(entry, FakeEntry):
        return Need(entry.options.bytes, 0)
    weights = sum(_size(folder) for path in _paths(entry) if (folder := _folder(path, cache)) is not None)
    return Need(weights, sum(getattr(entry, key, None) or 0 for key in _BOUNDS))


def budget(settings: Settings) -> int:
    """Bytes for all models of this machine: what was configured, else what its device recommends."""
    if settings.memory_budget is not None:
        return settings.memory_budget
    return _recommended() or int(_PART * memory.physical())


def _recommended() -> int:
    try:
        asked = subprocess.run(
            [sys.executable, "-c", _RECOMMENDED], capture_output=True, text=True, timeout=_PATIENCE, check=True
        )
        return int(asked.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        log.warning("the device does not say how much memory it recommends to use", error=str(error))
        return 0


def _paths(entry: ModelEntry) -> Iterator[str]:
    """Where there are weights of a model."""
    yield entry.model_path
    if isinstance(entry, LmEntry):
        yield from filter(None, (entry.draft_model_path, entry.adapter_path, *entry.adapters.values()))
    if isinstance(entry, ImageEntry):
        yield from (*entry.lora_paths, *entry.adapters.values())


def _folder(path: str, cache: Path) -> Path | None:
    """Where the files of a path lie; None where they do not, which is told when the model is loaded."""
    try:
        return local(path, cache) or _downloaded(path)
    except ModelPathError:
        return None


def _downloaded(repo: str) -> Path | None:
    from huggingface_hub import snapshot_download  # takes most of a second, which local models need not wait for
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(repo, local_files_only=True))
    except (HFValidationError, LocalEntryNotFoundError, OSError):
        return None


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for pattern in _WEIGHTS for path in folder.rglob(pattern))
