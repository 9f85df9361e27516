"""Kimi K3: linear attention beside latent attention, and a processor that writes the turns itself."""

from tests.workers.engines.vision.zoo import TEXT, Tiny, kimi_vl, token

_TEXT = {name: value for name, value in TEXT.items() if name != "head_dim"}
TINY = Tiny(
    config={
        "text_config": {
            "model_type": "kimi_linear",
            **_TEXT,
            "num_key_value_heads": 4,
            "linear_attn_config": {
                "num_heads": 2,
                "head_dim": 32,
                "short_conv_kernel_size": 4,
                "kda_layers": [1, 3],
            },
            "num_hidden_layers": 4,
            "attn_res_block_size": 2,
            "q_lora_rank": 32,
            "kv_lora_rank": 32,
            "qk_nope_head_dim": 16,
            "qk_rope_head_dim": 16,
            "v_head_dim": 16,
            "num_experts": 4,
            "num_experts_per_token": 2,
            "num_shared_experts": 1,
            "moe_intermediate_size": 32,
            "first_k_dense_replace": 1,
        },
        "vision_config": {
            "model_type": "moonvit3d",
            "init_pos_emb_height": 8,
            "init_pos_emb_width": 8,
            "vt_num_attention_heads": 2,
            "vt_num_hidden_layers": 2,
            "vt_hidden_size": 32,
            "vt_intermediate_size": 64,
            "qkv_hidden_size": 32,
            "mm_hidden_size": 32,
            "text_hidden_size": 64,
        },
        "media_placeholder_token_id": token(0),
    },
    tokens=(*kimi_vl.TINY.tokens, "<|media_begin|>", "<|media_content|>", "<|open|>", "<|close|>", "<|sep|>"),
    template=None,
)
