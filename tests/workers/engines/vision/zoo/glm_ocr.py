"""GLM-OCR."""

from tests.workers.engines.vision.zoo import TEXT, Tiny, glm4v

TINY = Tiny(
    config={
        "text_config": {
            "model_type": "glm_ocr_text",
            **{name: value for name, value in TEXT.items() if name != "rope_theta"},
            "rope_parameters": {
                "rope_type": "default",
                "mrope_section": [2, 3, 3],
                "partial_rotary_factor": 1.0,
                "rope_theta": 10_000,
            },
        },
        "vision_config": {"model_type": "glm_ocr_vision", **glm4v.GLM_VISION, "intermediate_size": 64},
        **glm4v.GLM_IDS,
    },
    files=glm4v.GLM_FILES,
    tokens=glm4v.GLM_TOKENS,
    markers=glm4v.GLM_MARKERS,
)
