"""Whisper from CTranslate2 to the folder that mlx-whisper loads.

The layout of model.bin: https://github.com/OpenNMT/CTranslate2/blob/master/python/ctranslate2/specs/model_spec.py
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

Variables = dict[str, NDArray[Any]]

_VERSION = 6
_DTYPES = (np.float32, np.int8, np.int16, np.int32, np.float16)
_HEAD = 64  # the width of an attention head in every Whisper
_AUDIO_CONTEXT = 1500  # frames of 20 ms, in every Whisper


def convert(source: Path, target: Path) -> None:
    """Write config.json, weights.safetensors and alignment_heads.json, the heads that word timestamps are read from.

    `source` holds model.bin, or its parts in the order of their names, and CTranslate2's config.json. The weights
    become float32 where there is no Metal, since nothing else is fast there, else float16.
    """
    variables = read_variables(b"".join(part.read_bytes() for part in sorted(source.glob("model.bin*"))))
    weights = rename(variables)
    dtype = mx.float16 if mx.metal.is_available() else mx.float32
    arrays = {name: mx.array(np.ascontiguousarray(weight)).astype(dtype) for name, weight in weights.items()}
    mx.save_safetensors(str(target / "weights.safetensors"), arrays)
    (target / "config.json").write_text(json.dumps(_config(weights), indent=2))
    # mlx-whisper refuses a config.json with keys of others, so the heads lie beside it.
    heads = json.loads((source / "config.json").read_text())["alignment_heads"]
    (target / "alignment_heads.json").write_text(json.dumps(heads))


def read_variables(data: bytes) -> Variables:
    """The arrays of a CTranslate2 model.bin of version 6, by name; ValueError when it is something else."""
    file = io.BytesIO(data)
    version = _read(file, "I")
    if version != _VERSION:
        raise ValueError(f"model.bin is of version {version}, not {_VERSION}")
    _text(file)
    _read(file, "I")
    variables: Variables = {}
    for _ in range(_read(file, "I")):
        name = _text(file)
        shape = [_read(file, "I") for _ in range(_read(file, "B"))]
        dtype, size = _DTYPES[_read(file, "B")], _read(file, "I")
        variables[name] = np.frombuffer(file.read(size), dtype=dtype).reshape(shape)
    for _ in range(_read(file, "I")):
        alias = _text(file)
        variables[alias] = variables[_text(file)]
    return variables


def _read(file: io.BytesIO, kind: str) -> int:
    return int(struct.unpack(f"<{kind}", file.read(struct.calcsize(f"<{kind}")))[0])


def _text(file: io.BytesIO) -> str:
    return file.read(_read(file, "H")).rstrip(b"\0").decode()


def rename(variables: Variables) -> Variables:
    """CTranslate2's variables under the names, and in the shapes, of mlx-whisper's parameters."""
    weights: Variables = {}
    for conv in ("conv1", "conv2"):
        # (out, in, kernel) to (out, kernel, in)
        weights[f"encoder.{conv}.weight"] = variables[f"encoder/{conv}/weight"].transpose(0, 2, 1)
        weights[f"encoder.{conv}.bias"] = variables[f"encoder/{conv}/bias"]
    for half in ("encoder", "decoder"):
        for layer in range(_layers(variables, half)):
            source, target = f"{half}/layer_{layer}", f"{half}.blocks.{layer}"
            weights |= _attention(variables, f"{source}/self_attention", f"{target}.attn", ("query", "key", "value"))
            weights |= _norm(variables, f"{source}/ffn", f"{target}.mlp_ln")
            weights |= _linear(variables, f"{source}/ffn/linear_0", f"{target}.mlp1")
            weights |= _linear(variables, f"{source}/ffn/linear_1", f"{target}.mlp2")
            if half == "decoder":
                cross = f"{target}.cross_attn"
                weights |= _attention(variables, f"{source}/attention", cross, ("query",), ("key", "value"))
    weights |= _norm(variables, "encoder", "encoder.ln_post") | _norm(variables, "decoder", "decoder.ln")
    weights["decoder.token_embedding.weight"] = variables["decoder/embeddings/weight"]
    weights["decoder.positional_embedding"] = variables["decoder/position_encodings/encodings"]
    return weights


def _attention(variables: Variables, source: str, target: str, *fused: tuple[str, ...]) -> Variables:
    """One attention; `fused` names what each of its linear layers holds one above the other, before the output's."""
    weights = _norm(variables, source, f"{target}_ln")
    for number, names in enumerate(fused):
        linear = _linear(variables, f"{source}/linear_{number}", "")
        for part, array in linear.items():
            for name, rows in zip(names, np.split(array, len(names)), strict=True):
                weights[f"{target}.{name}{part}"] = rows
    del weights[f"{target}.key.bias"]  # Whisper's keys have none: CTranslate2 fills in zeros
    return weights | _linear(variables, f"{source}/linear_{len(fused)}", f"{target}.out")


def _linear(variables: Variables, source: str, target: str) -> Variables:
    return {f"{target}.{part}": variables[f"{source}/{part}"] for part in ("weight", "bias")}


def _norm(variables: Variables, source: str, target: str) -> Variables:
    norm = f"{source}/layer_norm"
    return {f"{target}.weight": variables[f"{norm}/gamma"], f"{target}.bias": variables[f"{norm}/beta"]}


def _layers(variables: Variables, half: str) -> int:
    return len({name.split("/")[1] for name in variables if name.startswith(f"{half}/layer_") and name.count("/") > 2})


def _config(weights: Mapping[str, NDArray[Any]]) -> dict[str, str | int]:
    words, state = weights["decoder.token_embedding.weight"].shape
    layers = {
        half: len({n.split(".")[2] for n in weights if n.startswith(f"{half}.blocks.")})
        for half in ("encoder", "decoder")
    }
    return {
        "model_type": "whisper",
        "n_mels": weights["encoder.conv1.weight"].shape[2],
        "n_audio_ctx": _AUDIO_CONTEXT,
        "n_audio_state": state,
        "n_audio_head": state // _HEAD,
        "n_audio_layer": layers["encoder"],
        "n_vocab": words,
        "n_text_ctx": weights["decoder.positional_embedding"].shape[0],
        "n_text_state": state,
        "n_text_head": state // _HEAD,
        "n_text_layer": layers["decoder"],
    }
