"""Qwen3-VL with experts."""

from tests.workers.engines.vision.zoo import EXPERTS, TEXT, Tiny, qwen3_5

TINY = Tiny(
    config={
        "text_config": {
            "model_type": "qwen3_vl_moe_text",
            **TEXT,
            **EXPERTS,
            "num_hidden_layers": 3,
            "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3], "rope_type": "default"},
        },
        "vision_config": {"model_type": "qwen3_vl_moe", **qwen3_5.QWEN_VISION, "deepstack_visual_indexes": [0, 1]},
        **qwen3_5.QWEN_IDS,
    },
    files=qwen3_5.QWEN_FILES,
    tokens=qwen3_5.QWEN_TOKENS,
    markers=qwen3_5.QWEN_MARKERS,
)
