"""Muse Glimmer: layers with windows, and some without positions."""

from tests.workers.engines.vision.zoo import TEXT, Tiny, token

TINY = Tiny(
    config={
        "text_config": {
            "model_type": "muse_glimmer_text",
            **TEXT,
            "sliding_window": 48,
            "layer_types": ["sliding_attention", "full_attention"],
            "output_multiplier": 1.0,
            "eos_token_id": token(-1),
        },
        "vision_config": {
            "model_type": "muse_glimmer_vision",
            "patch_size": 4,
            "pos_emb_height": 8,
            "pos_emb_width": 8,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_attention_heads": 2,
            "num_hidden_layers": 2,
            "layer_types": ["window_attention", "full_attention"],
        },
        "out_hidden_size": 128,
        "projector_hidden_size": 64,
        "image_token_id": token(0),
        "video_token_id": token(3),
    },
    files={"processor_config.json": {"patch_size": 4, "max_image_tokens": 64}},
    tokens=("<|patch|>", "<|image_start|>", "<|image_end|>", "<|video|>"),
    markers=("<|patch|>",),
)
