"""PaddleOCR-VL: positions in rows and columns; its projector's width, 1024, stands in no config."""

from tests.workers.engines.vision.zoo import TEXT, VISION, Tiny, token

TINY = Tiny(
    config={
        **TEXT,
        "hidden_size": 1024,
        "use_bias": False,
        "rope_scaling": {"type": "default", "mrope_section": [2, 3, 3]},
        "vision_config": {"model_type": "paddleocr_vl", **VISION, "patch_size": 4, "image_size": 32},
        "image_token_id": token(0),
        "video_token_id": token(1),
        "vision_start_token_id": token(2),
        "vision_end_token_id": token(3),
    },
    files={
        "preprocessor_config.json": {"patch_size": 4, "merge_size": 2, "min_pixels": 64, "max_pixels": 4096},
    },
    tokens=("<|IMAGE_PLACEHOLDER|>", "<|video_pad|>", "<|IMAGE_START|>", "<|IMAGE_END|>"),
    markers=("<|IMAGE_START|><|IMAGE_PLACEHOLDER|><|IMAGE_END|>",),
)
