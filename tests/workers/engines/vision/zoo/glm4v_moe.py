"""GLM-4.5V and later."""

from tests.workers.engines.vision.zoo import EXPERTS, Tiny, glm4v

TINY = Tiny(
    config={
        "text_config": {
            "model_type": "glm4v_moe_text",
            **glm4v.GLM_TEXT,
            **EXPERTS,
            "n_shared_experts": 1,
            "n_group": 1,
            "topk_group": 1,
            "first_k_dense_replace": 1,
            "routed_scaling_factor": 1.0,
            "use_qk_norm": False,
            "attention_bias": True,
        },
        "vision_config": {"model_type": "glm4v_moe", **glm4v.GLM_VISION},
        **glm4v.GLM_IDS,
    },
    files=glm4v.GLM_FILES,
    tokens=glm4v.GLM_TOKENS,
    markers=glm4v.GLM_MARKERS,
)
