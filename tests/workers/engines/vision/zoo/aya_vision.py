"""Aya Vision."""

from tests.workers.engines.vision.zoo import TEXT, VISION, Tiny, token

TINY = Tiny(
    config={
        "text_config": {
            "model_type": "cohere2",
            **TEXT,
            "layer_norm_eps": 1e-5,
            "sliding_window": 48,
            "num_hidden_layers": 4,
        },
        "vision_config": {"model_type": "siglip_vision_model", **VISION},
        "image_token_index": token(0),
        "alignment_intermediate_size": 64,
    },
    files={
        "preprocessor_config.json": {
            "image_processor_type": "GotOcr2ImageProcessor",
            "size": {"height": 32, "width": 32},
            "crop_to_patches": True,
            "max_patches": 2,
        },
        "processor_config.json": {"processor_class": "AyaVisionProcessor", "img_size": 32, "patch_size": 16},
    },
    tokens=(
        "<|IMG_PATCH|>",
        "<image>",
        "<|START_OF_IMG|>",
        "<|END_OF_IMG|>",
        "<|IMG_LINE_BREAK|>",
        "TILE",
        "TILE_GLOBAL",
        "<|CHATBOT_TOKEN|>",
    ),
)
