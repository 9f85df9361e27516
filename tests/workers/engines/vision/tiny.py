"""Tiny random models of real architectures with their real processors, as folders that can be served."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from tests.workers.engines.text import tiny
from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402
from mlx.utils import tree_flatten  # noqa: E402
from mlx_vlm.utils import get_model_and_args, update_module_configs  # noqa: E402

# A config, files beside it, special tokens, and what templates write for a picture, a sound and a film.
Kind: TypeAlias = tuple[dict[str, Any], dict[str, Any], tuple[str, ...], tuple[str, ...]]
# How these models' own templates show turns, shortened.
PARTS = (
    "{% for m in messages %}<{{ m.role }}>{% for part in m.content %}"
    "{% if part.type == 'image' %}IMAGE{% elif part.type == 'audio' %}AUDIO{% elif part.type == 'video' %}VIDEO"
    "{% else %}{{ part.text }}{% endif %}{% endfor %}</s>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
_TEXT = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "intermediate_size": 128,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-5,
    "vocab_size": 544,
    "tie_word_embeddings": False,
}
_SIGLIP = {"hidden_size": 32, "num_attention_heads": 2, "num_hidden_layers": 2, "intermediate_size": 64}
_IDEFICS = ("<image>", "<fake_token_around_image>", "<end_of_utterance>", "<global-img>")
_QWEN = ("<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
_GEMMA = ("<start_of_image>", "<end_of_image>", "<image_soft_token>")
_GEMMA_4 = ("<|image>", "<image|>", "<|image|>", "<|audio>", "<audio|>", "<|audio|>", "<|video|>")
FAMILIES = ("idefics3", "smolvlm", "llava", "qwen2_vl", "qwen2_5_vl", "qwen3_vl", "gemma3", "gemma4")
WATCHING = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "gemma4")


def save(folder: Path, family: str, context: int = 2048) -> Path:
    """Write a random model of a family, its configuration, tokenizer and processor."""
    folder.mkdir(parents=True, exist_ok=True)
    config, files, marks, shown = _KINDS[family]()
    config = {"model_type": family, "eos_token_id": 516, "max_position_embeddings": context, **config}
    (folder / "config.json").write_text(json.dumps(config))
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    words = tiny.tokenizer()._tokenizer
    words.add_special_tokens({"additional_special_tokens": list(marks)})
    words.chat_template = PARTS
    for name, marker in zip(("IMAGE", "AUDIO", "VIDEO"), shown, strict=False):
        words.chat_template = words.chat_template.replace(name, marker)
    words.save_pretrained(folder)
    _told(folder / "tokenizer_config.json", family)
    mx.save_safetensors(str(folder / "model.safetensors"), dict(tree_flatten(_model(config).parameters())))
    return folder


def _model(config: Mapping[str, Any]) -> Any:
    mx.random.seed(0)
    own = json.loads(json.dumps(config))
    arch, _ = get_model_and_args(own)
    made = arch.ModelConfig.from_dict(own)
    made = update_module_configs(made, arch, own, ["text", "vision", "audio"])
    model = arch.Model(made)
    language = model.language_model
    if "lm_head" in language:  # so that tokens differ clearly in likelihood
        language.lm_head.weight = language.lm_head.weight * 12
    else:  # where every token would be likeliest after itself
        language.model.norm.weight = mx.random.normal(language.model.norm.weight.shape) * 3
    if config["model_type"] == "gemma3":  # which begins with ones, and then every picture looks the same
        model.multi_modal_projector.mm_input_projection_weight = mx.random.normal((32, 64))
    mx.eval(model.parameters())
    return model


def _told(path: Path, family: str) -> None:
    if family == "gemma3":
        own = json.loads(path.read_text())
        own |= {"image_token": _GEMMA[2], "boi_token": _GEMMA[0], "eoi_token": _GEMMA[1]}
        path.write_text(json.dumps(own))
    if family == "gemma4":
        own = json.loads(path.read_text())
        names = ("boi_token", "eoi_token", "image_token", "boa_token", "eoa_token", "audio_token", "video_token")
        path.write_text(json.dumps({**own, **dict(zip(names, _GEMMA_4, strict=True))}))


def _idefics(kind: str) -> Kind:
    rows = tuple(f"<row_{row}_col_{column}>" for row in range(1, 4) for column in range(1, 4))
    config = {
        "text_config": {"model_type": "llama", **_TEXT},
        "vision_config": {"model_type": "idefics3", "patch_size": 8, "image_size": 32, **_SIGLIP},
        "scale_factor": 2,
        "image_token_id": 517,
    }
    name = "Idefics3ImageProcessor" if kind == "idefics3" else "SmolVLMImageProcessor"
    size = {"size": {"longest_edge": 96}, "max_image_size": {"longest_edge": 32}}
    files = {
        "preprocessor_config.json": {"image_processor_type": name, **size},
        "processor_config.json": {"image_seq_len": 4},
    }
    return config, files, (*_IDEFICS, *rows), ("<image>",)


def _llava() -> Kind:
    config = {
        "text_config": {"model_type": "llama", **_TEXT},
        "vision_config": {"model_type": "clip_vision_model", "patch_size": 8, "image_size": 32, **_SIGLIP},
        "image_token_index": 517,
        "vision_feature_layer": -2,
    }
    size = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}
    files = {
        "preprocessor_config.json": {"image_processor_type": "CLIPImageProcessor", **size},
        "processor_config.json": {
            "patch_size": 8,
            "vision_feature_select_strategy": "default",
            "num_additional_image_tokens": 1,
        },
    }
    return config, files, ("<image>",), ("<image>",)


def _qwen(kind: str) -> Kind:
    vision: dict[str, Any] = {"model_type": kind, "depth": 2, "num_heads": 2, "patch_size": 4, "spatial_patch_size": 4}
    if kind == "qwen2_vl":
        vision |= {"embed_dim": 32, "hidden_size": 64}
    else:
        vision |= {"hidden_size": 32, "intermediate_size": 64, "out_hidden_size": 64, "window_size": 16}
        vision |= {"fullatt_block_indexes": [1]}
    text = {**_TEXT, "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]}}
    if kind == "qwen3_vl":
        vision |= {"num_position_embeddings": 64, "deepstack_visual_indexes": [0, 1]}
        more = {"model_type": "qwen3_vl_text", "head_dim": 16, "rope_theta": 10_000.0, "max_position_embeddings": 2048}
        text = {"text_config": {**text, **more, "num_hidden_layers": 3}}
    config = {
        **text,
        "vision_config": vision,
        "vision_start_token_id": 517,
        "vision_end_token_id": 518,
        "image_token_id": 519,
        "video_token_id": 520,
    }
    files = {
        "preprocessor_config.json": {
            "image_processor_type": "Qwen2VLImageProcessor",
            "patch_size": 4,
            "temporal_patch_size": 2,
            "merge_size": 2,
            "min_pixels": 64,
            "max_pixels": 4096,
        }
    }
    around = "<|vision_start|>{}<|vision_end|>"
    return config, files, _QWEN, (around.format(_QWEN[2]), "", around.format(_QWEN[3]))


def _gemma() -> Kind:
    config = {
        "text_config": {
            "model_type": "gemma3_text",
            **_TEXT,
            "num_hidden_layers": 4,
            "head_dim": 32,
            "query_pre_attn_scalar": 32,
            "sliding_window": 48,
            "sliding_window_pattern": 4,
            "mm_tokens_per_image": 4,
        },
        "vision_config": {"model_type": "siglip_vision_model", "patch_size": 8, "image_size": 32, **_SIGLIP},
        "image_token_index": 519,
        "hidden_size": 64,
        "pad_token_id": 0,
    }
    files = {
        "preprocessor_config.json": {
            "image_processor_type": "Gemma3ImageProcessor",
            "size": {"height": 32, "width": 32},
        },
        "processor_config.json": {"image_seq_length": 4},
    }
    return config, files, _GEMMA, (_GEMMA[0],)


def _gemma_4() -> Kind:
    text = {key: value for key, value in _TEXT.items() if key != "tie_word_embeddings"}
    config = {
        "text_config": {
            "model_type": "gemma4_text",
            **text,
            "num_hidden_layers": 6,
            "head_dim": 32,
            "global_head_dim": 32,
            "num_kv_shared_layers": 2,
            "hidden_size_per_layer_input": 16,
            "vocab_size_per_layer_input": 544,
            "sliding_window": 48,
            "layer_types": ["sliding_attention", "sliding_attention", "full_attention"] * 2,
        },
        "vision_config": {
            "model_type": "gemma4_vision",
            **_SIGLIP,
            "num_key_value_heads": 2,
            "head_dim": 16,
            "global_head_dim": 16,
            "patch_size": 8,
            "pooling_kernel_size": 2,
            "position_embedding_size": 64,
            "default_output_length": 16,
        },
        "audio_config": {
            "model_type": "gemma4_audio",
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "subsampling_conv_channels": [8, 4],
            "output_proj_dims": 32,
        },
        "hidden_size": 64,
        "image_token_id": 519,
        "audio_token_id": 522,
        "video_token_id": 523,
    }
    own = {"patch_size": 8, "pooling_kernel_size": 2}
    files = {
        "processor_config.json": {
            "image_processor": {**own, "max_soft_tokens": 16},
            "video_processor": {**own, "max_soft_tokens": 70, "num_frames": 8},
        }
    }
    return config, files, _GEMMA_4, (_GEMMA_4[2], _GEMMA_4[5], _GEMMA_4[6])


_KINDS = {
    "idefics3": lambda: _idefics("idefics3"),
    "smolvlm": lambda: _idefics("smolvlm"),
    "llava": _llava,
    "qwen2_vl": lambda: _qwen("qwen2_vl"),
    "qwen2_5_vl": lambda: _qwen("qwen2_5_vl"),
    "qwen3_vl": lambda: _qwen("qwen3_vl"),
    "gemma3": _gemma,
    "gemma4": _gemma_4,
}
