"""FLUX.1: generation, Kontext's edits, and Fill's edits within a mask."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
from mflux.models.common.vae.vae_util import VAEUtil
from mflux.models.flux.latent_creator.flux_latent_creator import FluxLatentCreator
from mflux.models.flux.model.flux_text_encoder.prompt_encoder import PromptEncoder
from mflux.models.flux.variants.fill.mask_util import MaskUtil
from mflux.models.flux.variants.kontext.kontext_util import KontextUtil

from workers.engines.images.canvases.base import Ask, Canvas


class Flux(Canvas):
    """Generation, and variation of an image."""

    CREATOR = FluxLatentCreator

    def __init__(self, model: Any, shared: Any, ask: Ask) -> None:
        super().__init__(model, shared, ask)
        self.prompt, self.pooled = PromptEncoder.encode_prompt(
            prompt=self.words(ask.prompt),
            prompt_cache={},
            t5_tokenizer=model.tokenizers["t5"],
            clip_tokenizer=model.tokenizers["clip"],
            t5_text_encoder=model.t5_text_encoder,
            clip_text_encoder=model.clip_text_encoder,
        )

    def words(self, prompt: str) -> str:
        """The prompt as the model was taught to read it."""
        return prompt

    def predict(self, step: int, latents: mx.array) -> mx.array:
        return self.see(step, latents)

    def see(self, step: int, hidden: mx.array, **more: Any) -> mx.array:
        """The transformer's answer for these tokens."""
        return self.model.transformer(
            t=step,
            config=self.config,
            hidden_states=hidden,
            prompt_embeds=self.prompt,
            pooled_prompt_embeds=self.pooled,
            **more,
        )

    def decode(self, latents: mx.array, width: int, height: int) -> mx.array:
        unpacked = FluxLatentCreator.unpack_latents(latents=latents, height=height, width=width)
        return VAEUtil.decode(vae=self.model.vae, latent=unpacked, tiling_config=self.model.tiling_config)


class Kontext(Flux):
    """Edits: the image's tokens stand beside those that are drawn."""

    def __init__(self, model: Any, shared: Any, ask: Ask) -> None:
        super().__init__(model, shared, ask)
        self.picture, self.ids = KontextUtil.create_image_conditioning_latents(
            vae=model.vae,
            width=self.config.width,
            height=self.config.height,
            image_path=ask.images[0],
            tiling_config=model.tiling_config,
        )

    def start(self, seed: int) -> mx.array:
        return FluxLatentCreator.create_noise(seed, self.config.height, self.config.width)

    def predict(self, step: int, latents: mx.array) -> mx.array:
        beside = mx.concatenate([latents, self.picture], axis=1)
        return self.see(step, beside, kontext_image_ids=self.ids)[:, : latents.shape[1]]


class Fill(Flux):
    """Edits within a mask: every token carries its part of the masked image and of the mask."""

    def __init__(self, model: Any, shared: Any, ask: Ask) -> None:
        super().__init__(model, shared, ask)
        self.masked = MaskUtil.create_masked_latents(
            vae=model.vae,
            height=self.config.height,
            width=self.config.width,
            img_path=ask.images[0],
            mask_path=ask.mask,
        )

    def start(self, seed: int) -> mx.array:
        return FluxLatentCreator.create_noise(seed, self.config.height, self.config.width)

    def predict(self, step: int, latents: mx.array) -> mx.array:
        return self.see(step, mx.concatenate([latents, self.masked], axis=-1))
