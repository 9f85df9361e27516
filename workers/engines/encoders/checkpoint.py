"""A model's folder: its config.json and its weights, and how weights come into a network."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten

from workers.engine import Unservable

_TOLD = 3  # names of missing weights
# Matrices that a checkpoint keeps apart and a network multiplies at once: `layers.0.qkv.1.weight`.
_PART = re.compile(r"(?P<layer>.*\b(?:qkv|up))\.(?P<number>\d)\.(?P<kind>\w+)")


class UnusableModel(Unservable):
    """A model's files cannot be served; the message is a sentence that says why."""


def read_json(path: Path) -> Any:
    """What a JSON file holds, None where there is none; raises UnusableModel."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UnusableModel(f"{path} is not readable as JSON: {error}") from error


def read_object(path: Path) -> dict[str, Any]:
    """The object that a JSON file holds, an empty one where there is no file; raises UnusableModel."""
    value = read_json(path)
    if not isinstance(value, dict | None):
        raise UnusableModel(f"{path} must hold a JSON object")
    return value or {}


def read_config(folder: Path) -> dict[str, Any]:
    """The config.json of a folder, with a `model_type`; raises UnusableModel."""
    config = read_object(folder / "config.json")
    if not isinstance(config.get("model_type"), str):
        raise UnusableModel(f"{folder} holds no config.json with a 'model_type'; is it the folder of a model?")
    return config


def read_weights(folder: Path) -> dict[str, mx.array]:
    """The weights in a folder's safetensors by their names; raises UnusableModel."""
    files = sorted(folder.glob("model*.safetensors")) or sorted(folder.glob("weights*.safetensors"))
    if not files:
        others = [path.name for kind in ("*.bin", "*.pt", "*.onnx", "*.npz") for path in sorted(folder.glob(kind))]
        instead = f" but {others[0]}; convert it" if others else ""
        raise UnusableModel(f"{folder} holds no weights as model.safetensors{instead}")
    weights: dict[str, mx.array] = {}
    for file in files:
        try:
            weights.update(_loaded(file))
        except (RuntimeError, ValueError, OSError) as error:
            raise UnusableModel(f"{file} is not readable as safetensors: {error}") from error
    return weights


def _loaded(file: Path) -> dict[str, mx.array]:
    weights: Any = mx.load(str(file))
    return dict(weights)


def renamed(weights: Mapping[str, mx.array], names: Mapping[str, str], root: str) -> dict[str, mx.array]:
    """The weights under a network's names, without the prefix that stands before `root`, in their own matrices."""
    named = {}
    for name, weight in weights.items():
        for theirs, ours in names.items():
            name = name.replace(theirs, ours)
        named[name] = weight
    roots = [name for name in named if name == root or name.endswith(f".{root}")]
    prefix = min(roots, key=len).removesuffix(root) if roots else ""
    return _joined({name.removeprefix(prefix): weight for name, weight in named.items()})


def fill(network: nn.Module, weights: Mapping[str, mx.array], mode: str = "affine") -> dict[str, mx.array]:
    """Put weights into a network, quantised layers as they come; returns those that it has no place for.

    `mode` is how quantised ones are. Raises UnusableModel where some are missing or have another shape.
    """

    def bits(path: str, layer: nn.Module) -> bool | dict[str, Any]:
        scales = weights.get(f"{path}.scales")
        if scales is None or not hasattr(layer, "to_quantized"):
            return False
        size = layer.weight.shape[-1]
        packed = weights[f"{path}.weight"].shape[-1]
        return {"bits": packed * 32 // size, "group_size": size // scales.shape[-1], "mode": mode}

    if any(name.endswith(".scales") for name in weights):
        nn.quantize(network, class_predicate=bits)
    parameters = dict(tree_flatten(network.parameters()))
    if missing := sorted(parameters.keys() - weights.keys()):
        more = f" and {len(missing) - _TOLD} more" if len(missing) > _TOLD else ""
        raise UnusableModel(f"its weights lack {', '.join(missing[:_TOLD])}{more}")
    for name, parameter in parameters.items():
        if parameter.shape != weights[name].shape:
            raise UnusableModel(
                f"its weight {name} has the shape {weights[name].shape}, and config.json says {parameter.shape}"
            )
    network.load_weights([(name, weights[name]) for name in parameters])
    network.eval()
    mx.eval(network.parameters())
    return {name: weight for name, weight in weights.items() if name not in parameters}


def _joined(weights: Mapping[str, mx.array]) -> dict[str, mx.array]:
    joined: dict[str, mx.array] = {}
    parts: dict[str, dict[int, mx.array]] = defaultdict(dict)
    for name, weight in weights.items():
        if (part := _PART.fullmatch(name)) is not None:
            parts[f"{part['layer']}.{part['kind']}"][int(part["number"])] = weight
        else:
            joined[name] = weight
    for name, numbered in parts.items():
        joined[name] = mx.concatenate([numbered[number] for number in sorted(numbered)])
    return joined
