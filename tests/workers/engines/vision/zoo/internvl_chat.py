"""InternVL, with a processor of mlx-vlm."""

from tests.workers.engines.vision.zoo import TEXT, VISION, Tiny, token

TINY = Tiny(
    config={
        "llm_config": {"model_type": "qwen2", **TEXT},
        "vision_config": {"model_type": "intern_vit_6b", **VISION, "norm_type": "layer_norm"},
        "image_token_index": token(2),
        "downsample_ratio": 0.5,
        "force_image_size": 32,
    },
    files={
        "preprocessor_config.json": {"image_size": 32, "size": 32, "max_dynamic_patch": 4},
    },
    tokens=("<img>", "</img>", "<IMG_CONTEXT>", "<image>"),
)
