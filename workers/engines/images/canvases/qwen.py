"""Qwen-Image and Qwen-Image-Edit."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
from mflux.models.common.vae.vae_util import VAEUtil
from mflux.models.qwen.latent_creator.qwen_latent_creator import QwenLatentCreator
from mflux.models.qwen.model.qwen_text_encoder.qwen_prompt_encoder import QwenPromptEncoder
from mflux.models.qwen.variants.edit.qwen_edit_util import QwenEditUtil
from mflux.models.qwen.variants.txt2img.qwen_image import QwenImage

from workers.engines.images.canvases.base import Ask, Canvas


class Qwen(Canvas):
    """Generation, and variation of an image."""

    CREATOR = QwenLatentCreator

    def __init__(self, model: Any, shared: Any, ask: Ask) -> None:
        super().__init__(model, shared, ask)
        self.prompt, self.prompt_mask, self.negative, self.negative_mask = self.encode()

    def encode(self) -> tuple[mx.array, mx.array, mx.array, mx.array]:
        """The prompt and the negative prompt, each with its mask."""
        return QwenPromptEncoder.encode_prompt(
            prompt=self.ask.prompt,
            negative_prompt=self.ask.negative_prompt,
            prompt_cache={},
            qwen_tokenizer=self.model.tokenizers["qwen"],
            qwen_text_encoder=self.model.text_encoder,
        )

    def predict(self, step: int, latents: mx.array) -> mx.array:
        return self.guided(step, latents, latents.shape[1])

    def guided(self, step: int, hidden: mx.array, drawn: int, **more: Any) -> mx.array:
        """The transformer's answer for the first `drawn` tokens, led away from the negative prompt."""

        def see(prompt: mx.array, mask: mx.array) -> mx.array:
            return self.model.transformer(
                t=step,
                config=self.config,
                hidden_states=hidden,
                encoder_hidden_states=prompt,
                encoder_hidden_states_mask=mask,
                **more,
            )[:, :drawn]

        wanted, unwanted = see(self.prompt, self.prompt_mask), see(self.negative, self.negative_mask)
        return QwenImage.compute_guided_noise(wanted, unwanted, self.config.guidance)

    def decode(self, latents: mx.array, width: int, height: int) -> mx.array:
        unpacked = QwenLatentCreator.unpack_latents(latents=latents, height=height, width=width)
        return VAEUtil.decode(vae=self.model.vae, latent=unpacked, tiling_config=self.model.tiling_config)


class QwenEdit(Qwen):
    """Edits: the text encoder sees the images too, and their tokens stand beside those that are drawn."""

    USES = ("_compute_dimensions", "_encode_prompts_with_images")

    def __init__(self, model: Any, shared: Any, ask: Ask) -> None:
        super().__init__(model, shared, ask)
        self.pictures, self.ids, rows, columns, count = QwenEditUtil.create_image_conditioning_latents(
            vae=model.vae,
            width=self.config.width,
            height=self.config.height,
            image_paths=list(ask.images),
            tiling_config=model.tiling_config,
        )
        self.grid = (1, rows, columns) if count == 1 else [(1, rows, columns)] * count

    def encode(self) -> tuple[mx.array, mx.array, mx.array, mx.array]:
        pictures = list(self.ask.images)
        _, width, height, _, _ = self.model._compute_dimensions(
            image_paths=pictures,
            num_inference_steps=self.ask.steps,
            height=self.ask.height,
            width=self.ask.width,
            guidance=self.config.guidance,
            image_path=None,
            scheduler=self.SCHEDULER,
        )
        encoded: tuple[mx.array, mx.array, mx.array, mx.array] = self.model._encode_prompts_with_images(
            self.ask.prompt, self.ask.negative_prompt, pictures, self.config, width, height
        )
        return encoded

    def start(self, seed: int) -> mx.array:
        return QwenLatentCreator.create_noise(seed, self.config.height, self.config.width)

    def predict(self, step: int, latents: mx.array) -> mx.array:
        beside = mx.concatenate([latents, self.pictures], axis=1)
        return self.guided(step, beside, latents.shape[1], qwen_image_ids=self.ids, cond_image_grid=self.grid)
