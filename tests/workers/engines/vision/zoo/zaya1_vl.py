"""ZAYA1-VL: attention behind convolutions, whose state is kept, and weights of their own for an image's tokens."""

from tests.workers.engines.vision.zoo import TEXT, Tiny, qwen3_5, token

TINY = Tiny(
    config={
        **TEXT,
        "ffn_hidden_size": 64,
        "num_experts": 4,
        "num_query_groups": 2,
        "zaya_mlp_expansion": 16,
        "tie_word_embeddings": True,
        "vision_lora_rank_attn": 4,
        "vision_lora_rank_mlp": 4,
        "vision_config": {
            "model_type": "qwen2_5_vl",
            "depth": 2,
            "num_heads": 2,
            "hidden_size": 32,
            "intermediate_size": 64,
            "out_hidden_size": 64,
            "patch_size": 4,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "window_size": 16,
            "fullatt_block_indexes": [1],
        },
        "vision_start_token_id": token(0),
        "vision_end_token_id": token(1),
        "image_token_id": token(2),
    },
    files=qwen3_5.QWEN_FILES,
    tokens=("<vision_start>", "<vision_end>", "<image>"),
    markers=("<vision_start><image><vision_end>",),
)
