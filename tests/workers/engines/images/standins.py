"""mflux's models with arithmetic in the place of their networks: its own loops, at the cost of nothing.

Every stand-in answers with a function of all arrays that it is given, so that a loop which passes something else, or in
another order, draws other pixels.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import mlx.core as mx
import numpy as np
from mflux.callbacks.callback_registry import CallbackRegistry
from mflux.models.common.config.model_config import ModelConfig
from mlx import nn
from PIL import Image

from workers.engines.images.loading import model_class
from workers.engines.images.variants import VARIANTS


def stand_in(config_name: str) -> Any:
    """A model of this variant without weights."""
    variant = VARIANTS[config_name]
    kind = model_class(variant)
    model = kind.__new__(kind)
    nn.Module.__init__(model)
    scale, channels = (16, 48) if variant.canvas.startswith("fibo") else (8, 16)
    given: dict[str, Any] = {
        "model_config": getattr(ModelConfig, variant.config)(),
        "callbacks": CallbackRegistry(),
        "prompt_cache": {},
        "tiling_config": None,
        "bits": None,
        "lora_paths": None,
        "lora_scales": None,
        "float32": False,
        "compute_precision": SimpleNamespace(generation_parameters=dict),
        "tokenizers": {name: _Tokenizer() for name in ("t5", "clip", "z_image", "qwen", "qwen_vl", "qwen3vl", "fibo")},
        "vae": _Vae(scale, channels),
        "t5_text_encoder": _words,
        "clip_text_encoder": lambda ids: _words(ids).mean(axis=1),
        "text_encoder": _TextEncoder(),
        "qwen_vl_encoder": lambda **given: (_blend(_words(given["input_ids"]), given), mx.ones((1, 4))),
        "transformer": _transformer,
        "transformer_controlnet": _controlnet,
        "controlnet": _Controlnet(),
        "controlnet_strength": 1.0,
        "depth_pro": _DepthPro(),
        "image_encoder": lambda image: (image.mean(axis=1)[:, :8, :8], None),
        "image_embedder": lambda seen: mx.sin(seen * 3.0),
    }
    model.__dict__.update(given)
    return model


class _Tokenizer:
    def __init__(self) -> None:
        self.tokenizer = self

    def tokenize(self, prompt: str, **_: Any) -> SimpleNamespace:
        ids = mx.array([[ord(letter) for letter in prompt.ljust(4)[:4]]])
        return SimpleNamespace(input_ids=ids, attention_mask=mx.ones_like(ids))

    def tokenize_with_image(self, prompt: str, images: list[Any], vl_width: int, vl_height: int) -> tuple[Any, ...]:
        opened = [Image.open(image) if isinstance(image, str) else image for image in images]
        seen = mx.array([np.asarray(image.resize((vl_width, vl_height))).mean() for image in opened])
        found = self.tokenize(prompt)
        return found.input_ids, found.attention_mask, seen, mx.array([[1, vl_height, vl_width]])


class _TextEncoder:
    def __call__(self, input_ids: mx.array, attention_mask: mx.array | None = None) -> tuple[mx.array, mx.array]:
        return _words(input_ids), mx.ones(input_ids.shape)


class _Vae:
    """A colour a token: what is encoded and decoded keeps its place."""

    def __init__(self, scale: int, channels: int) -> None:
        self.spatial_scale, self.latent_channels = scale, channels
        self.scaling_factor, self.shift_factor = 0.36, 0.11

    def encode(self, image: mx.array) -> mx.array:
        _, _, height, width = image.shape
        rows, columns = height // self.spatial_scale, width // self.spatial_scale
        small = image.reshape(1, 3, rows, self.spatial_scale, columns, self.spatial_scale).mean(axis=(3, 5))
        return mx.concatenate([small] * self.latent_channels, axis=1)[:, : self.latent_channels]

    def decode(self, latents: mx.array) -> mx.array:
        latents = latents[:, :, 0] if latents.ndim == 5 else latents
        return mx.repeat(mx.repeat(latents[:, :3], self.spatial_scale, axis=2), self.spatial_scale, axis=3)


class _DepthPro:
    """What is bright is near."""

    def create_depth_map(self, image_path: str | Path) -> SimpleNamespace:
        return SimpleNamespace(depth_image=Image.open(image_path).convert("L"))


class _Controlnet:
    """Z-Image's second network."""

    config = SimpleNamespace(control_in_dim=20)

    def __call__(self, **given: Any) -> dict[int, mx.array]:
        hidden, strength = given.pop("x"), given.pop("conditioning_scale")
        return {block: strength * _blend(hidden, given) * (block + 1) for block in range(2)}


def _controlnet(**given: Any) -> tuple[list[mx.array], list[mx.array]]:
    """FLUX's second network."""
    hidden, config = given.pop("hidden_states"), given.pop("config")
    sample = config.controlnet_strength * _blend(hidden, given)
    return [sample, sample * 0.5], [sample * 0.25]


def _words(ids: mx.array) -> mx.array:
    return mx.sin(ids[..., None] * mx.arange(1, 9) * 0.1)


def _transformer(*sent: mx.array, **given: Any) -> mx.array:
    """Tokens (or Z-Image's grid) changed by all else."""
    if sent:  # Krea 2's latents, timestep and prompt
        return _blend(sent[0], {"timestep": sent[1], "prompt": sent[2], **given})
    hidden = given.pop("hidden_states", None)
    if "vid" in given:  # SeedVR2's latents, with the picture's and a mask behind them
        return _blend(given.pop("vid")[:, :16], given)
    hidden = given.pop("x") if hidden is None else hidden
    if "text_encoder_layers" in given and given["encoder_hidden_states"].shape[0] > 1:  # FIBO's two prompts at once
        hidden = mx.concatenate([hidden, hidden * 0.9])
    answer = _blend(hidden, given)
    return answer[..., :64] if hidden.ndim == 3 else answer


def _blend(value: mx.array, given: Any) -> mx.array:
    told = sum((index + 1) * _mean(one) for index, (_, one) in enumerate(sorted(given.items())))
    return mx.tanh(value * 0.5 + told + mx.roll(value, 1, axis=1) * 0.25)


def _mean(value: Any) -> Any:
    if isinstance(value, mx.array):
        return mx.sin(value.astype(mx.float32)).mean()
    if isinstance(value, dict):
        value = [one for _, one in sorted(value.items())]
    if isinstance(value, (list, tuple)):
        return sum((_mean(one) for one in value), 0.0)
    return float(value) * 0.01 if isinstance(value, (int, float)) else 0.0
