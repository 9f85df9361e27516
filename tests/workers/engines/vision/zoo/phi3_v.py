"""Phi-3.5 Vision: images stand at negative ids."""

from tests.workers.engines.vision.zoo import TEXT, TEXTS, Tiny

TINY = Tiny(
    config={
        **TEXT,
        "original_max_position_embeddings": 2048,
        "img_processor": {"name": "clip_vision_model"},
        "vision_config": {
            "model_type": "phi3_v",
            "num_hidden_layers": 3,
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_attention_heads": 2,
            "image_dim_out": 32,
        },
    },
    files={"preprocessor_config.json": {"num_crops": 1, "num_img_tokens": 144}},
    tokens=("<|image|>", "<|user|>", "<|end|>"),
    template=TEXTS,
)
