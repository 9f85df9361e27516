"""Gemma 3n: images and sounds, with inputs of each layer."""

from tests.workers.engines.vision.zoo import TEXT, Tiny, token

TINY = Tiny(
    config={
        "text_config": {
            "model_type": "gemma3n_text",
            **TEXT,
            "num_hidden_layers": 4,
            "head_dim": 16,
            "laurel_rank": 8,
            "altup_num_inputs": 2,
            "hidden_size_per_layer_input": 8,
            "vocab_size_per_layer_input": 576,
            "intermediate_size": [128] * 4,
            "sliding_window": 48,
            "layer_types": ["sliding_attention", "full_attention"] * 2,
            "num_kv_shared_layers": 2,
            "activation_sparsity_pattern": [0.0] * 4,
        },
        "vision_config": {"model_type": "gemma3n_vision", "hidden_size": 2048, "vocab_offset": 540, "vocab_size": 8},
        "audio_config": {
            "model_type": "gemma3n_audio",
            "hidden_size": 32,
            "input_feat_size": 80,
            "conf_num_attention_heads": 2,
            "conf_num_hidden_layers": 1,
            "sscp_conv_channel_size": [8, 4],
            "vocab_offset": 548,
            "vocab_size": 8,
        },
        "image_token_id": token(0),
        "audio_token_id": token(3),
        "hidden_size": 64,
    },
    files={
        "preprocessor_config.json": {
            "image_processor_type": "SiglipImageProcessor",
            "feature_extractor_type": "Gemma3nAudioFeatureExtractor",
            "feature_size": 80,
            "size": {"height": 256, "width": 256},
        },
        "processor_config.json": {
            "processor_class": "Gemma3nProcessor",
            "audio_seq_length": 188,
            "image_seq_length": 256,
        },
    },
    tokens=(
        "<image_soft_token>",
        "<start_of_image>",
        "<end_of_image>",
        "<audio_soft_token>",
        "<start_of_audio>",
        "<end_of_audio>",
    ),
    markers=("<image_soft_token>", "<audio_soft_token>"),
    tokenizer={
        "image_token": "<image_soft_token>",
        "boi_token": "<start_of_image>",
        "eoi_token": "<end_of_image>",
        "audio_token": "<audio_soft_token>",
        "boa_token": "<start_of_audio>",
        "eoa_token": "<end_of_audio>",
        "image_token_id": token(0),
        "audio_token_id": token(3),
    },
)
