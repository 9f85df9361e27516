"""Jina VLM, whose images are always of 378 pixels and have ids of the published vocabulary, without logits."""

from tests.workers.engines.vision.zoo import FIRST, TEXT, TEXTS, VISION, Tiny, token

TINY = Tiny(
    config={
        "model_type": "jvlm",
        "text_config": {**TEXT, "vocab_size": FIRST, "additional_vocab_size": 151_669 - FIRST},
        "vision_config": {
            **VISION,
            "head_dim": 16,
            "patch_size": 14,
            "image_size": 378,
            "vit_layers": [-1, -2],
            "output_size": 64,
            "connector_hidden_size": 64,
        },
        "image_token_index": token(0),
    },
    tokens=("<|image|>",),
    template=TEXTS,
)
