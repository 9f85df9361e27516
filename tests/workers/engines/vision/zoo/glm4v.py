"""GLM-4V."""

from tests.workers.engines.vision.zoo import TEXT, Tiny, qwen3_5, token

GLM_TEXT = {**TEXT, "partial_rotary_factor": 0.5, "rope_scaling": {"rope_type": "default", "mrope_section": [1, 1, 2]}}
GLM_VISION = {
    "depth": 2,
    "num_heads": 2,
    "hidden_size": 32,
    "intermediate_size": 64,
    "out_hidden_size": 64,
    "patch_size": 4,
    "image_size": 64,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
}
GLM_TOKENS = (
    "<|begin_of_image|>",
    "<|end_of_image|>",
    "<|image|>",
    "<|video|>",
    "<|begin_of_video|>",
    "<|end_of_video|>",
)
GLM_IDS = {
    "image_start_token_id": token(0),
    "image_end_token_id": token(1),
    "image_token_id": token(2),
    "image_token_index": token(2),
    "video_token_id": token(3),
    "video_token_index": token(3),
    "vision_start_token_id": token(0),
    "vision_end_token_id": token(1),
    "video_start_token_id": token(4),
    "video_end_token_id": token(5),
}
GLM_FILES = {
    "preprocessor_config.json": {
        **qwen3_5.QWEN_FILES["preprocessor_config.json"],
        "image_processor_type": "Glm4vImageProcessor",
        "size": {"shortest_edge": 64, "longest_edge": 4096},
    },
    "processor_config.json": {"processor_class": "Glm4vProcessor"},
}
GLM_MARKERS = ("<|begin_of_image|><|image|><|end_of_image|>", "", "<|begin_of_video|><|video|><|end_of_video|>")
TINY = Tiny(
    config={
        "text_config": {"model_type": "glm4v_text", **GLM_TEXT},
        "vision_config": {"model_type": "glm4v_vision", **GLM_VISION},
        **GLM_IDS,
    },
    files=GLM_FILES,
    tokens=GLM_TOKENS,
    markers=GLM_MARKERS,
)
