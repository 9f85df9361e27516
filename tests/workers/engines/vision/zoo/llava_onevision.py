"""LLaVA-OneVision."""

from tests.workers.engines.vision.zoo import TEXT, VISION, Tiny, token

TINY = Tiny(
    config={
        "text_config": {"model_type": "qwen2", **TEXT},
        "vision_config": {"model_type": "siglip_vision_model", **VISION},
        "image_token_index": token(0),
        "video_token_index": token(1),
        "image_grid_pinpoints": [[32, 64], [64, 32], [64, 64]],
    },
    files={
        "preprocessor_config.json": {
            "image_processor_type": "LlavaOnevisionImageProcessor",
            "size": {"height": 32, "width": 32},
            "image_grid_pinpoints": [[32, 64], [64, 32], [64, 64]],
        },
        "processor_config.json": {
            "processor_class": "LlavaOnevisionProcessor",
            "num_image_tokens": 16,
            "vision_feature_select_strategy": "full",
        },
    },
    tokens=("<image>", "<video>"),
    markers=("<image>", "", "<video>"),
)
