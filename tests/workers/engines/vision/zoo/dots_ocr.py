"""dots.ocr: patches of one moment, whose text config is the whole config."""

from tests.workers.engines.vision.zoo import TEXT, Tiny, qwen3_5

_IDS = {"<|video_pad|>": 151_656, "<|imgpad|>": 151_665, "<|img|>": 151_666, "<|endofimg|>": 151_667}
TINY = Tiny(
    config={
        **TEXT,
        "vocab_size": 151_668,
        "vision_config": {
            "model_type": "dots_vit",
            "embed_dim": 32,
            "hidden_size": 64,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "patch_size": 4,
        },
        "image_token_id": _IDS["<|imgpad|>"],
        "video_token_id": _IDS["<|video_pad|>"],
    },
    files={
        "preprocessor_config.json": {**qwen3_5.QWEN_FILES["preprocessor_config.json"], "temporal_patch_size": 1},
    },
    tokens=tuple(_IDS),
    markers=("<|img|><|imgpad|><|endofimg|>",),
    ids=_IDS,
)
