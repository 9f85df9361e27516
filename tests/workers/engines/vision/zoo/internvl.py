"""InternVL as transformers has it."""

from tests.workers.engines.vision.zoo import TEXT, VISION, Tiny, token

TINY = Tiny(
    config={
        "text_config": {"model_type": "qwen2", **TEXT},
        "vision_config": {"model_type": "internvl_vision", **VISION},
        "image_token_id": token(2),
        "downsample_ratio": 0.5,
        "max_dynamic_patch": 2,
    },
    files={"processor_config.json": {"image_seq_length": 4}},
    tokens=("<img>", "</img>", "<IMG_CONTEXT>", "<image>"),
)
