"""PaliGemma: a prompt's tokens attend to each other, images first; it has no chat template."""

from tests.workers.engines.vision.zoo import TEXT, VISION, Tiny, token

TINY = Tiny(
    config={
        "text_config": {
            "model_type": "gemma2",
            **TEXT,
            "query_pre_attn_scalar": 16,
            "attn_logit_softcapping": 50.0,
            "final_logit_softcapping": 30.0,
        },
        "vision_config": {"model_type": "siglip_vision_model", **VISION, "projection_dim": 64},
        "image_token_index": token(0),
        "hidden_size": 64,
        "projection_dim": 64,
    },
    files={
        "preprocessor_config.json": {
            "image_processor_type": "SiglipImageProcessor",
            "size": {"height": 32, "width": 32},
            "image_seq_length": 16,
        },
        "processor_config.json": {"processor_class": "PaliGemmaProcessor"},
    },
    tokens=("<image>", "<bos>"),
    template=None,
    tokenizer={"bos_token": "<bos>"},
)
