"""Mistral Small 3.1 and later."""

from tests.workers.engines.vision.zoo import TEXT, VISION, Tiny, token

TINY = Tiny(
    config={
        "text_config": {"model_type": "mistral", **TEXT},
        "vision_config": {"model_type": "pixtral", **VISION, "image_size": 64, "head_dim": 16, "rope_theta": 10_000.0},
        "image_token_index": token(0),
        "spatial_merge_size": 2,
        "vision_feature_layer": -1,
    },
    files={
        "preprocessor_config.json": {
            "image_processor_type": "PixtralImageProcessor",
            "patch_size": 8,
            "size": {"longest_edge": 64},
        },
        "processor_config.json": {
            "processor_class": "PixtralProcessor",
            "patch_size": 8,
            "spatial_merge_size": 2,
            "image_token": "[IMG]",
            "image_break_token": "[IMG_BREAK]",
            "image_end_token": "[IMG_END]",
        },
    },
    tokens=("[IMG]", "[IMG_BREAK]", "[IMG_END]"),
    markers=("[IMG]",),
)
