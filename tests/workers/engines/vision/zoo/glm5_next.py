"""GLM-5 Next: linear attention beside sparse attention, in streams that are mixed."""

from tests.workers.engines.vision.zoo import EXPERTS, TEXT, Tiny, glm4v

_SIZES = {"max_image_tokens": 64, "min_image_tokens": 4}
TINY = Tiny(
    config={
        "text_config": {
            "model_type": "glm5_next_text",
            **TEXT,
            **EXPERTS,
            "num_hidden_layers": 4,
            "num_key_value_heads": 4,
            "kv_lora_rank": 32,
            "q_lora_rank": 32,
            "v_head_dim": 16,
            "qk_nope_head_dim": 16,
            "index_topk": 32,
            "index_kpool": 8,
            "index_head_dim": 16,
            "index_n_heads": 2,
            "linear_head_dim": 32,
            "linear_num_heads": 2,
            "first_k_dense_replace": 1,
            "layer_types": ["linear_attention", "deepseek_sparse_attention"] * 2,
            "pad_token_id": 0,
        },
        "vision_config": {
            "model_type": "glm5_next_vision",
            "depth": 2,
            "hidden_size": 32,
            "num_heads": 2,
            "image_size": 64,
            "out_hidden_size": 64,
            "intermediate_size": 64,
            "projection_intermediate_size": 64,
        },
        **glm4v.GLM_IDS,
    },
    files={"processor_config.json": {"image_processor": _SIZES, "video_processor": {**_SIZES, "num_frames": 4}}},
    tokens=glm4v.GLM_TOKENS,
    markers=glm4v.GLM_MARKERS,
)
