"""FLUX.1 in context: the right half of an image twice as wide, whose left half is given."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
from mflux.models.common.latent_creator.latent_creator import LatentCreator
from mflux.models.flux.latent_creator.flux_latent_creator import FluxLatentCreator
from mflux.models.flux.variants.in_context.flux_in_context_dev import Flux1InContextDev
from mflux.models.flux.variants.in_context.utils.in_context_mask_util import InContextMaskUtil

from workers.engines.images.canvases.base import Ask
from workers.engines.images.canvases.flux import Flux

DIPTYCH = (
    "A diptych with two side-by-side images of the same scene. "
    "On the right, the scene is exactly the same as on the left but "
)  # what IC-Edit was trained on, before the instruction


class _Diptych(Flux):
    """Drawn twice as wide as it is shown."""

    def __init__(self, model: Any, shared: Any, ask: Ask) -> None:
        super().__init__(model, shared, ask)
        self.config.width = 2 * ask.width

    def decode(self, latents: mx.array, width: int, height: int) -> mx.array:
        return super().decode(latents, width, height)[..., width // 2 :]


class InContext(_Diptych):
    """The left half is the image, as noisy after each step as the right half is."""

    USES = ("_update_latents",)

    def __init__(self, model: Any, shared: Any, ask: Ask) -> None:
        super().__init__(model, shared, ask)
        self.left = LatentCreator.encode_image(
            vae=model.vae,
            width=ask.width,
            height=ask.height,
            image_path=ask.images[0],
            tiling_config=model.tiling_config,
        )
        self.noise: mx.array | None = None

    def start(self, seed: int) -> mx.array:
        width, height = self.config.width, self.config.height
        noise = mx.random.normal(shape=[1, 16, height // 8, width // 8], key=mx.random.key(seed))
        self.noise = FluxLatentCreator.pack_latents(latents=noise, height=height, width=width)
        return self.noise

    def advance(self, step: int, latents: mx.array) -> mx.array:
        latents = Flux1InContextDev._update_latents(
            t=step,
            config=self.config,
            latents=super().advance(step, latents),
            encoded_image=self.left,
            static_noise=self.noise,
            sigmas=self.config.scheduler.sigmas,
        )
        mx.eval(latents)
        return latents


class _Filled(_Diptych):
    """Every token carries its part of both halves and of what is to be drawn of them."""

    def __init__(self, model: Any, shared: Any, ask: Ask) -> None:
        super().__init__(model, shared, ask)
        left, right = self.halves(ask)
        self.masked = InContextMaskUtil.create_masked_latents(
            vae=model.vae,
            height=ask.height,
            width=2 * ask.width,
            original_width=ask.width,
            left_image_path=left,
            right_image_path=right,
            mask_path=ask.mask,
        )

    def halves(self, ask: Ask) -> tuple[Any, Any]:
        """The image on the left, and the one on the right if anything of it is kept."""
        return ask.images[0], None

    def start(self, seed: int) -> mx.array:
        return FluxLatentCreator.create_noise(seed, self.config.height, self.config.width)

    def predict(self, step: int, latents: mx.array) -> mx.array:
        return self.see(step, mx.concatenate([latents, self.masked], axis=-1))


class Edit(_Filled):
    """IC-Edit: the right half is the left one, changed as the prompt says."""

    def words(self, prompt: str) -> str:
        return prompt if prompt.startswith("A diptych") else DIPTYCH + prompt


class TryOn(_Filled):
    """CatVTON: the second image's garment, worn in the first where the mask covers it."""

    def halves(self, ask: Ask) -> tuple[Any, Any]:
        return ask.images[1], ask.images[0]
