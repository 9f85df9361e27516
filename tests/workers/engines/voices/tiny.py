"""Voices with tiny random weights, in the files that mlx-audio loads: one that streams, and one that does not."""

from __future__ import annotations

import json
from pathlib import Path

from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402
from mlx.utils import tree_flatten, tree_map_with_path  # noqa: E402
from mlx_audio.tts.models import pocket_tts, soprano  # noqa: E402
from tokenizers import Tokenizer, models, pre_tokenizers  # noqa: E402
from transformers import PreTrainedTokenizerFast  # noqa: E402

RATE = 8_000
VOICES = ("alba", "marius")
_POCKET = {
    "model_type": "pocket_tts",
    "eos_threshold": 1000.0,  # so that it speaks a second for a word and two more
    "flow_lm": {
        "d_model": 8, "num_heads": 2, "num_layers": 1, "dim_feedforward": 24, "max_period": 10000, "n_bins": 96,
        "lut_dim": 8, "flow_dim": 8, "flow_depth": 1, "ldim": 4,
    },
    "mimi": {
        "channels": 1, "sample_rate": RATE, "frame_rate": 2, "dimension": 8, "quantizer_dimension": 4,
        "quantizer_output_dimension": 8, "n_filters": 2, "n_residual_layers": 1, "ratios": [20, 20, 5],
        "kernel_size": 3, "last_kernel_size": 3, "residual_kernel_size": 3, "dilation_base": 2, "compress": 2,
        "transformer_d_model": 8, "transformer_num_heads": 2, "transformer_num_layers": 1,
        "transformer_layer_scale": 0.01, "transformer_context": 16, "transformer_max_period": 10000,
        "transformer_dim_feedforward": 16,
    },
}  # fmt: skip


def _tokenizer() -> Tokenizer:
    """A token a printable character."""
    vocabulary = {"[UNK]": 0, **{chr(code): code - 31 for code in range(32, 127)}}
    found = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    found.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    return found


def pocket(folder: Path) -> Path:
    """Pocket TTS: it streams, and has a file for each of its voices."""
    (folder / "voices").mkdir(parents=True)
    _tokenizer().save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps(_POCKET))
    mx.random.seed(0)
    model = pocket_tts.Model({**_POCKET, "model_path": str(folder)})
    weights = tree_flatten(tree_map_with_path(lambda _, one: mx.random.normal(one.shape) * 0.3, model.parameters()))
    mx.save_safetensors(str(folder / "model.safetensors"), dict(weights))
    for name in VOICES:
        prompt = mx.random.normal((1, 3, 8))
        mx.save_safetensors(str(folder / "voices" / f"{name}.safetensors"), {"audio_prompt": prompt})
    return folder


_SOPRANO = {
    "model_type": "soprano", "hidden_size": 16, "num_hidden_layers": 1, "intermediate_size": 32,
    "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 8, "rms_norm_eps": 1e-6, "vocab_size": 128,
    "max_position_embeddings": 512, "rope_theta": 10000.0, "tie_word_embeddings": False, "sample_rate": RATE,
}  # fmt: skip


def whole(folder: Path) -> Path:
    """Soprano: it has one voice, and gives a passage's audio as a whole."""
    folder.mkdir(parents=True)
    tokens = PreTrainedTokenizerFast(tokenizer_object=_tokenizer(), eos_token="\x7f", pad_token="\x7f")
    tokens.save_pretrained(str(folder))
    (folder / "config.json").write_text(json.dumps(_SOPRANO))
    mx.random.seed(0)
    model = soprano.Model({**_SOPRANO, "model_path": str(folder)})
    weights = dict(tree_flatten(model.parameters()))
    mx.save_safetensors(str(folder / "model.safetensors"), weights)
    return folder
