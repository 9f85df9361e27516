"""Models that are drawn by their own `generate_image`, stopped after each step."""

from __future__ import annotations

import inspect
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, NamedTuple

import mlx.core as mx
from PIL import Image

from workers.engines.images.canvases.base import Ask, Canvas
from workers.engines.images.unroll import unrolled


class _Shared(NamedTuple):
    """The unrolled method, and the names of its arguments."""

    draw: Callable[..., Generator[mx.array, None, Any]]
    taken: frozenset[str]


class Unrolled(Canvas):
    """A picture by mflux's own loop: as well told and cancelled as any, but without previews.

    Its latents are the generator that makes them. What such a loop changes of the model while it runs must not meet
    another one, so only one runs at a time.
    """

    USES = ("generate_image",)
    ALONE = True

    def __init__(self, model: Any, shared: _Shared, ask: Ask) -> None:
        self.model, self.shared, self.ask = model, shared, ask
        self._drawn: Image.Image | None = None
        getattr(model, "prompt_cache", {}).clear()  # mflux keeps every prompt that it ever saw

    @classmethod
    def share(cls, model: Any) -> _Shared:
        taken = frozenset(inspect.signature(model.generate_image).parameters)
        return _Shared(unrolled(type(model)), taken)

    @property
    def steps(self) -> range:
        kept = 0 if self.ask.strength is None else max(1, int(self.ask.steps * self.ask.strength))
        return range(kept, self.ask.steps)

    @property
    def previews(self) -> bool:
        return False

    def start(self, seed: int) -> Any:
        self._drawn = None
        return self._draw(seed)

    def _draw(self, seed: int) -> Generator[mx.array, None, None]:
        with tempfile.TemporaryDirectory(prefix="mlxq-") as folder:
            given = {name: value for name, value in self.given(Path(folder)).items() if value is not None}
            given = {name: value for name, value in given.items() if name in self.shared.taken}
            made = yield from self.shared.draw(self.model, seed=seed, **given)
        self._drawn = made.image.convert("RGB")

    def advance(self, step: int, latents: Any) -> Any:
        found = next(latents, None)
        if found is not None:
            mx.eval(found)
        return latents

    def predict(self, step: int, latents: Any) -> mx.array:
        raise NotImplementedError("this model predicts by itself")

    def decode(self, latents: Any, width: int, height: int) -> mx.array:
        raise NotImplementedError("this model decodes by itself")

    def finish(self, latents: Any) -> Image.Image:
        for _ in latents:  # it has no more steps than it was asked for, but that is for it to say
            pass
        assert self._drawn is not None  # noqa: S101  (a generator that has ended has drawn it, or raised)
        return self._drawn

    def given(self, folder: Path) -> dict[str, Any]:
        """All that an argument may be given for; pictures are files, which every model takes."""
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


def _file(path: Path, picture: Image.Image) -> str:
    picture.save(path)
    return str(path)
