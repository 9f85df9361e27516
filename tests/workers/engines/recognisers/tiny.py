"""Recognisers with tiny random weights, in the files that mlx-audio loads: one that times words, one that does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402
from mlx.utils import tree_flatten, tree_map  # noqa: E402
from mlx_audio.stt.models import moonshine, parakeet  # noqa: E402

from tests.workers.engines.text.tiny import tokenizer  # noqa: E402

_MOONSHINE = {
    "model_type": "moonshine", "vocab_size": 517, "hidden_size": 16, "intermediate_size": 32,
    "encoder_num_hidden_layers": 1, "decoder_num_hidden_layers": 1, "encoder_num_attention_heads": 2,
    "decoder_num_attention_heads": 2, "eos_token_id": 2,
}  # fmt: skip
_WORDS = [*(f"\u2581{word}" for word in ("so", "it", "goes", "and", "then", "he", "said")), "s", "ing", ",", "."]
_PARAKEET = {
    "target": "nemo.collections.asr.models.rnnt_bpe_models.EncDecRNNTBPEModel",
    "model_defaults": {"tdt_durations": [0, 1, 2, 3, 4]},
    "preprocessor": {
        "sample_rate": 16000, "normalize": "per_feature", "window_size": 0.025, "window_stride": 0.01,
        "window": "hann", "features": 80, "n_fft": 512, "dither": 1e-05, "pad_to": 0, "pad_value": 0.0,
    },
    "encoder": {
        "feat_in": 80, "n_layers": 1, "d_model": 16, "n_heads": 2, "self_attention_model": "rel_pos",
        "subsampling": "dw_striding", "causal_downsampling": False, "pos_emb_max_len": 5000,
        "ff_expansion_factor": 2, "subsampling_factor": 8, "subsampling_conv_channels": 8,
        "conv_kernel_size": 9, "use_bias": False, "xscaling": False,
    },
    "decoder": {
        "blank_as_pad": True, "vocab_size": len(_WORDS),
        "prednet": {"pred_hidden": 16, "pred_rnn_layers": 1},
    },
    "joint": {
        "num_classes": len(_WORDS), "vocabulary": _WORDS, "num_extra_outputs": 5,
        "jointnet": {"encoder_hidden": 16, "pred_hidden": 16, "joint_hidden": 16, "activation": "relu"},
    },
    "decoding": {"model_type": "tdt", "durations": [0, 1, 2, 3, 4], "greedy": {"max_symbols": 10}},
}  # fmt: skip


def untimed(folder: Path) -> Path:
    """Moonshine."""
    folder.mkdir(parents=True)
    tokenizer()._tokenizer.save_pretrained(str(folder))
    (folder / "config.json").write_text(json.dumps(_MOONSHINE))
    weights = _weights(moonshine.Model(moonshine.ModelConfig.from_dict(_MOONSHINE)))
    for name in ("encoder.conv1.weight", "encoder.conv2.weight", "encoder.conv3.weight"):
        weights[name] = weights[name].swapaxes(1, 2)  # as the authors' files have them
    mx.save_safetensors(str(folder / "model.safetensors"), weights)
    return folder


def timed(folder: Path) -> Path:
    """Parakeet TDT."""
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(_PARAKEET))
    mx.save_safetensors(str(folder / "model.safetensors"), _weights(parakeet.Model(_PARAKEET)))
    return folder


def _weights(model: Any) -> dict[str, mx.array]:
    mx.random.seed(0)
    parameters = tree_map(lambda one: mx.random.normal(one.shape) * 0.3, model.parameters())
    return dict(tree_flatten(parameters))
