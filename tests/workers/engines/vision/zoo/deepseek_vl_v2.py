"""DeepSeek-VL2: an image is a view of the whole and tiles, which the processor's size and tokens' places tell."""

from tests.workers.engines.vision.zoo import EXPERTS, TEXT, Tiny, token

DEEPSEEK_TEXT = {
    **TEXT,
    **EXPERTS,
    "model_type": "deepseek_v2",
    "num_key_value_heads": 4,
    "n_shared_experts": 1,
    "n_group": 1,
    "topk_group": 1,
    "topk_method": "greedy",
    "first_k_dense_replace": 1,
}
LATENT = {"kv_lora_rank": 32, "q_lora_rank": None, "qk_rope_head_dim": 16, "qk_nope_head_dim": 16, "v_head_dim": 16}
# The processor adds what a tokenizer lacks, each time with other ids.
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
        "text_config": {**DEEPSEEK_TEXT, **LATENT},
        "vision_config": {
            "model_type": "vision",
            "layers": 2,
            "width": 32,
            "intermediate_size": 64,
            "num_attention_heads": 2,
            "image_size": 32,
            "patch_size": 8,
            "mlp_ratio": 2.0,
        },
        "projector_config": {"projector_type": "downsample_mlp_gelu", "input_dim": 32, "n_embed": 64},
        "image_token_index": token(0),
    },
    files={
        "processor_config.json": {
            "candidate_resolutions": [[32, 32], [32, 64], [64, 32], [64, 64]],
            "patch_size": 8,
            "downsample_ratio": 2,
        },
    },
    tokens=TOKENS,
    template=None,
    tokenizer=BEGIN,
)
