"""FLUX.1 led by another image: its edges or pixels (ControlNet), its depth, or what it shows (Redux)."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import mlx.core as mx
from mflux.models.flux.latent_creator.flux_latent_creator import FluxLatentCreator
from mflux.models.flux.variants.controlnet.controlnet_util import ControlnetUtil
from mflux.models.flux.variants.depth.depth_util import DepthUtil
from mflux.models.flux.variants.redux.redux_util import ReduxUtil

from workers.engines.images.canvases.base import Ask
from workers.engines.images.canvases.flux import Flux


class _Led(Flux):
    """Drawn from noise alone."""

    def start(self, seed: int) -> mx.array:
        return FluxLatentCreator.create_noise(seed, self.config.height, self.config.width)


class Control(_Led):
    """A second network adds to each block what it sees in the image."""

    def __init__(self, model: Any, shared: Any, ask: Ask) -> None:
        super().__init__(model, shared, ask)
        self.condition, _ = ControlnetUtil.encode_image(
            vae=model.vae,
            width=self.config.width,
            height=self.config.height,
            controlnet_image_path=ask.images[0],
            is_canny=model.model_config.is_canny(),
        )

    def predict(self, step: int, latents: mx.array) -> mx.array:
        blocks, single_blocks = self.model.transformer_controlnet(
            t=step,
            config=self.config,
            hidden_states=latents,
            prompt_embeds=self.prompt,
            pooled_prompt_embeds=self.pooled,
            controlnet_condition=self.condition,
        )
        return self.see(step, latents, controlnet_block_samples=blocks, controlnet_single_block_samples=single_blocks)


class Depth(_Led):
    """Every token carries its part of the depth that is estimated from the image."""

    def __init__(self, model: Any, shared: Any, ask: Ask) -> None:
        super().__init__(model, shared, ask)
        with tempfile.TemporaryDirectory(prefix="mlxq-") as folder:  # mflux writes the depth beside the image
            path = Path(folder) / "picture.png"
            ask.images[0].save(path)
            self.depth, _ = DepthUtil.encode_depth_map(
                vae=model.vae, depth_pro=model.depth_pro, config=self.config, image_path=path
            )
            mx.eval(self.depth)

    def predict(self, step: int, latents: mx.array) -> mx.array:
        return self.see(step, mx.concatenate([latents, self.depth], axis=-1))


class Redux(_Led):
    """What an image encoder sees in the images stands behind the prompt."""

    def __init__(self, model: Any, shared: Any, ask: Ask) -> None:
        super().__init__(model, shared, ask)
        seen = ReduxUtil.embed_images(
            image_paths=list(ask.images),
            image_encoder=model.image_encoder,
            image_embedder=model.image_embedder,
            image_strengths=[1.0 if ask.control is None else ask.control] * len(ask.images),
        )
        self.prompt = mx.concatenate([self.prompt, *seen], axis=1)
