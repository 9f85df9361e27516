"""Qwen3.5: three of four layers keep a recurrent state."""

from tests.workers.engines.vision.zoo import TEXT, Tiny, token

QWEN_TOKENS = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
QWEN_MARKERS = (
    "<|vision_start|><|image_pad|><|vision_end|>",
    "",
    "<|vision_start|><|video_pad|><|vision_end|>",
)
QWEN_IDS = {
    "vision_start_token_id": token(0),
    "vision_end_token_id": token(1),
    "image_token_id": token(2),
    "video_token_id": token(3),
}
QWEN_FILES = {
    "preprocessor_config.json": {
        "image_processor_type": "Qwen2VLImageProcessor",
        "patch_size": 4,
        "temporal_patch_size": 2,
        "merge_size": 2,
        "min_pixels": 64,
        "max_pixels": 4096,
    }
}
QWEN_VISION = {
    "depth": 2,
    "num_heads": 2,
    "hidden_size": 32,
    "intermediate_size": 64,
    "out_hidden_size": 64,
    "patch_size": 4,
    "spatial_patch_size": 4,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
    "num_position_embeddings": 64,
    "deepstack_visual_indexes": [],
}
LINEAR = {
    "linear_num_value_heads": 4,
    "linear_num_key_heads": 2,
    "linear_key_head_dim": 32,
    "linear_value_head_dim": 32,
    "linear_conv_kernel_dim": 4,
    "full_attention_interval": 2,
    "rope_parameters": {
        "type": "default",
        "mrope_section": [2, 3, 3],
        "rope_theta": 10_000,
        "partial_rotary_factor": 1.0,
    },
}
TINY = Tiny(
    config={
        "text_config": {"model_type": "qwen3_5_text", **TEXT, **LINEAR, "num_hidden_layers": 4},
        "vision_config": {"model_type": "qwen3_5", **QWEN_VISION},
        **QWEN_IDS,
    },
    files=QWEN_FILES,
    tokens=QWEN_TOKENS,
    markers=QWEN_MARKERS,
)
