"""MiniCPM-V 4.7: what is shown has places on a canvas."""

from tests.workers.engines.vision.zoo import TEXT, Tiny, minicpmv4_6, qwen3_5, token

TINY = Tiny(
    config={
        "text_config": {"model_type": "qwen3_5_text", **TEXT, **qwen3_5.LINEAR, "num_hidden_layers": 4},
        "vision_config": minicpmv4_6.MINICPM_VISION,
        **minicpmv4_6.MINICPM_SIZES,
        "image_token_id": token(0),
        "video_token_id": token(1),
        "image_start_id": token(2),
        "image_end_id": token(3),
        "slice_start_id": token(4),
        "slice_end_id": token(5),
        "newline_id": 199,
    },
    files=minicpmv4_6.MINICPM_FILES,
    tokens=minicpmv4_6.MINICPM_TOKENS,
    markers=minicpmv4_6.MINICPM_MARKERS,
    tokenizer={"tokenizer_class": "Qwen2Tokenizer"},
)
