"""Qwen3-Omni: images, sounds and films, and a talker that speaks its answers."""

from tests.workers.engines.vision.zoo import EXPERTS, TEXT, Tiny, qwen3_5, token

_TOKENS = (
    *qwen3_5.QWEN_TOKENS,
    "<|audio_start|>",
    "<|audio_end|>",
    "<|audio_pad|>",
    "<|im_start|>",
    "<|im_end|>",
    "<tts_pad>",
    "<tts_text_bos>",
    "<tts_text_eod>",
    "<system>",
    "<user>",
    "<assistant>",
)
_MROPE = {"type": "mrope", "mrope_section": [2, 3, 3], "rope_type": "default"}
_TALKER_TEXT = {
    **TEXT,
    **EXPERTS,
    "hidden_size": 48,
    "intermediate_size": 64,
    "shared_expert_intermediate_size": 32,
    "vocab_size": 64,
    "rope_scaling": _MROPE,
}
_GROUPS = 4  # codes of a frame of speech
TALKER = {
    "text_config": {"model_type": "qwen3_omni_moe_talker_text", **_TALKER_TEXT},
    "code_predictor_config": {
        "num_hidden_layers": 2,
        "hidden_size": 48,
        "intermediate_size": 64,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "vocab_size": 32,
        "num_code_groups": _GROUPS,
        "layer_types": ["full_attention"] * 2,
    },
    "accept_hidden_layer": 1,
    "num_code_groups": _GROUPS,
    "thinker_hidden_size": 64,
    "codec_bos_id": 33,
    "codec_eos_token_id": 34,
    "codec_nothink_id": 35,
    "codec_pad_id": 36,
    "codec_think_bos_id": 37,
    "codec_think_eos_id": 38,
    "speaker_id": {"chelsie": 40, "ethan": 41, "aiden": 42},
}
CODE2WAV = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "decoder_dim": 32,
    "codebook_dim": 16,
    "codebook_size": 64,
    "num_quantizers": _GROUPS,
}
TINY = Tiny(
    config={
        "thinker_config": {
            "text_config": {
                "model_type": "qwen3_omni_moe_text",
                **TEXT,
                **EXPERTS,
                "num_hidden_layers": 3,
                "rope_scaling": _MROPE,
            },
            "vision_config": {
                "model_type": "qwen3_omni_moe_vision_encoder",
                **qwen3_5.QWEN_VISION,
                "deepstack_visual_indexes": [0, 1],
            },
            "audio_config": {
                "d_model": 32,
                "encoder_layers": 2,
                "encoder_attention_heads": 2,
                "encoder_ffn_dim": 64,
                "output_dim": 64,
                "downsample_hidden_size": 8,
            },
            **qwen3_5.QWEN_IDS,
            "audio_start_token_id": token(4),
            "audio_end_token_id": token(5),
            "audio_token_id": token(6),
        },
        "talker_config": TALKER,
        "code2wav_config": CODE2WAV,
        "im_start_token_id": token(7),
        "im_end_token_id": token(8),
        "tts_pad_token_id": token(9),
        "tts_bos_token_id": token(10),
        "tts_eos_token_id": token(11),
        "system_token_id": token(12),
        "user_token_id": token(13),
        "assistant_token_id": token(14),
    },
    files={
        "preprocessor_config.json": {
            **qwen3_5.QWEN_FILES["preprocessor_config.json"],
            "size": {"shortest_edge": 64, "longest_edge": 4096},
            "feature_extractor_type": "WhisperFeatureExtractor",
            "feature_size": 128,
            "chunk_length": 2,
            "return_attention_mask": True,
        },
        "processor_config.json": {"processor_class": "Qwen3OmniMoeProcessor"},
    },
    tokens=_TOKENS,
    markers=(
        qwen3_5.QWEN_MARKERS[0],
        "<|audio_start|><|audio_pad|><|audio_end|>",
        qwen3_5.QWEN_MARKERS[2],
    ),
    template=(
        "{% for m in messages %}<|im_start|><{{ m.role }}>\n{% if m.content is string %}{{ m.content }}{% else %}"
        "{% for part in m.content %}{% if part.type == 'image' %}IMAGE{% elif part.type == 'audio' %}AUDIO"
        "{% elif part.type == 'video' %}VIDEO{% else %}{{ part.text }}{% endif %}{% endfor %}{% endif %}"
        "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|><assistant>\n{% endif %}"
    ),
    tokenizer={
        "image_token": "<|image_pad|>",
        "audio_token": "<|audio_pad|>",
        "video_token": "<|video_pad|>",
        "vision_bos_token": "<|vision_start|>",
        "vision_eos_token": "<|vision_end|>",
        "audio_bos_token": "<|audio_start|>",
        "audio_eos_token": "<|audio_end|>",
    },
)
