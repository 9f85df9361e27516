"""MiniCPM-V 4.6: images in slices, of a model that keeps recurrent states."""

from tests.workers.engines.vision.zoo import TEXT, Tiny, qwen3_5, token

MINICPM_TOKENS = (
    "<|image_pad|>",
    "<|video_pad|>",
    "<image>",
    "</image>",
    "<slice>",
    "</slice>",
    "<image_id>",
    "</image_id>",
)
MINICPM_VISION = {
    "model_type": "siglip",
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "image_size": 32,
    "patch_size": 4,
}
MINICPM_SIZES = {"image_size": 32, "patch_size": 4, "insert_layer_id": 0}
MINICPM_FILES = {"preprocessor_config.json": {"patch_size": 4, "scale_resolution": 32, "max_slice_nums": 4}}
MINICPM_MARKERS = ("<|image_pad|>", "", "<|video_pad|>")
TINY = Tiny(
    config={
        "text_config": {"model_type": "qwen3_5_text", **TEXT, **qwen3_5.LINEAR, "num_hidden_layers": 4},
        "vision_config": MINICPM_VISION,
        **MINICPM_SIZES,
        "image_token_id": token(0),
        "video_token_id": token(1),
    },
    files=MINICPM_FILES,
    tokens=MINICPM_TOKENS,
    markers=MINICPM_MARKERS,
    tokenizer={"tokenizer_class": "Qwen2Tokenizer"},
)
