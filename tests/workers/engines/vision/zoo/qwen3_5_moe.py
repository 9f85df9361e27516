"""Qwen3.5 with experts."""

from tests.workers.engines.vision.zoo import EXPERTS, TEXT, Tiny, qwen3_5

TINY = Tiny(
    config={
        "text_config": {
            "model_type": "qwen3_5_moe_text",
            **TEXT,
            **qwen3_5.LINEAR,
            **EXPERTS,
            "shared_expert_intermediate_size": 32,
            "num_hidden_layers": 4,
        },
        "vision_config": {"model_type": "qwen3_5_moe", **qwen3_5.QWEN_VISION},
        **qwen3_5.QWEN_IDS,
    },
    files=qwen3_5.QWEN_FILES,
    tokens=qwen3_5.QWEN_TOKENS,
    markers=qwen3_5.QWEN_MARKERS,
)
