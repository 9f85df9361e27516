"""Gemma 4 without towers: patches and samples are projected into the language model's width."""

from tests.workers.engines.vision.zoo import TEXT, Tiny, token

TINY = Tiny(
    config={
        "text_config": {
            "model_type": "gemma4_unified_text",
            **TEXT,
            "num_hidden_layers": 4,
            "head_dim": 32,
            "global_head_dim": 32,
            "num_global_key_value_heads": 2,
            "vocab_size_per_layer_input": 576,
            "sliding_window": 48,
            "layer_types": ["sliding_attention", "full_attention"] * 2,
            "use_bidirectional_attention": "vision",
        },
        "vision_config": {
            "model_type": "gemma4_unified_vision",
            "mm_embed_dim": 32,
            "mm_posemb_size": 64,
            "output_proj_dims": 32,
        },
        "audio_config": {"model_type": "gemma4_unified_audio"},
        "hidden_size": 64,
        "image_token_id": token(2),
        "audio_token_id": token(5),
        "video_token_id": token(6),
        "boi_token_id": token(0),
        "eoi_token_id": token(1),
        "boa_token_id": token(3),
        "eoa_token_id": token(4),
    },
    files={
        "processor_config.json": {
            "image_processor": {"max_soft_tokens": 280},
            "video_processor": {"max_soft_tokens": 70, "num_frames": 4},
        }
    },
    tokens=("<|image>", "<image|>", "<|image|>", "<|audio>", "<audio|>", "<|audio|>", "<|video|>"),
    markers=("<|image|>", "<|audio|>", "<|video|>"),
    tokenizer={
        "boi_token": "<|image>",
        "eoi_token": "<image|>",
        "image_token": "<|image|>",
        "boa_token": "<|audio>",
        "eoa_token": "<audio|>",
        "audio_token": "<|audio|>",
        "video_token": "<|video|>",
    },
)
