"""Molmo 2, whose images are always of 378 pixels."""

from typing import Any

from tests.workers.engines.vision.zoo import FIRST, Tiny, token

# What the two that came of Molmo share.
TOKENS = (
    *("<im_start>", "<im_end>", "<im_patch>", "<im_col>", "<low_res_im_start>", "<|image|>", "<im_low>"),
    *("<frame_start>", "<frame_end>"),
)
PLACES = {
    "image_start_token_id": token(0),
    "image_end_token_id": token(1),
    "image_patch_id": token(2),
    "image_col_id": token(3),
    "frame_start_token_id": token(7),
    "frame_end_token_id": token(8),
}
_ATTENTION = {"num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 16}
LANGUAGE: dict[str, Any] = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "vocab_size": FIRST,
    "additional_vocab_size": 128,
    "max_position_embeddings": 2048,
}
TOWER: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, **_ATTENTION}
ADAPTER: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "text_hidden_size": 64,
    "vit_layers": [-1, -2],
    **_ATTENTION,
}

TINY = Tiny(
    config={
        "text_config": {"model_type": "molmo2", **LANGUAGE},
        "vision_config": {"vit_config": TOWER, "adapter_config": ADAPTER},
        **PLACES,
        "low_res_image_start_token_id": token(4),
        "image_low_res_id": token(6),
    },
    tokens=TOKENS,
    markers=("<|image|>",),
)
