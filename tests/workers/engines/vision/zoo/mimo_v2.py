"""MiMo-V2: some layers see a window, and sounds come through a codec that lies beside the model."""

import json
from pathlib import Path

from tests.workers.engines.vision.zoo import EXPERTS, TEXT, Tiny, qwen3_5, token

import mlx.core as mx  # isort: skip
from mlx.utils import tree_flatten  # isort: skip
from mlx_audio.codec.models.mimo_audio_tokenizer import MiMoAudioTokenizer  # isort: skip
from mlx_audio.codec.models.mimo_audio_tokenizer.config import ModelConfig  # isort: skip

_CODEC = {
    "model_type": "mimo_audio_tokenizer",
    "d_model": 32,
    "encoder_layers": 4,
    "encoder_skip_layer_id": 2,
    "encoder_attention_heads": 2,
    "encoder_ffn_dim": 64,
    "decoder_layers": 1,
    "decoder_attention_heads": 2,
    "decoder_ffn_dim": 64,
    "vocoder_dim": 32,
    "vocoder_intermediate_dim": 64,
    "vocoder_num_layers": 1,
    "vocoder_attention_heads": 2,
    "codebook_size": [32] * 20,
    "weights_format": "mlx",
}


def _codec(folder: Path) -> None:
    """Write a random codec of sounds."""
    (folder / "audio_tokenizer").mkdir(exist_ok=True)
    (folder / "audio_tokenizer" / "config.json").write_text(json.dumps(_CODEC))
    mx.random.seed(0)
    weights = dict(tree_flatten(MiMoAudioTokenizer(ModelConfig.from_dict(_CODEC)).parameters()))
    mx.save_safetensors(str(folder / "audio_tokenizer" / "model.safetensors"), weights)


TINY = Tiny(
    config={
        **TEXT,
        **EXPERTS,
        "num_hidden_layers": 3,
        "v_head_dim": 16,
        "swa_head_dim": 16,
        "swa_v_head_dim": 16,
        "swa_num_attention_heads": 4,
        "swa_num_key_value_heads": 2,
        "partial_rotary_factor": 0.5,
        "sliding_window_size": 48,
        "hybrid_layer_pattern": [0, 1, 1],
        "moe_layer_freq": [0, 1, 1],
        "vision_config": {
            "model_type": "mimovl",
            "depth": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "out_hidden_size": 64,
            "num_heads": 2,
            "num_key_value_heads": 1,
            "qk_channels": 16,
            "patch_size": 4,
            "spatial_patch_size": 4,
            "fullatt_block_indexes": [0],
            "vit_window_attn_types": [-1, 1],
        },
        "audio_config": {
            "out_hidden_size": 64,
            "input_local_attn_heads": 2,
            "input_local_dim": 32,
            "input_local_head_dim": 16,
            "input_local_intermediate_size": 64,
            "input_local_layers": 2,
            "speech_vocab_size": 64,
        },
        **qwen3_5.QWEN_IDS,
        "audio_token_id": token(4),
    },
    files=qwen3_5.QWEN_FILES,
    tokens=(*qwen3_5.QWEN_TOKENS, "<|audio_pad|>"),
    markers=(qwen3_5.QWEN_MARKERS[0], "<|audio_pad|>", qwen3_5.QWEN_MARKERS[2]),
    beside=_codec,
)
