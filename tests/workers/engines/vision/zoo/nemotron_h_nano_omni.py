"""Nemotron 3 Nano Omni: states, attention and experts in turn, with images, films and sounds."""

from tests.workers.engines.vision.zoo import TEXT, Tiny, token

TINY = Tiny(
    config={
        "llm_config": {
            "model_type": "nemotron_h",
            **TEXT,
            "num_hidden_layers": 4,
            "hybrid_override_pattern": "M*E-",
            "attention_bias": False,
            "mamba_num_heads": 4,
            "mamba_head_dim": 16,
            "mamba_proj_bias": False,
            "ssm_state_size": 16,
            "conv_kernel": 4,
            "n_groups": 2,
            "mlp_bias": False,
            "layer_norm_epsilon": 1e-5,
            "use_bias": False,
            "use_conv_bias": True,
            "moe_intermediate_size": 32,
            "moe_shared_expert_intermediate_size": 32,
            "n_group": 1,
            "n_routed_experts": 4,
            "n_shared_experts": 1,
            "topk_group": 1,
            "num_experts_per_tok": 2,
            "norm_topk_prob": True,
            "routed_scaling_factor": 1.0,
        },
        "vision_config": {
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 64,
            "image_size": 32,
            "patch_size": 8,
            "max_resolution": 64,
        },
        "sound_config": {
            "hidden_size": 32,
            "num_attention_heads": 2,
            "num_hidden_layers": 2,
            "intermediate_size": 64,
            "subsampling_conv_channels": 8,
            "projection_hidden_size": 64,
        },
        "projector_hidden_size": 64,
        "vit_hidden_size": 32,
        "img_context_token_id": token(0),
        "video_context_token_id": token(1),
        "sound_context_token_id": token(2),
    },
    files={
        "preprocessor_config.json": {
            "norm_mean": [0.5, 0.5, 0.5],
            "norm_std": [0.5, 0.5, 0.5],
            "patch_size": 8,
            "min_num_patches": 16,
            "max_num_patches": 64,
            "video_target_num_patches": 16,
        }
    },
    tokens=("<image>", "<video>", "<so_embedding>", "<so_start>", "<so_end>", "<img>", "</img>"),
    markers=("<image>", "<so_embedding>", "<video>"),
)
