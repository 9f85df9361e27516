"""Z-Image, its distilled Turbo, and that led by a ControlNet."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
from mflux.models.common.vae.vae_util import VAEUtil
from mflux.models.z_image.latent_creator import ZImageLatentCreator
from mflux.models.z_image.model.z_image_text_encoder.prompt_encoder import PromptEncoder
from mflux.models.z_image.variants.controlnet.control_types import ControlSpec
from mflux.models.z_image.variants.controlnet.controlnet_util import ZImageControlnetUtil

from workers.engines.images.canvases.base import PATCH, Ask, Canvas


class _Drawn(Canvas):
    """Latents that are a grid of eight pixels, channels first."""

    CREATOR = ZImageLatentCreator

    def decode(self, latents: mx.array, width: int, height: int) -> mx.array:
        unpacked = ZImageLatentCreator.unpack_latents(latents, height, width)
        return VAEUtil.decode(vae=self.model.vae, latent=unpacked, tiling_config=self.model.tiling_config)

    def shrink(self, latents: mx.array, columns: int, rows: int, factor: int) -> mx.array:
        rows, columns = rows * PATCH // 8, columns * PATCH // 8
        grid = latents[:, :, : rows * factor, : columns * factor]
        return grid.reshape(grid.shape[0], 1, rows, factor, columns, factor).mean(axis=(3, 5))


class ZImage(_Drawn):
    """Generation, and variation of an image."""

    USES = ("_encode_prompts", "_predict")

    def __init__(self, model: Any, shared: Any, ask: Ask) -> None:
        if model.model_config.supports_guidance:
            self.SCHEDULER = "flow_match_euler_discrete"  # type: ignore[misc]  # the distilled model has its own
        super().__init__(model, shared, ask)
        self.text, self.negative = model._encode_prompts(
            prompt=ask.prompt, negative_prompt=ask.negative_prompt, guidance=self.config.guidance
        )

    @classmethod
    def share(cls, model: Any) -> Any:
        """The compiled transformer, so that only the first image of a size waits for the compiler."""
        return model._predict(model.transformer)

    def predict(self, step: int, latents: mx.array) -> mx.array:
        sigma = self.config.scheduler.sigmas[step].reshape((1,))
        return self.shared(
            latents=latents,
            timestep=mx.ones_like(sigma) - sigma,
            sigmas=self.config.scheduler.sigmas,
            text_encodings=self.text,
            negative_encodings=self.negative,
            guidance=self.config.guidance,
        )


class Control(_Drawn):
    """The image shows the edges, depth, lines or pose of what is drawn."""

    def __init__(self, model: Any, shared: Any, ask: Ask) -> None:
        super().__init__(model, shared, ask)
        self.text = PromptEncoder.encode_prompt(
            prompt=ask.prompt, tokenizer=model.tokenizers["z_image"], text_encoder=model.text_encoder
        )
        as_it_is: Any = "map"  # none of the kinds that mflux makes a map of
        controls = ZImageControlnetUtil.encode_controls(
            vae=model.vae,
            width=self.config.width,
            height=self.config.height,
            controls=[ControlSpec(as_it_is, picture) for picture in ask.images],
            control_in_dim=model.controlnet.config.control_in_dim,
        )
        self.controls = controls.control_latents

    def start(self, seed: int) -> mx.array:
        return ZImageLatentCreator.create_noise(seed=seed, height=self.config.height, width=self.config.width)

    def predict(self, step: int, latents: mx.array) -> mx.array:
        sigmas, merged = self.config.scheduler.sigmas, dict[int, mx.array]()
        for control in self.controls:
            samples = self.model.controlnet(
                x=latents,
                t=step,
                sigmas=sigmas,
                cap_feats=self.text,
                control_context=control,
                conditioning_scale=self.config.controlnet_strength,
            )
            for block, sample in samples.items():
                merged[block] = merged[block] + sample if block in merged else sample
        return self.model.transformer(
            timestep=step, x=latents, cap_feats=self.text, sigmas=sigmas, controlnet_block_samples=merged
        )
