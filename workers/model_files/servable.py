"""Whether a model's files can be served here: as which `model_type`, by which architecture, in how much memory."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mlxq.folder import by_config, draws
from workers.engines.text import measured as text
from workers.engines.vision import measured as multimodal

_WEIGHTS = ("*.safetensors", "*.npz")
_INDEX = "*.safetensors.index.json"
_ELEMENT = 2  # bytes of a number in a KV cache
_LONGEST_HEADER = 100_000_000  # bytes, as the safetensors format has it
_ARCHITECTURES = Path(__file__).parent.parent / "engines" / "encoders" / "architectures"


@dataclass(frozen=True)
class Fit:
    """Sizes are in bytes, None where the files do not tell them; `kv_bytes` are of a token in the KV cache.

    `serve_as` is the `model_type` that fits, `unsupported` why it is not served all the same, and `broken` are files
    that are missing or not whole. `way` is how the answers of a text or multimodal model are decoded, and why.
    """

    serve_as: str | None
    unsupported: str | None
    broken: tuple[str, ...]
    weights: int | None
    kv_bytes: int | None
    way: str | None = None


def fit(name: str, folder: Path, config: Mapping[str, Any]) -> Fit:
    """Read what the files say; nothing is loaded."""
    kind = model_type(name, folder, config)
    unsupported = _unsupported(kind, config)
    return Fit(
        serve_as=kind,
        unsupported=unsupported,
        broken=tuple(broken(folder)),
        weights=_size(folder),
        kv_bytes=_kv_bytes(config) if kind in ("lm", "multimodal") else None,
        way=_way(kind, config) if unsupported is None else None,
    )


def model_type(name: str, folder: Path, config: Mapping[str, Any]) -> str | None:
    """The `model_type` that fits the model in a folder; None for a model that is not known here."""
    if not draws(folder):
        return by_config(name, folder, config)
    pipeline = str(_object(folder / "model_index.json").get("_class_name", "")).lower() + name.lower()
    return "image-edit" if any(part in pipeline for part in ("edit", "kontext", "fill")) else "image-generation"


def broken(folder: Path) -> Iterator[str]:
    """The files of weights that are missing or were not fetched to their end, a sentence each."""
    if not any(True for pattern in _WEIGHTS for _ in folder.rglob(pattern)):
        yield "the weights are not here"
        return
    for index in sorted(folder.rglob(_INDEX)):
        shards = _object(index).get("weight_map") or {}
        for shard in sorted({str(one) for one in shards.values()}):
            if not (index.parent / shard).exists():
                yield f"{(index.parent / shard).relative_to(folder)} is missing"
    for file in sorted(folder.rglob("*.safetensors")):
        if (reason := _cut(file)) is not None:
            yield f"{file.relative_to(folder)} {reason}"


def _unsupported(kind: str | None, config: Mapping[str, Any]) -> str | None:
    """Why a model of this type cannot be served with what is installed; None when it can."""
    architecture = str(config.get("model_type"))
    if kind is None:
        return "its files are not those of a model that is known here"
    if kind == "whisper":
        return _without("mlx_whisper", "speech")
    if kind in ("speech-to-text", "text-to-speech"):
        return _without("mlx_audio", "speech")
    if kind.startswith("image-"):
        return _without("mflux", "images")
    if kind == "multimodal":
        missing = _without("mlx_vlm", "vision")
        return missing or (None if _mlx_vlm_name(config) else _no_architecture("mlx-vlm", architecture))
    if kind in ("embeddings", "rerank") and (_ARCHITECTURES / f"{architecture.replace('-', '_')}.py").exists():
        return None
    if missing := _without("mlx_lm", "text"):
        return missing
    file = _in_mlx_lm(architecture)
    if file is None:
        return _no_architecture("mlx-lm", architecture)
    lacking = _lacking(file)
    return (
        f"architecture '{architecture}' of mlx-lm needs packages that are not installed: {lacking}" if lacking else None
    )


def _way(kind: str | None, config: Mapping[str, Any]) -> str | None:
    if kind == "multimodal":
        return multimodal.way(str(_mlx_vlm_name(config)))
    file = _in_mlx_lm(str(config.get("model_type"))) if kind == "lm" else None
    return None if file is None else text.way(file.stem)


def _without(package: str, extra: str) -> str | None:
    return None if find_spec(package) else f"{package} is not installed: `pip install 'mlxq[{extra}]'`"


def _no_architecture(library: str, architecture: str) -> str:
    return f"the installed {library} has no architecture '{architecture}'"


def _mlx_vlm_name(config: Mapping[str, Any]) -> str | None:
    """The module of an architecture in the installed mlx-vlm; None where there is none."""
    spec = find_spec("mlx_vlm")
    places = [Path(place) / "models" for place in (spec.submodule_search_locations if spec else None) or ()]
    name = str(config.get("model_type"))
    if any((place / name / "__init__.py").exists() for place in places):
        return name
    from mlx_vlm.utils import get_model_type  # takes seconds to import, and is seldom needed

    other = str(get_model_type(dict(config)))
    return other if any((place / other / "__init__.py").exists() for place in places) else None


def _in_mlx_lm(architecture: str) -> Path | None:
    """The file of an architecture in the installed mlx-lm; None where there is none."""
    spec = find_spec("mlx_lm")
    places = [Path(place) / "models" for place in (spec.submodule_search_locations if spec else None) or ()]
    for place in places:
        if (file := place / f"{architecture}.py").exists():
            return file
    from mlx_lm.utils import MODEL_REMAPPING  # takes seconds to import, and is seldom needed

    other = MODEL_REMAPPING.get(architecture)
    files = (place / f"{other}.py" for place in places)
    return next((file for file in files if file.exists()), None)


def _lacking(file: Path) -> str:
    """The packages that a module imports and that are not installed; nothing of it runs."""
    imports = [node for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in imports if isinstance(node, ast.ImportFrom) and node.module and not node.level}
    packages = sorted({name.partition(".")[0] for name in names})
    return ", ".join(package for package in packages if find_spec(package) is None)


def _size(folder: Path) -> int | None:
    """Bytes of the weights: of the files that are there, else as an index says."""
    sizes = [file.stat().st_size for pattern in _WEIGHTS for file in folder.rglob(pattern)]
    totals = [(_object(index).get("metadata") or {}).get("total_size") for index in folder.rglob(_INDEX)]
    known = [size for size in totals if isinstance(size, int)]
    return max(sum(sizes), sum(known)) or None


def _kv_bytes(config: Mapping[str, Any]) -> int | None:
    """Bytes that a token takes in the KV caches of all layers, of an architecture that has one a layer."""
    inner = config.get("text_config")
    text: Mapping[str, Any] = inner if isinstance(inner, dict) else config
    layers, heads = text.get("num_hidden_layers"), text.get("num_attention_heads")
    if not isinstance(layers, int) or not isinstance(heads, int) or not heads:
        return None
    width = text.get("head_dim") or int(text.get("hidden_size") or 0) // heads
    return layers * 2 * int(text.get("num_key_value_heads") or heads) * int(width) * _ELEMENT or None


def _cut(file: Path) -> str | None:
    """Why a file of weights is not whole; None when it is as long as its header says."""
    size = file.stat().st_size
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if not 2 <= length <= min(_LONGEST_HEADER, size):
            return "is not a file of weights"
        try:
            header = json.loads(opened.read(length))
            ends = [part["data_offsets"][1] for name, part in header.items() if name != "__metadata__"]
        except (ValueError, KeyError, TypeError, AttributeError):
            return "is not a file of weights"
    whole = 8 + length + max(ends, default=0)
    return None if size >= whole else f"was not fetched to its end: {size:,} of {whole:,} bytes"


def _object(path: Path) -> dict[str, Any]:
    """The object in a file; an empty one where there is none that can be read."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
