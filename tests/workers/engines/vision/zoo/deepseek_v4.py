"""DeepSeek V4: an image's tokens are ids behind the vocabulary, in layers that compress what they keep."""

from tests.workers.engines.vision.zoo import TEXT, VOCABULARY, Tiny

TINY = Tiny(
    config={
        **TEXT,
        "num_hidden_layers": 4,
        "num_key_value_heads": 1,
        "head_dim": 32,
        "qk_rope_head_dim": 16,
        "q_lora_rank": 32,
        "o_lora_rank": 16,
        "o_groups": 2,
        "moe_intermediate_size": 32,
        "n_routed_experts": 4,
        "num_experts_per_tok": 2,
        "num_hash_layers": 1,
        "sliding_window": 48,
        "compress_ratios": [0, 4, 128, 0],
        "index_n_heads": 2,
        "index_head_dim": 32,
        "index_topk": 16,
        "vocab_size": VOCABULARY,
        "vision_n_layers": 2,
        "vision_dim": 32,
        "vision_n_heads": 2,
        "vision_inter_dim": 64,
        "vision_patch_size": 4,
        "vision_downsample_ratio": 3,
        "vision_max_n_token": 48,
        "vision_min_pixels": 1024,
    },
    tokens=(
        "<｜deepseek_image｜>",
        "<｜begin▁of▁sentence｜>",
        "<｜User｜>",
        "<｜Assistant｜>",
        "<｜end▁of▁sentence｜>",
    ),
    template=None,
)
