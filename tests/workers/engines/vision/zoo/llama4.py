"""Llama 4: layers with windows of chunks."""

from tests.workers.engines.vision.zoo import TEXT, VISION, Tiny, token

PATCH = 14  # of which mlx-vlm's processor counts an image's places, whatever its files say
TINY = Tiny(
    config={
        "text_config": {
            "model_type": "llama4_text",
            **TEXT,
            "num_hidden_layers": 4,
            "intermediate_size_mlp": 64,
            "num_local_experts": 4,
            "attention_chunk_size": 64,
            "interleave_moe_layer_step": 2,
            "no_rope_layers": [1, 1, 1, 0],
        },
        "vision_config": {
            "model_type": "llama4_vision_model",
            **VISION,
            "patch_size": PATCH,
            "image_size": 2 * PATCH,
            "initializer_range": 0.02,
            "norm_eps": 1e-5,
            "pixel_shuffle_ratio": 0.5,
            "projector_dropout": 0.0,
            "projector_input_dim": 64,
            "projector_output_dim": 64,
            "intermediate_size": 128,
            "vision_output_dim": 64,
            "rope_theta": 10_000.0,
            "vision_feature_layer": -1,
            "vision_feature_select_strategy": "default",
        },
        "image_token_id": token(4),
    },
    files={"preprocessor_config.json": {"size": {"height": 2 * PATCH, "width": 2 * PATCH}, "max_patches": 4}},
    tokens=(
        "<|image|>",
        "<|image_start|>",
        "<|image_end|>",
        "<|tile_x_separator|>",
        "<|patch|>",
        "<|tile_y_separator|>",
    ),
    markers=("<|image|>",),
)
