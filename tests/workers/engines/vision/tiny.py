"""Tiny random models of real architectures with their real processors, as folders that can be served."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.workers.engines.text import tiny
from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402
from mlx.utils import tree_flatten  # noqa: E402
from mlx_vlm.utils import get_model_and_args, update_module_configs  # noqa: E402

# How these models' own templates show turns, shortened.
PARTS = (
    "{% for m in messages %}<{{ m.role }}>{% for part in m.content %}"
    "{% if part.type == 'image' %}IMAGE{% else %}{{ part.text }}{% endif %}{% endfor %}</s>{% endfor %}"
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
FAMILIES = ("idefics3", "smolvlm", "llava", "qwen2_vl", "qwen2_5_vl", "gemma3")


def save(folder: Path, family: str, context: int = 2048) -> Path:
    """Write a random model of a family, its configuration, tokenizer and processor."""
    folder.mkdir(parents=True, exist_ok=True)
    config, files, marks, image = _KINDS[family]()
    config = {"model_type": family, "eos_token_id": 516, "max_position_embeddings": context, **config}
    (folder / "config.json").write_text(json.dumps(config))
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content))
    words = tiny.tokenizer()._tokenizer
    words.add_special_tokens({"additional_special_tokens": list(marks)})
    words.chat_template = PARTS.replace("IMAGE", image)
    words.save_pretrained(folder)
    _told(folder / "tokenizer_config.json", family)
    mx.save_safetensors(str(folder / "model.safetensors"), dict(tree_flatten(_model(config).parameters())))
    return folder


def _model(config: Mapping[str, Any]) -> Any:
    mx.random.seed(0)
    own = json.loads(json.dumps(config))
    arch, _ = get_model_and_args(own)
    made = arch.ModelConfig.from_dict(own)
    made = update_module_configs(made, arch, own, ["text", "vision"])
    model = arch.Model(made)
    language = model.language_model
    language.lm_head.weight = language.lm_head.weight * 12  # so that tokens differ clearly in likelihood
    if config["model_type"] == "gemma3":  # which begins with ones, and then every picture looks the same
        model.multi_modal_projector.mm_input_projection_weight = mx.random.normal((32, 64))
    mx.eval(model.parameters())
    return model


def _told(path: Path, family: str) -> None:
    if family == "gemma3":
        own = json.loads(path.read_text())
        own |= {"image_token": _GEMMA[2], "boi_token": _GEMMA[0], "eoi_token": _GEMMA[1]}
        path.write_text(json.dumps(own))


def _idefics(kind: str) -> tuple[dict[str, Any], dict[str, Any], tuple[str, ...], str]:
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
    return config, files, (*_IDEFICS, *rows), "<image>"


def _llava() -> tuple[dict[str, Any], dict[str, Any], tuple[str, ...], str]:
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
    return config, files, ("<image>",), "<image>"


def _qwen(kind: str) -> tuple[dict[str, Any], dict[str, Any], tuple[str, ...], str]:
    vision: dict[str, Any] = {"model_type": kind, "depth": 2, "num_heads": 2, "patch_size": 4, "spatial_patch_size": 4}
    if kind == "qwen2_vl":
        vision |= {"embed_dim": 32, "hidden_size": 64}
    else:
        vision |= {"hidden_size": 32, "intermediate_size": 64, "out_hidden_size": 64, "window_size": 16}
        vision |= {"fullatt_block_indexes": [1]}
    config = {
        **_TEXT,
        "rope_scaling": {"type": "mrope", "mrope_section": [2, 3, 3]},
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
    return config, files, _QWEN, "<|vision_start|><|image_pad|><|vision_end|>"


def _gemma() -> tuple[dict[str, Any], dict[str, Any], tuple[str, ...], str]:
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
    return config, files, _GEMMA, _GEMMA[0]


_KINDS = {
    "idefics3": lambda: _idefics("idefics3"),
    "smolvlm": lambda: _idefics("smolvlm"),
    "llava": _llava,
    "qwen2_vl": lambda: _qwen("qwen2_vl"),
    "qwen2_5_vl": lambda: _qwen("qwen2_5_vl"),
    "gemma3": _gemma,
}
