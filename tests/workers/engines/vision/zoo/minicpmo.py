"""MiniCPM-o: images and sounds."""

from tests.workers.engines.vision.zoo import TEXT, Tiny

TINY = Tiny(
    config={
        **TEXT,
        "hidden_size": 64,
        "rope_scaling": {"type": "default", "mrope_section": [4, 2, 2]},
        "vision_config": {
            "model_type": "siglip",
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 32,
            "patch_size": 8,
        },
        "audio_config": {
            "d_model": 32,
            "encoder_layers": 2,
            "encoder_attention_heads": 2,
            "encoder_ffn_dim": 128,
        },
        "query_num": 4,
        "image_size": 32,
        "patch_size": 8,
        "init_tts": False,
    },
    files={
        "preprocessor_config.json": {
            "feature_extractor_type": "WhisperFeatureExtractor",
            "feature_size": 80,
            "patch_size": 8,
            "scale_resolution": 32,
            "image_feature_size": 4,
        }
    },
    tokens=(
        "<unk>",
        "<image>",
        "</image>",
        "<slice>",
        "</slice>",
        "<|audio_start|>",
        "<|audio_end|>",
        "<|spk_bos|>",
        "<|spk_eos|>",
        "<|tts_bos|>",
        "<|tts_eos|>",
        "<|listen|>",
        "<audio>",
    ),
    markers=("<image>./</image>", "<audio>./</audio>"),
    tokenizer={"tokenizer_class": "Qwen2Tokenizer"},
)
