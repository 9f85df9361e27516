"""LLaVA-NeXT."""

from tests.workers.engines.vision.zoo import TEXT, VISION, Tiny, token

TINY = Tiny(
    config={
        "text_config": {"model_type": "mistral", **TEXT},
        "vision_config": {"model_type": "clip_vision_model", **VISION},
        "image_token_index": token(0),
        "image_grid_pinpoints": [[32, 64], [64, 32], [64, 64]],
    },
    files={
        "preprocessor_config.json": {
            "image_processor_type": "LlavaNextImageProcessor",
            "size": {"shortest_edge": 32},
            "crop_size": {"height": 32, "width": 32},
            "image_grid_pinpoints": [[32, 64], [64, 32], [64, 64]],
        },
        "processor_config.json": {
            "processor_class": "LlavaNextProcessor",
            "patch_size": 8,
            "vision_feature_select_strategy": "default",
            "num_additional_image_tokens": 1,
        },
    },
    tokens=("<image>",),
)
