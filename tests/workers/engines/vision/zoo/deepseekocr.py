"""DeepSeek-OCR: one tower on top of another. The sizes of the lower one stand in no config: they are made smaller."""

from functools import partial

from mlx_vlm.models.deepseekocr import deepseekocr
from mlx_vlm.models.deepseekocr.config import SAMViTConfig

from tests.workers.engines.vision.zoo import Tiny, deepseek_vl_v2, token

TINY_TOWER = partial(SAMViTConfig, width=16, layers=2, heads=1, global_attn_indexes=(1,))
deepseekocr.SAMViTConfig = TINY_TOWER
OCR_TEXT = {**deepseek_vl_v2.DEEPSEEK_TEXT, "qk_nope_head_dim": 0, "qk_rope_head_dim": 0}
TINY = Tiny(
    config={
        "text_config": OCR_TEXT,
        # The lower tower's patches are 1024 wide.
        "vision_config": {
            "model_type": "vision",
            "layers": 1,
            "hidden_size": 1024,
            "intermediate_size": 64,
            "num_attention_heads": 2,
        },
        "projector_config": {"projector_type": "linear", "input_dim": 2048, "n_embed": 64},
        "image_token_index": token(0),
    },
    files={"processor_config.json": {"candidate_resolutions": [[1024, 1024]], "patch_size": 16, "downsample_ratio": 4}},
    tokens=deepseek_vl_v2.TOKENS,
    template=None,
    tokenizer=deepseek_vl_v2.BEGIN,
)
