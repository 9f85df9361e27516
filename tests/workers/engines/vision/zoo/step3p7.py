"""Step 3.7: every image is 169 tokens, and parts of large ones come beside it."""

from tests.workers.engines.vision.zoo import TEXT, Tiny, token

TINY = Tiny(
    config={
        "text_config": {
            "model_type": "step3p5",
            **TEXT,
            "num_attention_groups": 2,
            "moe_intermediate_size": 32,
            "moe_num_experts": 4,
            "moe_top_k": 2,
            "share_expert_dim": 32,
            "layer_types": ["full_attention", "sliding_attention"],
            "sliding_window": 48,
            "use_head_wise_attn_gate": True,
            "moe_layers_enum": [1],
        },
        "vision_config": {"model_type": "perception_encoder", "width": 16, "layers": 2, "heads": 2, "mlp_ratio": 2.0},
        "image_token_id": token(0),
    },
    tokens=("<im_patch>", "<im_start>", "<im_end>", "<patch_start>", "<patch_end>", "<patch_newline>"),
    markers=("<im_patch>",),
)
