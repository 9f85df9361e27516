"""DeepSeek-OCR 2: its upper tower is a decoder whose layers are counted in no config: there is one."""

from typing import Any

from mlx_vlm.models.deepseekocr_2 import deepseekocr_2, vision
from mlx_vlm.models.deepseekocr_2.config import Qwen2EncoderConfig

from tests.workers.engines.vision.zoo import Tiny, deepseekocr


def _one_layer(**sizes: Any) -> Qwen2EncoderConfig:
    return Qwen2EncoderConfig(**{**sizes, "layers": 1, "intermediate_size": 64})


deepseekocr_2.SAMViTConfig = deepseekocr.TINY_TOWER
vision.Qwen2EncoderConfig = _one_layer
TINY = Tiny(
    config={
        **deepseekocr.TINY.config,
        "vision_config": {"model_type": "vision", "width": {"qwen2-0-5b": {"dim": 896}}},
        "projector_config": {"projector_type": "linear", "input_dim": 896, "n_embed": 64},
    },
    files=deepseekocr.TINY.files,
    tokens=deepseekocr.TINY.tokens,
    template=None,
    tokenizer=deepseekocr.TINY.tokenizer,
)
