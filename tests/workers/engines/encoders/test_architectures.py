"""Every architecture's states are those of transformers; `references.py` wrote these down."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.workers.engines.encoders import tiny
from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402
from safetensors.numpy import load_file, save_file  # noqa: E402

from workers.engines.encoders import architectures, loading  # noqa: E402

# An architecture's references under the names and settings that its authors' own files have.
AUTHORS: Mapping[str, tuple[str, Mapping[str, Any], Mapping[str, str]]] = {
    "nomic_bert": (
        "nomic_bert",
        {
            "model_type": "nomic_bert",
            "vocab_size": 64,
            "n_embd": 16,
            "n_layer": 2,
            "n_head": 2,
            "n_inner": 24,
            "n_positions": 48,
            "layer_norm_epsilon": 1e-12,
            "activation_function": "swiglu",
            "rotary_emb_base": 1000,
            "qkv_proj_bias": False,
            "mlp_fc1_bias": False,
            "mlp_fc2_bias": False,
            "type_vocab_size": 2,
        },
        {},
    ),
    "jina-embeddings-v3": (
        "jina_embeddings_v3",
        {
            **tiny.CONFIGS["jina_embeddings_v3"],
            "model_type": "xlm-roberta",
            "position_embedding_type": "rotary",
            "rotary_emb_base": 20000.0,
        },
        {".weight": ".parametrizations.weight.original"},
    ),
}


def reference(name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads((tiny.REFERENCES / f"{name}.json").read_text())
    return value


def same(folder: Path, name: str, tolerance: float = 1e-4) -> None:
    """All texts at once, so that some are padded, and each alone."""
    expected = reference(name)
    encoder = loading.load(folder)
    together, _ = encoder.states(expected["inputs"])
    for number, tokens in enumerate(expected["inputs"]):
        alone, _ = encoder.states([tokens])
        for states in (together[number], alone[0]):
            kept = np.array(states.astype(mx.float32))[tiny.shown(len(tokens))]
            np.testing.assert_allclose(kept, expected["states"][number], atol=tolerance)


@pytest.mark.parametrize("name", tiny.CONFIGS)
def test_states_are_those_of_transformers(name: str, tmp_path: Path) -> None:
    same(tiny.write(tmp_path, tiny.CONFIGS[name], reference(name)["shapes"]), name)


@pytest.mark.parametrize("name", ["bert", "roberta", "xlm-roberta", "camembert", "mpnet"])
def test_what_a_config_leaves_out_is_as_in_transformers(name: str, tmp_path: Path) -> None:
    """The tiny configs say no epsilon, and a wrong one shows in the fifth digit."""
    same(tiny.write(tmp_path, tiny.CONFIGS[name], reference(name)["shapes"]), name, 1e-5)


@pytest.mark.parametrize("name", AUTHORS)
def test_the_files_of_an_architectures_authors_are_read_too(name: str, tmp_path: Path) -> None:
    known, config, names = AUTHORS[name]
    tiny.write(tmp_path, config, reference(known)["shapes"])
    weights = load_file(tmp_path / "model.safetensors")
    for part in [part for part in weights if "word_embeddings" in part or "Wqkv" in part]:
        for ours, theirs in names.items():
            weights[part.replace(ours, theirs)] = weights.pop(part)
    save_file(weights, tmp_path / "model.safetensors")
    same(tmp_path, known)


@pytest.mark.parametrize("prefix", ["", "bert.", "0.auto_model."])
def test_a_checkpoint_of_a_model_with_a_head_has_a_prefix(prefix: str, tmp_path: Path) -> None:
    shapes = {f"{prefix}{name}": shape for name, shape in reference("bert")["shapes"].items()}
    tiny.write(tmp_path, tiny.CONFIGS["bert"], {"classifier.weight": (1, 16)})
    weights = tiny.weights(reference("bert")["shapes"])
    renamed = {f"{prefix}{name}": weights[name] for name in weights}
    save_file({**renamed, **tiny.weights({"classifier.weight": (1, 16)})}, tmp_path / "model.safetensors")
    same(tmp_path, "bert")
    assert shapes.keys() == renamed.keys() and "classifier.weight" in loading.load(tmp_path).rest


def test_an_old_checkpoint_calls_a_norms_weights_gamma_and_beta(tmp_path: Path) -> None:
    tiny.write(tmp_path, tiny.CONFIGS["bert"], {})
    weights = tiny.weights(reference("bert")["shapes"])
    old = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): weight
        for name, weight in weights.items()
    }
    assert old.keys() != weights.keys()
    save_file(old, tmp_path / "model.safetensors")
    same(tmp_path, "bert")


@pytest.mark.parametrize(("bits", "group"), [(8, 32), (4, 64)])
def test_quantised_weights_are_used_as_they_are(bits: int, group: int, tmp_path: Path) -> None:
    wide = {**tiny.CONFIGS["bert"], "hidden_size": 64, "intermediate_size": 128}
    sizes = {16: 64, 24: 128}
    shapes = {name: [sizes.get(size, size) for size in shape] for name, shape in reference("bert")["shapes"].items()}
    plain = {name: mx.array(weight) for name, weight in tiny.weights(shapes).items()}
    packed, opened = {}, {}
    for name, weight in plain.items():
        layer = name.removesuffix(".weight")
        if weight.ndim < 2 or name == layer or "token_type" in name:
            packed[name] = opened[name] = weight
            continue
        parts = mx.quantize(weight, group, bits)
        packed |= dict(zip((name, f"{layer}.scales", f"{layer}.biases"), parts, strict=True))
        opened[name] = mx.dequantize(*parts, group, bits)
    states = {}
    for kind, weights in (("packed", packed), ("opened", opened)):
        folder = tiny.write(tmp_path / kind, wide, {})
        mx.save_safetensors(str(folder / "model.safetensors"), weights)
        states[kind], _ = loading.load(folder).states(tiny.inputs())
    np.testing.assert_allclose(np.array(states["packed"]), np.array(states["opened"]), atol=1e-3)


def test_half_precision_pads_without_losing_numbers(tmp_path: Path) -> None:
    """Rows of padding that see nothing would be no numbers, and spoil those that multiply them by nothing."""
    for name in ("modernbert", "gemma3_text", "mpnet"):
        folder = tiny.write(tmp_path / name, tiny.CONFIGS[name], reference(name)["shapes"])
        weights = {
            part: mx.array(weight).astype(mx.float16)
            for part, weight in tiny.weights(reference(name)["shapes"]).items()
        }
        mx.save_safetensors(str(folder / "model.safetensors"), weights)
        states, _ = loading.load(folder).states(tiny.inputs(lengths=(2, 40)))
        assert np.isfinite(np.array(states.astype(mx.float32))).all(), name


def test_a_bert_reads_types_of_segments(tmp_path: Path) -> None:
    folder = tiny.write(tmp_path, tiny.CONFIGS["bert"], reference("bert")["shapes"])
    encoder, tokens = loading.load(folder), tiny.inputs(lengths=(9,))
    first, _ = encoder.states(tokens)
    same, _ = encoder.states(tokens, [[0] * 9])
    second, _ = encoder.states(tokens, [[0] * 4 + [1] * 5])
    assert mx.allclose(first, same) and not mx.allclose(first, second, atol=0.01)


def test_every_architecture_has_a_reference() -> None:
    import pkgutil

    named = {config["model_type"].replace("-", "_") for config in tiny.CONFIGS.values()}
    assert {module.name for module in pkgutil.iter_modules(architectures.__path__)} <= named
