"""FIBO, whose prompts are JSON, and its edits."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import mlx.core as mx
from mflux.models.common.schedulers.flow_match_euler_discrete_scheduler import FlowMatchEulerDiscreteScheduler
from mflux.models.common.vae.vae_util import VAEUtil
from mflux.models.fibo.latent_creator.fibo_latent_creator import FiboLatentCreator
from mflux.models.fibo.model.fibo_text_encoder.prompt_encoder import PromptEncoder
from mflux.models.fibo.variants.edit.util import FiboEditUtil
from mflux.models.fibo.variants.txt2img.fibo import FIBO
from PIL import Image

from workers.engines.images.canvases.base import Ask, Canvas


class Fibo(Canvas):
    """Generation, and variation of an image; a prompt in plain words becomes the description in a JSON prompt."""

    SCHEDULER = "flow_match_euler_discrete"
    CREATOR = FiboLatentCreator
    KEY = "short_description"

    def __init__(self, model: Any, shared: Any, ask: Ask) -> None:
        super().__init__(model, shared, ask if ask.guidance is not None else replace(ask, guidance=1.0))
        _, self.hidden, self.layers = PromptEncoder.encode_prompt(
            prompt=structured(ask.prompt, self.KEY),
            negative_prompt=ask.negative_prompt,
            tokenizer=model.tokenizers["fibo"],
            text_encoder=model.text_encoder,
            guidance=self.config.guidance,
        )

    def predict(self, step: int, latents: mx.array) -> mx.array:
        return self.guided(step, latents, latents.shape[1])

    def guided(self, step: int, hidden: mx.array, drawn: int, **more: Any) -> mx.array:
        """The transformer's answer for the first `drawn` tokens, led away from the negative prompt."""
        noise = self.model.transformer(
            t=step,
            config=self.config,
            hidden_states=hidden,
            text_encoder_layers=self.layers,
            encoder_hidden_states=self.hidden,
            **more,
        )[:, :drawn]
        return (
            noise if self.config.guidance == 1.0 else FIBO._apply_classifier_free_guidance(noise, self.config.guidance)
        )

    def decode(self, latents: mx.array, width: int, height: int) -> mx.array:
        unpacked = FiboLatentCreator.unpack_latents(latents, height, width)
        return VAEUtil.decode(vae=self.model.vae, latent=unpacked, tiling_config=self.model.tiling_config)


class FiboEdit(Fibo):
    """Edits of one image; what a mask covers is greyed out before the model sees it."""

    KEY = "edit_instruction"

    def __init__(self, model: Any, shared: Any, ask: Ask) -> None:
        super().__init__(model, shared, ask)
        width, height = self.config.width, self.config.height
        self.config.scheduler.set_mu(FlowMatchEulerDiscreteScheduler._compute_linear_mu(self.config.image_seq_len))
        picture = FiboEditUtil.load_edit_image(ask.images[0], width, height, ask.mask)
        self.picture = FiboEditUtil.encode_conditioning_image(model.vae, picture, height, width, model.tiling_config)
        self.ids = FiboEditUtil.create_conditioning_image_ids(height, width, self.hidden.dtype)

    def start(self, seed: int) -> mx.array:
        return FiboLatentCreator.create_noise(seed, self.config.height, self.config.width)

    def predict(self, step: int, latents: mx.array) -> mx.array:
        beside = mx.concatenate([latents, self.picture], axis=1)
        return self.guided(
            step,
            beside,
            latents.shape[1],
            conditioning_seq_len=self.picture.shape[1],
            conditioning_image_ids=self.ids,
        )


class Matte(FiboEdit):
    """An image that is white where the sent one shows its subject; or, transparent, the subject of that."""

    def finish(self, latents: mx.array) -> Image.Image:
        matte = super().finish(latents)
        return FiboEditUtil.build_rgba_composite_image(self.ask.images[0], matte) if self.ask.transparent else matte


def structured(prompt: str, key: str) -> str:
    """A prompt as the JSON object that FIBO was trained on, unless it is one."""
    try:
        parsed = json.loads(prompt)
    except ValueError:
        parsed = None
    return prompt if isinstance(parsed, dict) and (key in parsed or key != FiboEdit.KEY) else json.dumps({key: prompt})
