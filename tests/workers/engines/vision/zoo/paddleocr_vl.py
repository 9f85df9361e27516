"""PaddleOCR-VL."""

from tests.workers.engines.vision.zoo import TEXT, VISION, Tiny, token

TINY = Tiny(
    config={
        **{name: value for name, value in TEXT.items() if name != "vocab_size"},
        "use_bias": False,
        "rope_scaling": {"rope_type": "default", "type": "default", "mrope_section": [2, 3, 3]},
        "rope_is_neox_style": True,
        "vision_config": {"model_type": "paddleocr_vl", **VISION, "spatial_merge_size": 2, "image_size": 64},
        "image_token_id": token(0),
        "video_token_id": token(1),
        "vision_start_token_id": token(2),
        "vision_end_token_id": token(3),
    },
    files={
        "preprocessor_config.json": {
            "image_processor_type": "PaddleOCRVLImageProcessor",
            "patch_size": 8,
            "temporal_patch_size": 1,
            "merge_size": 2,
            "min_pixels": 256,
            "max_pixels": 4096,
        },
        "processor_config.json": {"processor_class": "PaddleOCRVLProcessor"},
    },
    tokens=("<|IMAGE_PLACEHOLDER|>", "<|video_pad|>", "<|IMAGE_START|>", "<|IMAGE_END|>"),
    markers=("<|IMAGE_START|><|IMAGE_PLACEHOLDER|><|IMAGE_END|>",),
)
