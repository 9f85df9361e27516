"""Inkling: images and sounds, in layers that keep convolutions' states beside keys."""

from tests.workers.engines.vision.zoo import TEXT, Tiny, token

_MEDIA = ("<|content_image|>", "<|unused_200054|>", "<|content_audio_input|>", "<|unused_200053|>")
TINY = Tiny(
    config={
        "text_config": {
            "model_type": "inkling",
            **TEXT,
            "swa_num_attention_heads": 4,
            "swa_num_key_value_heads": 2,
            "swa_head_dim": 16,
            "sliding_window_size": 48,
            "layer_types": ["hybrid_sliding", "hybrid"],
            "d_rel": 4,
            "rel_extent": 64,
            "dense_mlp_idx": 1,
            "intermediate_size": 32,
            "dense_intermediate_size": 64,
            "n_routed_experts": 4,
            "num_experts_per_tok": 2,
            "n_shared_experts": 1,
            "route_scale": 1.0,
        },
        "vision_config": {"model_type": "inkling_vision"},
        "audio_config": {"model_type": "inkling_audio"},
        "image_token_id": token(1),
        "audio_token_id": token(3),
    },
    tokens=_MEDIA,
    markers=(f"{_MEDIA[0]}{_MEDIA[1]}", f"{_MEDIA[2]}{_MEDIA[3]}"),
)
