"""Cohere Compass: layers with windows, and positions in rows and columns."""

from tests.workers.engines.vision.zoo import TEXT, Tiny, qwen3_5, token

_ROPE = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 10_000.0}
TINY = Tiny(
    config={
        "text_config": {
            "model_type": "cohere_compass_text",
            **TEXT,
            "num_hidden_layers": 3,
            "sliding_window": 48,
            "layer_types": ["sliding_attention", "full_attention", "sliding_attention"],
            "rope_parameters": {"sliding_attention": _ROPE, "full_attention": _ROPE},
        },
        "vision_config": {
            **qwen3_5.QWEN_VISION,
            "model_type": "cohere_compass_vision",
            "deepstack_visual_indexes": [0, 1],
        },
        "vision_start_token_id": token(0),
        "vision_end_token_id": token(1),
        "image_token_id": token(2),
        "min_pixels": 64,
        "max_pixels": 4096,
    },
    tokens=("<|VISION_START|>", "<|VISION_END|>", "<|IMAGE_PAD|>"),
    markers=("<|VISION_START|><|IMAGE_PAD|><|VISION_END|>",),
)
