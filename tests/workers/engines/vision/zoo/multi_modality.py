"""DeepSeek-VL, whose images are always of 384 pixels and 576 tokens."""

from tests.workers.engines.vision.zoo import TEXT, TEXTS, VISION, Tiny, token

TINY = Tiny(
    config={
        "text_config": {"model_type": "llama", **TEXT},
        "vision_config": {
            "model_type": "vision",
            "cls": "CLIPVisionTower",
            "params": {"image_size": 384, "model_name": "siglip_large_patch16_384"},
            **VISION,
            "image_size": 384,
            "patch_size": 16,
        },
        "aligner_config": {
            "cls": "MlpProjector",
            "model_type": "aligner",
            "params": {"depth": 2, "projector_type": "mlp_gelu"},
        },
        "image_token_index": token(0),
        "num_image_tokens": 576,
    },
    tokens=("<image_placeholder>",),
    template=TEXTS,
)
