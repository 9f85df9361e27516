"""Image models of the real architectures with few random weights: folders that the real classes load in a second."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from mlxq.settings import Settings
from workers import blas
from workers.starter.fetch import lock

blas.preload()

import mlx.core as mx  # noqa: E402
from mflux.models.common.weights.saving.model_saver import ModelSaver  # noqa: E402
from mflux.models.flux2.model.flux2_text_encoder.qwen3_text_encoder import Qwen3TextEncoder  # noqa: E402
from mflux.models.flux2.model.flux2_transformer.transformer import Flux2Transformer  # noqa: E402
from mflux.models.flux2.model.flux2_vae.decoder.decoder import Flux2Decoder  # noqa: E402
from mflux.models.flux2.model.flux2_vae.encoder.encoder import Flux2Encoder  # noqa: E402
from mflux.models.flux2.model.flux2_vae.vae import Flux2VAE  # noqa: E402
from mflux.models.flux2.weights.flux2_weight_definition import Flux2KleinWeightDefinition  # noqa: E402
from mflux.models.qwen21.model.qwen21_text_encoder.text_encoder import QwenImage21TextEncoder  # noqa: E402
from mflux.models.qwen21.model.qwen21_transformer.qwen_image21_transformer import QwenImage21Transformer  # noqa: E402
from mflux.models.qwen21.model.qwen21_vae.vae import QwenImage21VAE  # noqa: E402
from mflux.models.qwen21.variants.controlnet.qwen_image21_controlnet_transformer import (  # noqa: E402
    QwenImage21ControlNet,
)
from mflux.models.qwen21.weights.qwen_image21_controlnet_weight_definition import (  # noqa: E402
    QwenImage21ControlnetWeightDefinition,
)
from mflux.models.qwen21.weights.qwen_image21_weight_definition import QwenImage21WeightDefinition  # noqa: E402
from mlx import nn  # noqa: E402
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers  # noqa: E402
from transformers import PreTrainedTokenizerFast  # noqa: E402
from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil  # noqa: E402

FORMAT = 3  # counts up when the folders made here change
WIDTH = 64  # of the text encoders' layers
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.content is string %}{{ m.content }}{% else %}"
    "{% for p in m.content %}{{ p.text }}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SPECIAL = ("<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|endoftext|>")
ALPHABET = sorted(pre_tokenizers.ByteLevel.alphabet())
VOCABULARY = len(ALPHABET) + len(SPECIAL)
FLUX2 = {
    "transformer_overrides": {
        "num_layers": 1,
        "num_single_layers": 1,
        "num_attention_heads": 1,
        "joint_attention_dim": 3 * WIDTH,
    },
    "text_encoder_overrides": {
        "vocab_size": VOCABULARY,
        "hidden_size": WIDTH,
        "intermediate_size": WIDTH,
        "num_hidden_layers": 28,
        "num_attention_heads": 1,
        "num_key_value_heads": 1,
        "head_dim": 64,
    },
}
QWEN21 = {
    "vae": {
        "base_dim": 8,
        "decoder_base_dim": 8,
        "dim_mult": [1, 1, 1, 1, 1],
        "in_channels": 4,
        "out_channels": 4,
        "z_dim": 64,
        "num_res_blocks": 1,
        "temporal_downsample": [False, True, True, False],
        "is_residual": True,
        "patch_size": None,
        "latents_mean": [0.0] * 64,
        "latents_std": [1.0] * 64,
    },
    "transformer": {
        "in_channels": 64,
        "out_channels": 64,
        "num_layers": 1,
        "attention_head_dim": 128,
        "num_attention_heads": 1,
        "context_in_dim": WIDTH,
        "mlp_ratio": 1,
        "axes_dims_rope": [16, 56, 56],
    },
    "text_encoder": {
        "image_token_id": len(ALPHABET) + SPECIAL.index("<|image_pad|>"),
        "text_config": {
            "vocab_size": VOCABULARY,
            "hidden_size": WIDTH,
            "num_hidden_layers": 4,
            "num_attention_heads": 1,
            "num_key_value_heads": 1,
            "head_dim": 128,
            "intermediate_size": WIDTH,
            "max_position_embeddings": 4096,
            "rope_theta": 5e6,
            "rope_scaling": {"mrope_section": [24, 20, 20]},
            "attention_bias": False,
            "rms_norm_eps": 1e-6,
        },
        "vision_config": {
            "depth": 1,
            "hidden_size": 64,
            "intermediate_size": 64,
            "num_heads": 1,
            "out_hidden_size": WIDTH,
            "patch_size": 16,
            "spatial_merge_size": 2,
            "temporal_patch_size": 2,
            "num_position_embeddings": 2304,
            "deepstack_visual_indexes": [0],
        },
    },
}


@cache
def flux2() -> Path:
    """A FLUX.2 klein, for generation and for edits; `FLUX2` are its options in a models' file."""
    return _made("flux2", _flux2)


@cache
def qwen21() -> Path:
    """A Qwen-Image-2.1 for edits, with or without a mask."""
    return _made("qwen21", _qwen21)


@cache
def qwen21_control() -> Path:
    """A Qwen-Image-2.1 with a ControlNet."""
    return _made("qwen21-control", _qwen21_control)


def entry(name: str = "flux2", **keys: Any) -> dict[str, Any]:
    """A models' file entry of a tiny model: `flux2`, `flux2-edit`, `qwen-edit` or `qwen-control`."""
    kind, config, folder = {
        "flux2": ("image-generation", "flux2-klein-4b", flux2),
        "flux2-edit": ("image-edit", "flux2-klein-edit-4b", flux2),
        "qwen-edit": ("image-edit", "qwen-image-2.1-edit", qwen21),
        "qwen-control": ("image-edit", "qwen-image-2.1-controlnet", qwen21_control),
    }[name]
    options = {} if name.startswith("qwen") else FLUX2
    return {
        "model_path": str(folder()),
        "served_model_name": name,
        "model_type": kind,
        "config_name": config,
        "options": options,
        **keys,
    }


def adapter(path: Path, seed: int = 1) -> str:
    """A LoRA for the FLUX.2 klein, over where the latents come in."""
    mx.random.seed(seed)
    weights = {
        "x_embedder.lora_A.weight": mx.random.normal((4, 128)),
        "x_embedder.lora_B.weight": mx.random.normal((128, 4)),
    }
    mx.save_safetensors(str(path), weights)
    return str(path)


def _made(name: str, make: Callable[[Path], None]) -> Path:
    """The folder of a tiny model in this machine's cache, made by the first process that wants it."""
    folder = Settings.from_env(os.environ).cache / "tiny" / f"{name}-{FORMAT}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with lock(folder.parent / f".{name}.lock", name):
        if not folder.exists():
            staging = folder.with_name(f".{name}.staging")
            shutil.rmtree(staging, ignore_errors=True)
            make(staging)
            staging.rename(folder)
    return folder


class _Parts:
    """What ModelSaver reads of a model: its components and tokenizers."""

    def __init__(self, tokenizers: dict[str, Any], **components: nn.Module) -> None:
        self.tokenizers = tokenizers
        for name, component in components.items():
            setattr(self, name, component)


def _flux2(folder: Path) -> None:
    mx.random.seed(0)
    vae = Flux2VAE()
    channels = (32, 64, 128, 128)  # different where the real ones are, for the loader builds those
    vae.encoder, vae.decoder = Flux2Encoder(block_out_channels=channels), Flux2Decoder(block_out_channels=channels)
    transformer = Flux2Transformer(**FLUX2["transformer_overrides"])
    encoder = Qwen3TextEncoder(**FLUX2["text_encoder_overrides"])
    parts = _Parts({}, vae=vae, transformer=transformer, text_encoder=encoder)
    ModelSaver.save_model(parts, None, str(folder), Flux2KleinWeightDefinition)  # type: ignore[arg-type]
    _tokenizer().save_pretrained(folder / "tokenizer")


def _qwen21(folder: Path) -> None:
    _save_qwen21(folder, QwenImage21WeightDefinition)


def _qwen21_control(folder: Path) -> None:
    control = QwenImage21ControlNet(QWEN21["transformer"])
    _save_qwen21(folder, QwenImage21ControlnetWeightDefinition, controlnet=control)


def _save_qwen21(folder: Path, definition: Any, **more: nn.Module) -> None:
    mx.random.seed(0)
    parts = _Parts(
        {},
        vae=QwenImage21VAE(QWEN21["vae"]),
        transformer=QwenImage21Transformer(QWEN21["transformer"]),
        text_encoder=QwenImage21TextEncoder(QWEN21["text_encoder"]),
        **more,
    )
    ModelSaver.save_model(parts, None, str(folder), definition)
    for name, config in QWEN21.items():
        (folder / name / "config.json").write_text(json.dumps(config))
    _tokenizer().save_pretrained(folder / "processor")
    size = {"shortest_edge": 32 * 32, "longest_edge": 4096 * 4096}
    Qwen2VLImageProcessorPil(patch_size=16, merge_size=2, size=size).save_pretrained(folder / "processor")


def _tokenizer() -> PreTrainedTokenizerFast:
    """A token a byte, and the markers of Qwen's chats."""
    backend = Tokenizer(models.BPE(vocab={piece: number for number, piece in enumerate(ALPHABET)}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(piece, special=True) for piece in SPECIAL])
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=TEMPLATE
    )
