"""Moondream 3 with experts: its processor puts an image before the text, which it makes a question of."""

from typing import Any

from tests.workers.engines.vision.zoo import VOCABULARY, Tiny

TOWER: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_crops": 3,
    "proj_inner_dim": 64,
    "proj_out_dim": 64,
}
LANGUAGE: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "vocab_size": VOCABULARY,
}

TINY = Tiny(
    config={
        "text_config": {
            **LANGUAGE,
            "head_dim": 16,
            "rope_dim": 8,
            "num_experts": 4,
            "num_experts_per_tok": 2,
            "moe_intermediate_size": 32,
            "moe_start_layer": 1,
        },
        "vision_config": TOWER,
    },
    template=None,
)
