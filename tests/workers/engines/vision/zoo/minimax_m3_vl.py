"""MiniMax M3: sparse attention that chooses blocks, and experts."""

from tests.workers.engines.vision.zoo import EXPERTS, TEXT, Tiny, token

TINY = Tiny(
    config={
        "text_config": {
            "model_type": "minimax_m3",
            **TEXT,
            **EXPERTS,
            "num_hidden_layers": 3,
            "intermediate_size": 32,
            "dense_intermediate_size": 64,
            "shared_intermediate_size": 32,
            "rotary_dim": 8,
            "moe_layer_freq": [0, 1, 1],
            "layer_types": ["full_attention", "minimax_m3_sparse", "minimax_m3_sparse"],
            "index_n_heads": 2,
            "index_head_dim": 16,
            "index_block_size": 16,
            "index_topk_blocks": 2,
        },
        "vision_config": {
            "model_type": "clip_vision_model",
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_attention_heads": 2,
            "num_hidden_layers": 2,
            "patch_size": 4,
        },
        "projector_hidden_size": 64,
        "image_token_index": token(0),
        "video_token_index": token(1),
        "vision_start_token_id": token(2),
        "vision_end_token_id": token(3),
    },
    files={
        "preprocessor_config.json": {"min_pixels": 64, "max_pixels": 4096, "min_short_side_pixel": 8},
        "video_preprocessor_config.json": {"min_pixels": 64, "max_pixels": 4096, "min_short_side_pixel": 8},
    },
    tokens=("]<]image[>[", "]<]video[>[", "]<]start of image[>[", "]<]end of image[>["),
    markers=("]<]image[>[", "", "]<]video[>["),
)
