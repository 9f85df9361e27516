"""From a request to what is drawn: its images opened, its options checked against what the model takes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from PIL import Image, ImageOps

from tasks.stored.blobs import BlobStore
from tasks.values.blob_ref import BlobRef
from tasks.values.errors import InvalidValue, UnsupportedParameter
from tasks.values.job import Job
from tasks.values.requests import ImageRequest
from workers.engines.images.canvases.base import Ask
from workers.engines.images.variants import VARIANTS, Variant
from workers.media.images import ImageLimits, opaque, open_image, pixels
from workers.serving.check_deadline import ENDLESS, CheckDeadline
from workers.serving.request_budget import Budget

SMALLEST = 16  # pixels of a side of an image that was sent
LEAST = 64  # pixels of a side
MOST_STEPS = 200
VARIED = 0.5  # how much of an image is kept when nobody says
QUALITY = {"low": 0.5, "medium": 1.0, "high": 2.0}  # times the model's own steps
ENLARGED = 2  # times the sides of an image that is made larger, when nobody says
MASKED = ", ".join(name for name, variant in VARIANTS.items() if variant.mask != "none")
TRANSPARENT = ", ".join(name for name, variant in VARIANTS.items() if variant.transparent)
LIMITS = ImageLimits()
LONGEST = 32_000  # characters of a prompt, as OpenAI has it
TOGETHER = 4  # times the pixels of the largest image: those of all images of a request
CHECKED_BYTES = 1 << 30  # of images that are open while they are checked
_PIXEL_BYTES = 8  # of an image as it was sent, and in RGB
_FILLED = 128  # a mask is on from this brightness


@dataclass(frozen=True)
class Plan:
    """A checked request: what to draw, from which seeds, and how to keep and show it.

    `ask` has no images yet: `Planner.opened` gives them to it when its turn has come.
    """

    ask: Ask
    request: ImageRequest
    model: str


@dataclass(frozen=True)
class Planner:
    """Checks requests for one variant; `largest` bounds an image's pixels, `adapters` are those to choose from."""

    variant: Variant
    blobs: BlobStore
    largest: int
    limits: ImageLimits = LIMITS
    budget: Budget = field(default_factory=lambda: Budget(CHECKED_BYTES))
    adapters: frozenset[str] = frozenset()

    def plan(self, job: Job, deadline: CheckDeadline = ENDLESS) -> Plan:
        """Check everything; InvalidValue and UnsupportedParameter name the field.

        Images are opened one after the other and none is kept: those of a job that waits take no memory. Raises
        JobCancelled when nobody wants it any more.
        """
        request = job.payload
        assert isinstance(request, ImageRequest)  # noqa: S101  (the engine has looked)
        for param in ("prompt", "negative_prompt"):
            if (size := len(getattr(request, param) or "")) > LONGEST:
                raise InvalidValue(f"is {size} characters long; at most {LONGEST} are taken", param=param)
        if request.adapter and request.adapter not in self.adapters:
            raise InvalidValue(f"this model has no adapter '{request.adapter}'", param="adapter")
        self._pictures_fit(request)
        sizes = self._sizes(request, deadline)
        guidance = self._guidance(request)
        width, height = self._size(request, sizes)
        variant = self.variant
        varied = bool(sizes) and not variant.edits
        ask = Ask(
            prompt=request.prompt or " ",  # no tokenizer takes nothing
            width=width,
            height=height,
            steps=self._steps(request),
            guidance=guidance,
            negative_prompt=request.negative_prompt,
            strength=(VARIED if request.strength is None else request.strength) if varied else None,
            control=variant.control if variant.control is None or request.strength is None else request.strength,
            transparent=request.transparent,
        )
        return Plan(ask, request, job.model)

    def opened(self, plan: Plan) -> Ask:
        """What to draw, with its images."""
        request = plan.request
        images = tuple(opaque(self._open(ref, "image", index)) for index, ref in enumerate(request.images))
        mask = None if request.mask is None else self._mask(request.mask, images[0].size)
        return replace(plan.ask, images=images, mask=mask)

    def _sizes(self, request: ImageRequest, deadline: CheckDeadline) -> list[tuple[int, int]]:
        """The width and height of each image, all of which were opened, as was the mask."""
        sizes: list[tuple[int, int]] = []
        for index, ref in enumerate(request.images):
            with self.budget.hold(self._nbytes(ref), deadline):
                sizes.append(self._open(ref, "image", index).size)
            deadline.look()
            if sum(width * height for width, height in sizes) > TOGETHER * self.limits.pixels:
                message = f"the images have more than {TOGETHER * self.limits.pixels} pixels together"
                raise InvalidValue(message, param=_named("image", index))
        if request.mask is not None:
            with self.budget.hold(self._nbytes(request.mask), deadline):
                self._mask(request.mask, sizes[0])
        return sizes

    def _nbytes(self, ref: BlobRef) -> int:
        """Bytes that an image may take when it is open, as far as that is known before."""
        with self.blobs.open(ref) as file:
            return _PIXEL_BYTES * min(pixels(file), self.limits.pixels)

    def _pictures_fit(self, request: ImageRequest) -> None:
        variant, count = self.variant, len(request.images)
        if variant.edits and count > variant.images:
            raise InvalidValue(f"this model takes at most {variant.images} images, not {count}", param="image")
        if variant.edits and count < variant.least:
            raise InvalidValue(f"this model needs {variant.least} images: {variant.shows}", param="image")
        if not variant.edits and count and not variant.strength:
            raise UnsupportedParameter("this model makes images from words only", param="image")
        if not variant.edits and count > 1:
            raise InvalidValue("this model varies one image at a time", param="image")
        if variant.control is not None and variant.mask == "taken" and count > 1 and request.mask is None:
            raise InvalidValue("a second image goes with a mask for the first one", param="mask")
        if request.transparent and not variant.transparent:
            raise UnsupportedParameter(
                f"this model draws every background; those that can leave it transparent are {TRANSPARENT}",
                param="background",
            )
        led = variant.edits and variant.control is not None
        if request.strength is not None and not led and not (variant.strength and count):
            what = "varies no image" if not variant.strength else "needs an 'image' for it"
            raise UnsupportedParameter(f"this model {what}; leave 'image_strength' out", param="image_strength")
        if request.mask is not None and variant.mask == "none":
            raise UnsupportedParameter(
                f"this model takes no mask; those that do are {MASKED}",
                param="mask",
            )
        if variant.mask == "needed" and request.mask is None:
            raise InvalidValue("this model fills in what a mask covers; send one", param="mask")
        if request.mask is not None and count > 1 and variant.images == 1:
            raise InvalidValue("a mask is for one image", param="mask")

    def _open(self, ref: BlobRef, param: str, index: int = 0) -> Image.Image:
        with self.blobs.open(ref) as file:
            picture = open_image(file, named := _named(param, index), self.limits)
        if min(picture.size) < SMALLEST:
            raise InvalidValue(f"the image has a side of less than {SMALLEST} pixels", param=named)
        return picture

    def _mask(self, ref: BlobRef, size: tuple[int, int]) -> Image.Image:
        """White where it changes: what is transparent in a mask, or, in one without transparency, what is white."""
        mask = self._open(ref, "mask")
        if mask.size != size:
            raise InvalidValue(
                f"the mask is {mask.width}x{mask.height} pixels, but the image {size[0]}x{size[1]}", param="mask"
            )
        if mask.has_transparency_data:
            drawn = ImageOps.invert(mask.convert("RGBA").getchannel("A"))
        else:
            drawn = opaque(mask).convert("L")
        return drawn.point(lambda value: 255 if value >= _FILLED else 0)

    def _steps(self, request: ImageRequest) -> int:
        variant = self.variant
        if variant.enlarges and (request.steps or 1) > variant.steps:
            raise InvalidValue("this model takes one step", param="steps")
        if variant.enlarges:
            return variant.steps
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

    def _size(self, request: ImageRequest, sizes: Sequence[tuple[int, int]]) -> tuple[int, int]:
        multiple = self.variant.multiple
        if self.variant.enlarges:
            return self._enlarged(request.size, *sizes[0])
        if request.size is None:
            side = self.variant.side
            width, height = sizes[0] if sizes else (side, side)
            scale = min(1.0, math.sqrt(side * side / (width * height)), math.sqrt(self.largest / (width * height)))
            return _snapped(width * scale, multiple), _snapped(height * scale, multiple)
        if any(side % multiple or side < LEAST for side in request.size):
            raise InvalidValue(f"both sides must be multiples of {multiple} and at least {LEAST} pixels", param="size")
        if request.size[0] * request.size[1] > self.largest:
            raise InvalidValue(f"an image may have {self.largest} pixels at most", param="size")
        return request.size

    def _enlarged(self, size: tuple[int, int] | None, width: int, height: int) -> tuple[int, int]:
        """The sides of an image made larger, whose shape stays: by how much, its shorter side says."""
        multiple, shorter = self.variant.multiple, min(width, height)
        fits = shorter * math.sqrt(self.largest / (width * height))
        target = min(ENLARGED * shorter, fits) if size is None else min(size)
        target = int(target) // multiple * multiple
        sides = tuple(
            int(side * (target / shorter)) // multiple * multiple for side in (width, height)
        )  # as mflux does
        if size is not None and size != sides:
            raise InvalidValue(f"the image's shape stays; say '{sides[0]}x{sides[1]}'", param="size")
        if target > fits:
            raise InvalidValue(f"an image may have {self.largest} pixels at most", param="size")
        return sides[0], sides[1]


def _named(param: str, index: int) -> str:
    return f"{param}[{index}]" if index else param


def _snapped(side: float, multiple: int) -> int:
    return max(LEAST, int(side) // multiple * multiple)


def told(plan: Plan, seed: int) -> dict[str, Any]:
    """What made an image, as it stands in its file."""
    ask = plan.ask
    found = {
        "model": plan.model,
        "prompt": ask.prompt,
        "negative_prompt": ask.negative_prompt,
        "seed": seed,
        "steps": ask.steps,
        "guidance_scale": ask.guidance,
        "image_strength": ask.strength if ask.control is None else ask.control,
        "adapter": plan.request.adapter or None,
        "size": f"{ask.width}x{ask.height}",
    }
    return {name: value for name, value in found.items() if value is not None}
