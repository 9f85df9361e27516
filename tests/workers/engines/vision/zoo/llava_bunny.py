"""Bunny, whose images take the place of one token and are always of 384 pixels."""

from tests.workers.engines.vision.zoo import TEXT, TEXTS, VISION, Tiny

TINY = Tiny(
    config={
        "model_type": "bunny-llama",
        "auto_map": {},
        "hidden_size": 64,
        "mm_hidden_size": 32,
        "text_config": {"model_type": "llama", **TEXT},
        "vision_config": {"model_type": "siglip_vision_model", **VISION, "patch_size": 14, "image_size": 384},
    },
    template=TEXTS,
)
