"""What every family of image models has in common: latents that come out of noise step by step."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import mlx.core as mx
from mflux.models.common.config.config import Config
from mflux.models.common.latent_creator.latent_creator import Img2Img, LatentCreator
from mflux.utils.image_util import ImageUtil
from PIL import Image

PREVIEW = 256  # pixels of a preview's longer side, at most
PATCH = 16  # pixels of an image's side that a token of its latents stands for


@dataclass(frozen=True)
class Ask:
    """What an image is to be, checked; `mask` is white where `images[0]` is to change.

    A guidance of None goes to a model that takes none. `strength` is how much of the first image is kept by a model
    that varies it, `control` how strongly the images lead one that they lead. What is `transparent` stays so.
    """

    prompt: str
    width: int
    height: int
    steps: int
    guidance: float | None
    negative_prompt: str | None = None
    images: tuple[Image.Image, ...] = ()
    mask: Image.Image | None = None
    strength: float | None = None
    control: float | None = None
    transparent: bool = False


class Canvas(ABC):
    """One job's way through a model: its prompt and images are encoded once, then any number of images drawn.

    The arithmetic of a step is that of the model's own `generate_image`; a test holds that the pixels are the same.
    """

    SCHEDULER: ClassVar[str] = "linear"
    CREATOR: ClassVar[Any]  # mflux's class that makes noise and packs latents
    USES: ClassVar[tuple[str, ...]] = ()  # what it calls of the model beside its parts
    TAKES: ClassVar[tuple[str, ...]] = ("seed", "prompt", "num_inference_steps", "width", "height")  # `generate_image`
    ALONE: ClassVar[bool] = False  # whether no other image may be begun before this one is done

    def __init__(self, model: Any, shared: Any, ask: Ask) -> None:
        self.model, self.shared, self.ask = model, shared, ask
        self.config = Config(
            model_config=model.model_config,
            num_inference_steps=ask.steps,
            height=ask.height,
            width=ask.width,
            guidance=ask.guidance,
            image_path=ask.images[0] if ask.images else None,
            image_strength=ask.strength,
            controlnet_strength=ask.control,
            scheduler=self.SCHEDULER,
        )

    @classmethod
    def share(cls, model: Any) -> Any:
        """What all canvases of a loaded model have in common, such as a compiled function."""
        return None

    @property
    def steps(self) -> range:
        """The denoising steps of an image: fewer when it begins with another image."""
        return range(self.config.init_time_step, self.config.num_inference_steps)

    def start(self, seed: int) -> Any:
        """The latents that an image begins with."""
        return LatentCreator.create_for_txt2img_or_img2img(
            seed=seed,
            width=self.config.width,
            height=self.config.height,
            img2img=Img2Img(
                vae=self.model.vae,
                latent_creator=self.CREATOR,
                image_path=self.config.image_path,
                sigmas=self.config.scheduler.sigmas,
                init_time_step=self.config.init_time_step,
                tiling_config=self.model.tiling_config,
            ),
        )

    def advance(self, step: int, latents: Any) -> Any:
        """The latents after one more step."""
        noise = self.predict(step, latents)
        latents = self.config.scheduler.step(noise=noise, timestep=step, latents=latents)
        mx.eval(latents)
        return latents

    @abstractmethod
    def predict(self, step: int, latents: Any) -> mx.array:
        """The noise that the model sees in the latents before a step."""

    @abstractmethod
    def decode(self, latents: Any, width: int, height: int) -> mx.array:
        """The pixels of latents, (1, channels, height, width) from -1 to 1."""

    def finish(self, latents: Any) -> Image.Image:
        """The image in the latents after the last step, in RGB, or RGBA where some of it may be transparent."""
        return ImageUtil.to_pil(self.decode(latents, self.config.width, self.config.height))

    def preview(self, step: int, before: mx.array, after: mx.array) -> Image.Image:
        """What the image would be if the noise seen in this step were all of it, made small before it is decoded."""
        sigmas = self.config.scheduler.sigmas
        slope = (after - before) / (sigmas[step + 1] - sigmas[step])
        clean = (after - sigmas[step + 1] * slope).astype(after.dtype)
        factor = math.ceil(max(self.config.width, self.config.height) / PREVIEW)
        columns, rows = (side // PATCH // factor for side in (self.config.width, self.config.height))
        small = self.shrink(clean, max(columns, 1), max(rows, 1), factor if min(columns, rows) else 1)
        size = (max(columns, 1) * PATCH, max(rows, 1) * PATCH)
        return ImageUtil.to_pil(self.decode(small, *size))

    def shrink(self, latents: mx.array, columns: int, rows: int, factor: int) -> mx.array:
        """The means of `factor` × `factor` tokens, of the first that fill `columns` and `rows`."""
        across, down = self.config.width // PATCH, self.config.height // PATCH
        grid = latents.reshape(1, down, across, -1)[:, : rows * factor, : columns * factor]
        grid = grid.reshape(1, rows, factor, columns, factor, -1).mean(axis=(2, 4))
        return grid.reshape(1, rows * columns, -1)
