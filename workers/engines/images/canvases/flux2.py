"""FLUX.2 klein: generation, and edits with images beside the one that is drawn."""

from __future__ import annotations

from typing import Any, ClassVar

import mlx.core as mx
from mflux.models.flux2.variants.edit.flux2_klein_edit_helpers import _Flux2KleinEditHelpers as Helpers

from workers.engines.images.canvases.base import PATCH, Ask, Canvas


class Klein(Canvas):
    """Generation, and variation of an image."""

    SCHEDULER = "flow_match_euler_discrete"
    USES: ClassVar[tuple[str, ...]] = ("_encode_prompt_pair", "_predict", "_prepare_generation_latents")

    def __init__(self, model: Any, shared: Any, ask: Ask) -> None:
        super().__init__(model, shared, ask)
        self.prompts = dict(
            zip(
                ("prompt_embeds", "text_ids", "negative_prompt_embeds", "negative_text_ids"),
                model._encode_prompt_pair(
                    prompt=ask.prompt, negative_prompt=ask.negative_prompt or " ", guidance=self.config.guidance
                ),
                strict=True,
            )
        )
        self.ids: mx.array | None = None

    @classmethod
    def share(cls, model: Any) -> Any:
        """The compiled transformer, so that only the first image of a size waits for the compiler."""
        return model._predict(model.transformer)

    def start(self, seed: int) -> mx.array:
        latents, self.ids, _, _ = self.model._prepare_generation_latents(seed=seed, config=self.config)
        return latents

    def predict(self, step: int, latents: mx.array) -> mx.array:
        return self.shared(
            latents=latents,
            latent_ids=self.ids,
            guidance=self.config.guidance,
            timestep=self.config.scheduler.timesteps[step],
            **self.prompts,
        )

    def decode(self, latents: mx.array, width: int, height: int) -> mx.array:
        grid = latents.reshape(1, height // PATCH, width // PATCH, -1).transpose(0, 3, 1, 2)
        return self.model.vae.decode_packed_latents(grid, tiling_config=self.model.tiling_config)


class KleinEdit(Klein):
    """Edits of one image or several.

    A model made for it keeps what it saw of the images in the first step for the others.
    """

    USES = ("_cached_predict", "_configure_kv_caches", "_create_kv_caches", "_encode_prompt_pair", "_predict")

    def __init__(self, model: Any, shared: Any, ask: Ask) -> None:
        super().__init__(model, shared, ask)
        self.pictures, self.picture_ids = Helpers.prepare_reference_image_conditioning(
            vae=model.vae, tiling_config=model.tiling_config, image_paths=list(ask.images)
        )
        self.caches: dict[str, Any] = {}

    @classmethod
    def share(cls, model: Any) -> Any:
        return model._predict(model.transformer), model._cached_predict(model.transformer)

    def start(self, seed: int) -> mx.array:
        latents, self.ids, _, _ = Helpers.prepare_generation_latents(
            seed=seed, height=self.config.height, width=self.config.width
        )
        if self.model.model_config.supports_kv_cache:
            needed = self.prompts["negative_prompt_embeds"] is not None
            caches = self.model._create_kv_caches(cache_enabled=True, needs_negative_cache=needed)
            self.caches = dict(zip(("kv_cache", "negative_kv_cache"), caches, strict=True))
        return latents

    def predict(self, step: int, latents: mx.array) -> mx.array:
        see, seen = self.shared
        given = {
            "latents": latents,
            "latent_ids": self.ids,
            "guidance": self.config.guidance,
            "timestep": self.config.scheduler.timesteps[step],
            **self.prompts,
        }
        first = step == self.steps.start
        if self.caches:
            self.model._configure_kv_caches(
                **self.caches, mode="extract" if first else "cached", num_ref_tokens=self.pictures.shape[1]
            )
            if not first:
                return seen(**given, **self.caches)
        return see(**given, image_latents=self.pictures, image_latent_ids=self.picture_ids, **self.caches)
