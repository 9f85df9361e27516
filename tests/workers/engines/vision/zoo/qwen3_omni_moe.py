"""Qwen3-Omni, the thinker: images, sounds and videos."""

from tests.workers.engines.vision.zoo import EXPERTS, TEXT, Tiny, qwen3_5, token

TINY = Tiny(
    config={
        "thinker_config": {
            "model_type": "qwen3_omni_moe_thinker",
            "text_config": {
                "model_type": "qwen3_omni_moe_text",
                **TEXT,
                **EXPERTS,
                "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3], "rope_type": "default"},
            },
            "vision_config": {
                "model_type": "qwen3_omni_moe_vision_encoder",
                **qwen3_5.QWEN_VISION,
                "deepstack_visual_indexes": [0, 1],
            },
            "audio_config": {
                "model_type": "qwen3_omni_moe_audio_encoder",
                "d_model": 32,
                "encoder_layers": 2,
                "encoder_attention_heads": 2,
                "encoder_ffn_dim": 64,
                "num_mel_bins": 128,
                "output_dim": 64,
                "downsample_hidden_size": 16,
            },
            "image_token_id": token(2),
            "video_token_id": token(3),
            "audio_token_id": token(4),
            "vision_start_token_id": token(0),
            "vision_end_token_id": token(1),
            "audio_start_token_id": token(5),
            "audio_end_token_id": token(6),
        },
        "enable_audio_output": False,
    },
    files={
        "preprocessor_config.json": {
            **qwen3_5.QWEN_FILES["preprocessor_config.json"],
            "feature_extractor_type": "WhisperFeatureExtractor",
            "feature_size": 128,
        },
    },
    tokens=(*qwen3_5.QWEN_TOKENS, "<|audio_pad|>", "<|audio_start|>", "<|audio_end|>"),
    markers=(qwen3_5.QWEN_MARKERS[0], "<|audio_start|><|audio_pad|><|audio_end|>", qwen3_5.QWEN_MARKERS[2]),
    tokenizer={
        "image_token": "<|image_pad|>",
        "video_token": "<|video_pad|>",
        "audio_token": "<|audio_pad|>",
        "vision_bos_token": "<|vision_start|>",
        "vision_eos_token": "<|vision_end|>",
        "audio_bos_token": "<|audio_start|>",
        "audio_eos_token": "<|audio_end|>",
    },
)
