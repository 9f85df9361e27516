"""Kimi-VL: latent attention with experts."""

from tests.workers.engines.vision.zoo import EXPERTS, TEXT, Tiny, token

TINY = Tiny(
    config={
        "text_config": {
            "model_type": "deepseek_v3",
            **TEXT,
            **EXPERTS,
            "n_shared_experts": 1,
            "n_group": 1,
            "topk_group": 1,
            "kv_lora_rank": 32,
            "q_lora_rank": None,
            "qk_rope_head_dim": 16,
            "v_head_dim": 16,
            "qk_nope_head_dim": 16,
            "num_key_value_heads": 4,
        },
        "vision_config": {
            "model_type": "moonvit",
            "depth": 2,
            "embed_dim": 32,
            "hidden_size": 32,
            "num_heads": 2,
            "intermediate_size": 64,
            "patch_size": 14,
            "spatial_patch_size": 14,
            "init_pos_emb_height": 8,
            "init_pos_emb_width": 8,
        },
        "media_placeholder_token_id": token(0),
    },
    tokens=("<|media_pad|>", "<|media_start|>", "<|media_end|>"),
    markers=("<|media_start|>image<|media_pad|><|media_end|>",),
)
