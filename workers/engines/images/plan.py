"""From a request to what is drawn: its pictures opened, its options checked against what the model takes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from PIL import Image, ImageOps

from tasks.blobs import BlobStore
from tasks.values.errors import InvalidValue, UnsupportedParameter
from tasks.values.job import Job
from tasks.values.requests import BlobRef, ImageRequest, blobs
from workers.budget import Budget, Hold
from workers.engines.images.canvases.base import Ask
from workers.engines.images.variants import VARIANTS, Variant
from workers.patience import ENDLESS, Patience
from workers.pictures import Limits, opaque, open_picture, pixels

SIDE = 1024  # pixels of a picture whose size nobody chose
SMALLEST = 16  # pixels of a side of a picture that was sent
LEAST = 64  # pixels of a side
MOST_STEPS = 200
VARIED = 0.5  # how much of a picture is kept when nobody says
QUALITY = {"low": 0.5, "medium": 1.0, "high": 2.0}  # times the model's own steps
MASKED = ", ".join(name for name, variant in VARIANTS.items() if variant.mask != "none")
LIMITS = Limits()
LONGEST = 32_000  # characters of a prompt, as OpenAI has it
WAITING_BYTES = 2 << 30  # of pictures that are opened, those of jobs that are drawn among them
_PIXEL_BYTES = 8  # of a picture as it was sent, and in RGB
_FILLED = 128  # a mask is on from this brightness


@dataclass(frozen=True)
class Plan:
    """A checked request: what to draw, from which seeds, how to keep and show it, and the memory its pictures take."""

    ask: Ask
    request: ImageRequest
    model: str
    hold: Hold | None = None


@dataclass(frozen=True)
class Planner:
    """Checks requests for one variant; `largest` bounds a picture's pixels."""

    variant: Variant
    blobs: BlobStore
    largest: int
    limits: Limits = LIMITS
    budget: Budget = field(default_factory=lambda: Budget(WAITING_BYTES))

    def plan(self, job: Job, patience: Patience = ENDLESS) -> Plan:
        """Open and check everything; InvalidValue and UnsupportedParameter name the field.

        Raises JobCancelled when nobody wants it any more.
        """
        request = job.payload
        assert isinstance(request, ImageRequest)  # noqa: S101  (the engine has looked)
        for param in ("prompt", "negative_prompt"):
            if (size := len(getattr(request, param) or "")) > LONGEST:
                raise InvalidValue(f"is {size} characters long; at most {LONGEST} are taken", param=param)
        self._pictures_fit(request)
        hold = self.budget.hold(sum(map(self._nbytes, blobs(request))), patience)
        images = tuple(self._open(ref, "image", index) for index, ref in enumerate(request.images))
        patience.look()
        mask = None if request.mask is None else self._mask(request.mask, images[0])
        guidance = self._guidance(request)
        width, height = self._size(request, images)
        strength = request.strength if images and not self.variant.edits else None
        ask = Ask(
            prompt=request.prompt or " ",  # no tokenizer takes nothing
            width=width,
            height=height,
            steps=self._steps(request),
            guidance=guidance,
            negative_prompt=request.negative_prompt,
            images=tuple(opaque(image) for image in images),
            mask=mask,
            strength=VARIED if images and strength is None and not self.variant.edits else strength,
        )
        return Plan(ask, request, job.model, hold)

    def _nbytes(self, ref: BlobRef) -> int:
        """Bytes that a picture may take when it is open, as far as that is known before."""
        with self.blobs.open(ref) as file:
            return _PIXEL_BYTES * min(pixels(file), self.limits.pixels)

    def _pictures_fit(self, request: ImageRequest) -> None:
        variant, count = self.variant, len(request.images)
        if variant.edits and count > variant.images:
            raise InvalidValue(f"this model takes at most {variant.images} pictures, not {count}", param="image")
        if not variant.edits and count and not variant.strength:
            raise UnsupportedParameter("this model makes pictures from words only", param="image")
        if not variant.edits and count > 1:
            raise InvalidValue("this model varies one picture at a time", param="image")
        if request.strength is not None and not (variant.strength and count):
            what = "varies no picture" if not variant.strength else "needs an 'image' for it"
            raise UnsupportedParameter(f"this model {what}; leave 'image_strength' out", param="image_strength")
        if request.mask is not None and variant.mask == "none":
            raise UnsupportedParameter(
                f"this model takes no mask; those that do are {MASKED}",
                param="mask",
            )
        if variant.mask == "needed" and request.mask is None:
            raise InvalidValue("this model fills in what a mask covers; send one", param="mask")
        if request.mask is not None and count > 1 and variant.images == 1:
            raise InvalidValue("a mask is for one picture", param="mask")

    def _open(self, ref: BlobRef, param: str, index: int = 0) -> Image.Image:
        with self.blobs.open(ref) as file:
            picture = open_picture(file, named := f"{param}[{index}]" if index else param, self.limits)
        if min(picture.size) < SMALLEST:
            raise InvalidValue(f"the picture has a side of less than {SMALLEST} pixels", param=named)
        return picture

    def _mask(self, ref: BlobRef, picture: Image.Image) -> Image.Image:
        """White where it changes: what is transparent in a mask, or, in one without transparency, what is white."""
        mask = self._open(ref, "mask")
        if mask.size != picture.size:
            raise InvalidValue(
                f"the mask is {mask.width}x{mask.height} pixels, but the picture {picture.width}x{picture.height}",
                param="mask",
            )
        if mask.has_transparency_data:
            drawn = ImageOps.invert(mask.convert("RGBA").getchannel("A"))
        else:
            drawn = opaque(mask).convert("L")
        return drawn.point(lambda value: 255 if value >= _FILLED else 0)

    def _steps(self, request: ImageRequest) -> int:
        variant = self.variant
        if request.steps is not None and not variant.fewest <= request.steps <= MOST_STEPS:
            raise InvalidValue(f"'steps' must be from {variant.fewest} to {MOST_STEPS} for this model", param="steps")
        if request.steps is not None:
            return request.steps
        return max(variant.fewest, math.ceil(variant.steps * QUALITY[request.quality or "medium"]))

    def _guidance(self, request: ImageRequest) -> float | None:
        variant = self.variant
        if request.guidance is not None and variant.guidance is None:
            raise UnsupportedParameter("this model takes no guidance; leave it out", param="guidance_scale")
        guidance = variant.guidance if request.guidance is None else request.guidance
        if guidance is not None and guidance < 1 and variant.negative:
            raise InvalidValue("'guidance_scale' must be at least 1 for this model", param="guidance_scale")
        if request.negative_prompt is not None and not variant.negative:
            raise UnsupportedParameter("this model takes no negative prompt", param="negative_prompt")
        if request.negative_prompt is not None and (guidance or 0) <= 1:
            raise InvalidValue(
                "a negative prompt has an effect with a 'guidance_scale' above 1 only", param="negative_prompt"
            )
        return guidance

    def _size(self, request: ImageRequest, images: tuple[Image.Image, ...]) -> tuple[int, int]:
        multiple = self.variant.multiple
        if request.size is None:
            width, height = images[0].size if images else (SIDE, SIDE)
            scale = min(1.0, math.sqrt(SIDE * SIDE / (width * height)), math.sqrt(self.largest / (width * height)))
            return _snapped(width * scale, multiple), _snapped(height * scale, multiple)
        if any(side % multiple or side < LEAST for side in request.size):
            raise InvalidValue(f"both sides must be multiples of {multiple} and at least {LEAST} pixels", param="size")
        if request.size[0] * request.size[1] > self.largest:
            raise InvalidValue(f"a picture may have {self.largest} pixels at most", param="size")
        return request.size


def _snapped(side: float, multiple: int) -> int:
    return max(LEAST, int(side) // multiple * multiple)


def told(plan: Plan, seed: int) -> dict[str, Any]:
    """What made a picture, as it stands in its file."""
    ask = plan.ask
    found = {
        "model": plan.model,
        "prompt": ask.prompt,
        "negative_prompt": ask.negative_prompt,
        "seed": seed,
        "steps": ask.steps,
        "guidance_scale": ask.guidance,
        "image_strength": ask.strength,
        "size": f"{ask.width}x{ask.height}",
    }
    return {name: value for name, value in found.items() if value is not None}
