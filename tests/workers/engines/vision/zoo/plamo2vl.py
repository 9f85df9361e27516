"""PLaMo 2 VL: a tokenizer of its own, in Python, and a processor that writes an instruction around the text."""

import json

from tests.workers.engines.vision.zoo import FIRST, TEXT, VISION, Tiny, token

_TEXT = {name: value for name, value in TEXT.items() if name != "head_dim"}
_UNKNOWN, _END = "<|plamo:unk|>", "<|plamo:bos|>"
_SPECIAL = ("<|plamo:pad|>", "<plamo:image>", "<siglip2:img>", "</siglip2:img>")
_BYTES = [[f"<0x{byte:02X}>", 0.0, "BYTE"] for byte in range(256)]
_LETTERS = [[chr(0x4E00 + at), -1.0, "NORMAL"] for at in range(FIRST - 258)]
_VOCABULARY = [
    [_UNKNOWN, 0.0, "UNKNOWN"],
    *_BYTES,
    *_LETTERS,
    *([name, 0.0, "CONTROL"] for name in (_END, *_SPECIAL)),
]
TINY = Tiny(
    config={
        "text_config": {
            "model_type": "plamo2",
            **_TEXT,
            "num_hidden_layers": 4,
            "hidden_size_per_head": 16,
            "mamba_d_state": 16,
            "mamba_num_heads": 4,
        },
        "vision_config": {
            "model_type": "siglip_vision_model",
            **VISION,
            "image_token_id": token(1),
            "image_feature_size": 32,
            "image_proj_hidden_size": 64,
        },
        "image_token_index": token(1),
    },
    files={
        "preprocessor_config.json": {
            "image_processor_type": "SiglipImageProcessor",
            "size": {"height": 32, "width": 32},
            "patch_size": 8,
            "max_image_width": 64,
            "max_image_height": 64,
            "downsample_ratio": 1.0,
            "tile_context_length": 256,
        },
        "tokenizer.jsonl": "\n".join(json.dumps(row) for row in _VOCABULARY).encode(),
    },
    template=None,
    tokenizer={
        "unk_token": _UNKNOWN,
        "bos_token": _END,
        "eos_token": _END,
        "pad_token": _SPECIAL[0],
        "additional_special_tokens": list(_SPECIAL[1:]),
    },
)
