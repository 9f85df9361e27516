"""Models that only draw a whole picture at once, through their own `generate_image`."""

from __future__ import annotations

import inspect
import tempfile
from pathlib import Path
from typing import Any

import mlx.core as mx
from PIL import Image

from workers.engines.images.canvases.base import Ask, Canvas


class Whole(Canvas):
    """A picture a step of the engine: it can be cancelled between pictures only, and has no previews."""

    USES = ("generate_image",)

    def __init__(self, model: Any, shared: Any, ask: Ask) -> None:
        self.model, self.shared, self.ask = model, shared, ask
        getattr(model, "prompt_cache", {}).clear()  # mflux keeps every prompt that it ever saw

    @classmethod
    def share(cls, model: Any) -> frozenset[str]:
        """What the model's `generate_image` takes."""
        return frozenset(inspect.signature(model.generate_image).parameters)

    @property
    def steps(self) -> range:
        return range(0)

    @property
    def cost(self) -> int:
        return self.ask.steps

    def start(self, seed: int) -> Any:
        return seed

    def predict(self, step: int, latents: Any) -> mx.array:
        raise NotImplementedError("this model takes its steps by itself")

    def decode(self, latents: Any, width: int, height: int) -> mx.array:
        raise NotImplementedError("this model decodes by itself")

    def finish(self, latents: Any) -> Image.Image:
        with tempfile.TemporaryDirectory(prefix="mlxq-") as folder:
            given = {name: value for name, value in self.given(Path(folder)).items() if value is not None}
            drawn = self.model.generate_image(
                seed=latents, **{name: value for name, value in given.items() if name in self.shared}
            )
        return drawn.image.convert("RGB")

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
