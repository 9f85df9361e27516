"""Which `model_type` of a config.json is that of a model of mlx-audio, and of nothing else that is served here."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mlx_audio import registry

# Whisper has an engine of its own; the others are parts of models, or write no text.
_OTHERWISE = ("whisper", "dense", "nemo", "wav2vec", "lasr_ctc", "qwen3_forced_aligner")


def speaking() -> tuple[str, ...]:
    """Those of models that speak."""
    return _of("tts")


def listening() -> tuple[str, ...]:
    """Those of models other than Whisper that write down speech."""
    return _of("stt")


def unnamed(config: Mapping[str, Any]) -> str | None:
    """The architecture of a config that does not name one, which mlx-audio would look for in the folder's name."""
    target = str(config.get("target", ""))
    if target.startswith("nemo.collections.asr"):
        return "canary" if "MultiTask" in target else "parakeet"
    return "kokoro" if config.keys() >= {"istftnet", "plbert"} and "model_type" not in config else None


def _of(kind: str) -> tuple[str, ...]:
    known = registry.supported_model_types(kind) - set(_OTHERWISE)
    return tuple(sorted(one for one in known if registry.classify_model(one) == kind and not _writes(one)))


def _writes(architecture: str) -> bool:
    """Whether it is the name of a text model, or of one that sees, as well."""
    for package in ("mlx_lm", "mlx_vlm"):
        spec = find_spec(package)
        for place in (spec.submodule_search_locations if spec else None) or ():
            models = Path(place) / "models"
            if (models / f"{architecture}.py").exists() or (models / architecture).is_dir():
                return True
    return False
