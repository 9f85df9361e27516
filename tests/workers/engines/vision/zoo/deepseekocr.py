"""DeepSeek-OCR: one tower on top of another. The sizes of the lower one stand in no config: they are made smaller."""

from functools import partial

from mlx_vlm.models.deepseekocr import deepseekocr
from mlx_vlm.models.deepseekocr.config import SAMViTConfig

from tests.workers.engines.vision.zoo import EXPERTS, TEXT, Tiny, token

TINY_TOWER = partial(SAMViTConfig, width=16, layers=2, heads=1, global_attn_indexes=(1,))
deepseekocr.SAMViTConfig = TINY_TOWER
OCR_TEXT = {
    **TEXT,
    **EXPERTS,
    "model_type": "deepseek_v2",
    "num_key_value_heads": 4,
    "n_shared_experts": 1,
    "n_group": 1,
    "topk_group": 1,
    "topk_method": "greedy",
    "first_k_dense_replace": 1,
    "qk_nope_head_dim": 0,
    "qk_rope_head_dim": 0,
}
# The processor adds those that a tokenizer lacks.
TOKENS = (
    "<image>",
    "<s>",
    "<｜▁pad▁｜>",
    "<|ref|>",
    "<|/ref|>",
    "<|det|>",
    "<|/det|>",
    "<|grounding|>",
    "<|User|>",
    "<|Assistant|>",
)
BEGIN = {"bos_token": "<s>", "pad_token": "<｜▁pad▁｜>"}
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
    tokens=TOKENS,
    template=None,
    tokenizer=BEGIN,
)
