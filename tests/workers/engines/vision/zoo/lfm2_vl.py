"""LFM2-VL: convolutions keep a state in two of three layers."""

from tests.workers.engines.vision.zoo import TEXT, VISION, Tiny, token

TINY = Tiny(
    config={
        "text_config": {
            "model_type": "lfm2",
            **TEXT,
            "norm_eps": 1e-5,
            "block_dim": 64,
            "block_ff_dim": 128,
            "block_multiple_of": 32,
            "conv_dim": 64,
            "conv_dim_out": 64,
            "num_heads": 4,
            "num_hidden_layers": 3,
            "layer_types": ["conv", "conv", "full_attention"],
        },
        "vision_config": {"model_type": "siglip2_vision_model", **VISION, "num_patches": 16},
        "image_token_id": token(0),
        "projector_hidden_size": 64,
        "encoder_patch_size": 8,
        "min_image_tokens": 4,
        "max_image_tokens": 16,
        "max_num_patches": 64,
        "tile_size": 32,
        "do_image_splitting": False,
    },
    files={
        "preprocessor_config.json": {
            "image_processor_type": "Lfm2VlImageProcessor",
            "encoder_patch_size": 8,
            "min_image_tokens": 4,
            "max_image_tokens": 16,
            "max_num_patches": 64,
            "tile_size": 32,
            "do_image_splitting": False,
        },
        "processor_config.json": {"processor_class": "Lfm2VlProcessor"},
    },
    tokens=("<image>", "<|image_start|>", "<|image_end|>", "<|img_thumbnail|>"),
    tokenizer={"image_token": "<image>", "image_start_token": "<|image_start|>", "image_end_token": "<|image_end|>"},
)
