"""dots.ocr."""

from tests.workers.engines.vision.zoo import TEXT, Tiny, token

TINY = Tiny(
    config={
        **{name: value for name, value in TEXT.items() if name != "head_dim"},
        "vision_config": {
            "model_type": "dots_vit",
            "embed_dim": 32,
            "hidden_size": 64,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "patch_size": 8,
            "num_channels": 3,
        },
        "image_token_id": token(0),
        "video_token_id": token(1),
    },
    files={
        "preprocessor_config.json": {
            "image_processor_type": "Qwen2VLImageProcessor",
            "patch_size": 8,
            "temporal_patch_size": 1,
            "merge_size": 2,
            "min_pixels": 256,
            "max_pixels": 4096,
        },
    },
    tokens=("<|imgpad|>", "<|video_pad|>", "<|img|>", "<|endofimg|>"),
    markers=("<|img|><|imgpad|><|endofimg|>",),
    tokenizer={"image_token": "<|imgpad|>", "video_token": "<|video_pad|>"},
)
