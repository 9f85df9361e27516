"""Phi-4 Multimodal: images take the place of one token, sounds of one or of many."""

from tests.workers.engines.vision.zoo import TEXT, TEXTS, VISION, Tiny, token

TINY = Tiny(
    config={
        **TEXT,
        "partial_rotary_factor": 0.75,
        "vision_config": {"model_type": "siglip2_vision_model", **VISION, "patch_size": 14, "image_size": 56},
        "mm_hidden_size": 32,
        "min_num_patches": 4,
        "max_num_patches": 24,
        "audio_token_index": token(0),
        "audio_processor": {
            "name": "cascades",
            "config": {
                "attention_dim": 32,
                "attention_heads": 2,
                "num_blocks": 2,
                "linear_units": 64,
                "ext_pw_out_channel": 32,
                "depthwise_seperable_out_channel": 32,
                "conv_channels": 32,
            },
        },
    },
    tokens=("<|endoftext11|>",),
    template=TEXTS,
)
