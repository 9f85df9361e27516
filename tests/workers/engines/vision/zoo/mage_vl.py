"""Mage-VL: a film is images of its frames, each with its time."""

from tests.workers.engines.vision.zoo import TEXT, VISION, Tiny, qwen3_5

TINY = Tiny(
    config={
        "text_config": {"model_type": "qwen3", **TEXT},
        "vision_config": {
            "model_type": "mage_vl_vision",
            **VISION,
            "hidden_size": 64,
            "patch_size": 4,
            "spatial_merge_size": 2,
            "temporal_patch_size": 1,
            "out_hidden_size": 64,
            "text_hidden_size": 64,
        },
        **qwen3_5.QWEN_IDS,
    },
    files={"preprocessor_config.json": {**qwen3_5.QWEN_FILES["preprocessor_config.json"], "temporal_patch_size": 1}},
    tokens=qwen3_5.QWEN_TOKENS,
    markers=qwen3_5.QWEN_MARKERS,
)
