"""GOT-OCR 2.0: its processor writes the whole conversation around what is asked."""

from tests.workers.engines.vision.zoo import TEXT, Tiny, token

TINY = Tiny(
    config={
        **TEXT,
        "vision_config": {
            "embed_dim": 16,
            "depth": 2,
            "num_heads": 1,
            "out_chans": 8,
            "out_dim": 32,
            "global_attn_indexes": [1],
        },
        "im_start_token": token(0),
        "im_end_token": token(1),
        "im_patch_token": token(2),
    },
    tokens=("<img>", "</img>", "<imgpad>", "<|im_start|>", "<|im_end|>"),
    template=None,
)
