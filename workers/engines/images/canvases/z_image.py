"""Z-Image, and its distilled Turbo."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
from mflux.models.common.vae.vae_util import VAEUtil
from mflux.models.z_image.latent_creator import ZImageLatentCreator

from workers.engines.images.canvases.base import PATCH, Ask, Canvas


class ZImage(Canvas):
    """Generation, and variation of a picture."""

    CREATOR = ZImageLatentCreator
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
        """The compiled transformer, so that only the first picture of a size waits for the compiler."""
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

    def decode(self, latents: mx.array, width: int, height: int) -> mx.array:
        unpacked = ZImageLatentCreator.unpack_latents(latents, height, width)
        return VAEUtil.decode(vae=self.model.vae, latent=unpacked, tiling_config=self.model.tiling_config)

    def shrink(self, latents: mx.array, columns: int, rows: int, factor: int) -> mx.array:
        rows, columns = rows * PATCH // 8, columns * PATCH // 8  # these latents are a grid of 8 pixels, channels first
        grid = latents[:, :, : rows * factor, : columns * factor]
        return grid.reshape(grid.shape[0], 1, rows, factor, columns, factor).mean(axis=(3, 5))
