"""A folder of models: what lies in it is served on demand, as what its files say it is. Nothing is loaded for that."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from mlxq.entries import ENTRIES
from mlxq.entries.model_entry import ModelEntry
from mlxq.names import ImageEdit, ImageGeneration, Listening, Speaking

_DEPTH = 2  # folders below the folder: `name` or `owner/name`
_CACHED = re.compile(r"models--(?P<owner>[^/]+?)--(?P<name>.+)")  # how the Hugging Face hub's cache names a repository
_WEIGHTS = ("*.safetensors", "*.npz")
_WHISPER = {"n_mels", "n_audio_state"}  # keys of a converted Whisper's config, which has no `model_type`
_LISTENING, _SPEAKING = frozenset(get_args(Listening)), frozenset(get_args(Speaking))
# What configs without a `model_type` have: those of Kokoro and KittenTTS, and those of Pocket TTS.
_SPEAKERS = ({"istftnet", "plbert"}, {"flow_lm", "mimi"})
_NEMO = "nemo.collections.asr"  # how the class begins that NeMo's configs name, of Parakeet's and Canary's
_SPEAKING_NAMES = ("orpheus", "kokoro")  # models whose architecture is that of a text model, or is not told
_SENSES = ("vision_config", "audio_config", "vision_tower", "mm_vision_tower", "img_processor", "visual")
_ENCODERS = ("ForMaskedLM", "Model", "ForPreTraining", "ForTextEncoding")  # how networks without a head for text end
_GENERATION, _EDIT = frozenset(get_args(ImageGeneration)), frozenset(get_args(ImageEdit))
# The kinds of image model by their pipeline's class in diffusers; the first is what one is whose name says no more.
_PIPELINES: Mapping[str, tuple[str, ...]] = {
    "FluxPipeline": ("flux-schnell", "flux-dev", "flux-krea-dev"),
    "FluxKontextPipeline": ("flux-kontext-dev",),
    "FluxFillPipeline": ("flux-fill-dev",),
    "Flux2KleinPipeline": ("flux2-klein-4b", "flux2-klein-9b", "flux2-klein-base-4b", "flux2-klein-base-9b"),
    "QwenImagePipeline": ("qwen-image",),
    "QwenImageEditPipeline": ("qwen-image-edit",),
    "QwenImageEditPlusPipeline": ("qwen-image-edit-2511",),
    "ZImagePipeline": ("z-image-turbo", "z-image"),
}


def models(folder: Path) -> Iterator[ModelEntry]:
    """The models of a folder by their names; folders that cannot be served are skipped."""
    for name, path in sorted(_candidates(folder)):
        entry = recognise(name, path)
        if entry is not None and not any(entry.faults()):
            yield entry


def recognise(name: str, folder: Path) -> ModelEntry | None:
    """The entry of a model by its files, None when they are not those of a model that can be served."""
    keys = _image(name, folder) if draws(folder) else _text(name, folder)
    if keys is None:
        return None
    kind = ENTRIES[keys.pop("model_type")]
    return kind(model_path=str(folder), served_model_name=name, on_demand=True, **keys)


def _candidates(folder: Path, within: str = "", depth: int = _DEPTH) -> Iterator[tuple[str, Path]]:
    for path in folder.iterdir():
        if not path.is_dir() or path.name.startswith("."):
            continue
        name = within + path.name
        if cached := _CACHED.fullmatch(path.name):
            if (snapshot := _snapshot(path)) is not None:
                yield f"{cached['owner']}/{cached['name']}", snapshot
        elif (path / "config.json").exists() or draws(path):
            yield name, path
        elif depth > 1:
            yield from _candidates(path, f"{name}/", depth - 1)


def _snapshot(repo: Path) -> Path | None:
    """The files of a repository in the hub's cache, as they were when they were last fetched."""
    try:
        snapshot = repo / "snapshots" / (repo / "refs" / "main").read_text().strip()
    except OSError:
        return None
    return snapshot if snapshot.is_dir() else None


def draws(folder: Path) -> bool:
    """Whether it is a model that makes images, whose parts lie in folders of their own."""
    return (folder / "model_index.json").exists() or ((folder / "transformer").is_dir() and (folder / "vae").is_dir())


def _image(name: str, folder: Path) -> dict[str, Any] | None:
    """An image model is of the kind of its pipeline that its name says; one without a pipeline of the one it says."""
    pipeline = str(_json(folder / "model_index.json").get("_class_name", ""))
    kinds = _PIPELINES.get(pipeline, () if pipeline else tuple(sorted(_GENERATION | _EDIT)))
    named = [kind for kind in kinds if _plain(kind) in _plain(name).replace("flux1", "flux")]
    chosen = max(named, key=len) if named else _by_size(folder, kinds) if pipeline and kinds else None
    if chosen is None:
        return None
    return {"model_type": "image-edit" if chosen in _EDIT else "image-generation", "config_name": chosen}


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _by_size(folder: Path, kinds: tuple[str, ...]) -> str:
    """What a transformer's config tells of kinds that share a pipeline: FLUX.1 dev is guided, schnell is not."""
    guided = bool(_json(folder / "transformer" / "config.json").get("guidance_embeds"))
    return "flux-dev" if guided and "flux-dev" in kinds else kinds[0]


def _text(name: str, folder: Path) -> dict[str, Any] | None:
    config = _json(folder / "config.json")
    if not config or not any(next(folder.glob(pattern), None) for pattern in _WEIGHTS):
        return None
    kind = by_config(name, folder, config)
    return None if kind is None else {"model_type": kind}


def by_config(name: str, folder: Path, config: Mapping[str, Any]) -> str | None:
    """The `model_type` that a config tells, of any model but those that draw; None when the model is unknown here."""
    words = name.lower()
    listed = config.get("architectures")
    heads = [str(head) for head in listed] if isinstance(listed, list) else []
    if config.get("model_type") == "whisper" or config.keys() >= _WHISPER:
        return "whisper"
    if config.get("model_type") in _LISTENING or str(config.get("target", "")).startswith(_NEMO):
        return "speech-to-text"
    if config.get("model_type") in _SPEAKING or any(config.keys() >= keys for keys in _SPEAKERS):
        return "text-to-speech"
    if any(name in words for name in _SPEAKING_NAMES):
        return "text-to-speech"
    sentences = _json(folder / "config_sentence_transformers.json")
    if _ends(heads, "ForSequenceClassification") or sentences.get("model_type") == "CrossEncoder" or "rerank" in words:
        return "rerank"
    if (folder / "modules.json").exists() or "embed" in words:
        return "embeddings"
    if any(key in config for key in _SENSES):
        return "multimodal"
    if _ends(heads, *_ENCODERS):
        return "embeddings"
    return "lm" if "model_type" in config else None


def _ends(heads: list[str], *endings: str) -> bool:
    return any(head.endswith(endings) for head in heads)


def _json(path: Path) -> dict[str, Any]:
    """The object in a file; an empty one where there is none that can be read."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
