"""Models that are drawn by their own `generate_image`, stopped after each step."""

from __future__ import annotations

import inspect
import math
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import mlx.core as mx
from mflux.utils.image_util import ImageUtil
from PIL import Image

from workers.engines.images.canvases.base import PREVIEW, Ask, Canvas
from workers.engines.images.unroll import unrolled

_CHANNELS = 32  # of latents, for a decoder of FLUX.2's kind that does not say


class _Shared(NamedTuple):
    """The unrolled method, and the names of its arguments."""

    draw: Callable[..., Generator[mx.array, None, Any]]
    taken: frozenset[str]


class Unrolled(Canvas):
    """An image by mflux's own loop, as well told and cancelled as any.

    Its latents are the generator that makes them. What such a loop changes of the model while it runs must not meet
    another one, so only one runs at a time. A preview shows the latents as they are, where the loop does not tell what
    it sees in them.
    """

    CREATOR: ClassVar[Any] = None  # latents that no class of mflux's lays out go to the decoder as they are

    USES = ("generate_image",)
    ALONE = True

    def __init__(self, model: Any, shared: _Shared, ask: Ask) -> None:
        self.model, self.shared, self.ask = model, shared, ask
        self._drawn: Image.Image | None = None
        self._seen: mx.array | None = None
        getattr(model, "prompt_cache", {}).clear()  # mflux keeps every prompt that it ever saw

    @classmethod
    def share(cls, model: Any) -> _Shared:
        taken = frozenset(inspect.signature(model.generate_image).parameters)
        return _Shared(unrolled(type(model)), taken)

    @property
    def steps(self) -> range:
        kept = 0 if self.ask.strength is None else max(1, int(self.ask.steps * self.ask.strength))
        return range(kept, self.ask.steps)

    def start(self, seed: int) -> Any:
        self._drawn = None
        return self._draw(seed)

    def _draw(self, seed: int) -> Generator[mx.array, None, None]:
        with tempfile.TemporaryDirectory(prefix="mlxq-") as folder:
            given = {name: value for name, value in self.given(Path(folder)).items() if value is not None}
            given = {name: value for name, value in given.items() if name in self.shared.taken}
            drawn = yield from self.shared.draw(self.model, seed=seed, **given)
        self._drawn = drawn.image

    def advance(self, step: int, latents: Any) -> Any:
        if (seen := next(latents, None)) is not None:
            mx.eval(seen)
            self._seen = seen
        return latents

    def predict(self, step: int, latents: Any) -> mx.array:
        raise NotImplementedError("this model predicts by itself")

    def decode(self, latents: Any, width: int, height: int) -> mx.array:
        raise NotImplementedError("this model decodes by itself")

    def preview(self, step: int, before: Any, after: Any) -> Image.Image:
        width, height = self.ask.width, self.ask.height
        seen = self._seen
        assert seen is not None  # noqa: S101  (a step came before)
        if self.CREATOR is not None:
            seen = self.CREATOR.unpack_latents(seen, height, width)
        return ImageUtil.to_pil(self.pixels(averaged(seen, math.ceil(max(width, height) / PREVIEW))))

    def pixels(self, latents: mx.array) -> mx.array:
        """What the decoder makes of latents; those of a model without one are pixels."""
        vae = getattr(self.model, "vae", None)
        if vae is None:
            return latents
        channels = getattr(vae, "latent_channels", _CHANNELS)
        packed = hasattr(vae, "decode_packed_latents") and latents.shape[1] > channels
        return vae.decode_packed_latents(latents) if packed else vae.decode(latents)

    def finish(self, latents: Any) -> Image.Image:
        for _ in latents:  # it has no more steps than it was asked for, but that is for it to say
            pass
        assert self._drawn is not None  # noqa: S101  (a generator that has ended has drawn it, or raised)
        return self._drawn

    def given(self, folder: Path) -> dict[str, Any]:
        """All that an argument may be given for; images are files, which every model takes."""
        ask = self.ask
        pictures = [_file(folder / f"{number}.png", picture) for number, picture in enumerate(ask.images)]
        mask = None if ask.mask is None else _file(folder / "mask.png", ask.mask)
        return {
            "prompt": ask.prompt,
            "negative_prompt": ask.negative_prompt,
            "num_inference_steps": ask.steps,
            "width": ask.width,
            "height": ask.height,
            "guidance": ask.guidance,
            "image_path": pictures[0] if pictures else None,
            "image_paths": pictures or None,
            "image_strength": ask.strength,
            "mask_path": mask,
            "mask_image": mask,
            "masked_image_path": mask,
        }


def averaged(latents: mx.array, factor: int) -> mx.array:
    """The means of `factor` × `factor` places, of a grid (…, rows, columns) the first that fill so many."""
    *rest, rows, columns = latents.shape
    factor = min(factor, rows, columns)
    rows, columns = rows // factor, columns // factor
    grid = latents[..., : rows * factor, : columns * factor]
    return grid.reshape(*rest, rows, factor, columns, factor).mean(axis=(-3, -1))


def _file(path: Path, picture: Image.Image) -> str:
    picture.save(path)
    return str(path)
