"""Unlimited-OCR: of what it has answered, it only sees the last few tokens."""

from tests.workers.engines.vision.zoo import Tiny, deepseekocr

TINY = Tiny(
    config={
        **deepseekocr.TINY.config,
        "model_type": "unlimited-ocr",
        "text_config": {**deepseekocr.OCR_TEXT, "sliding_window_size": 4},
    },
    files=deepseekocr.TINY.files,
    tokens=deepseekocr.TINY.tokens,
    template=None,
    tokenizer=deepseekocr.TINY.tokenizer,
)
