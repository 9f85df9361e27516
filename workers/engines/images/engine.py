"""The image engine: one denoising step of one image a step, jobs in turn."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Generator, Sequence
from typing import Any, NamedTuple

import mlx.core as mx
import structlog

from tasks.values import events
from tasks.values.blob_ref import BlobRef
from tasks.values.errors import EngineError, Failure, JobError, ModelNotFound
from tasks.values.events import Event
from tasks.values.job import Job
from tasks.values.model import Details
from tasks.values.requests import ImageRequest
from workers.engine import Engine, Prepared
from workers.engines.images import files
from workers.engines.images.adapters import Adapters
from workers.engines.images.canvases.base import PATCH, Canvas
from workers.engines.images.plan import Plan, Planner, told
from workers.media.images import opaque
from workers.serving.check_deadline import ENDLESS, CheckDeadline

log = structlog.get_logger()


class _Row(NamedTuple):
    """A job under way: what is left of it, a step at a time, and the adapter that it is drawn with."""

    steps: Generator[list[Event]]
    adapter: str


class ImageEngine(Engine[Plan]):
    """Draws images, the steps of all rows taking turns."""

    stall_factor = 5.0  # a step of a large model takes minutes on a small machine

    def __init__(
        self, model: Any, canvas: type[Canvas], planner: Planner, adapters: Adapters | None = None, *, slots: int
    ) -> None:
        self.slots = slots
        self._model, self._canvas, self._planner, self._adapters = model, canvas, planner, adapters
        self._shared: dict[str, Any] = {}  # by adapter: what is compiled holds its layers
        self._rows: dict[str, _Row] = {}  # the longest waiting first
        tokenizers = getattr(model, "tokenizers", None) or {}
        self._tokenizer = copy.deepcopy(next((one.tokenizer for one in tokenizers.values()), None))
        self._counting = threading.Lock()

    @property
    def details(self) -> Details:
        """What a client may want to know before it asks for an image."""
        variant = self._planner.variant
        return Details(
            steps=variant.steps,
            guidance_scale=variant.guidance,
            images=variant.images or int(variant.strength),
            mask=variant.mask != "none",
            size_multiple=variant.multiple,
        )

    def prepare(self, job: Job, deadline: CheckDeadline = ENDLESS) -> Prepared[Plan]:
        """Opens the images and checks every option; InvalidValue and UnsupportedParameter name the field."""
        if not isinstance(job.payload, ImageRequest):
            raise ModelNotFound(f"the model '{job.model}' only makes images", param="model")
        plan = self._planner.plan(job, deadline)
        return Prepared(self._tokens(plan.ask.prompt), plan)

    def _tokens(self, prompt: str) -> int:
        """The length of a prompt, by a tokenizer that the engine thread does not use meanwhile."""
        with self._counting:
            return len(self._tokenizer(prompt).input_ids) if self._tokenizer is not None else 0

    def admit(self, row: str, prepared: Prepared[Plan]) -> None:
        self._rows[row] = _Row(self._draw(prepared.plan), prepared.plan.request.adapter)

    def step(self) -> Sequence[tuple[str, Event]]:
        """A denoising step of the row that has waited longest, or its encoding or decoding."""
        name = next(iter(self._rows))
        row = self._rows.pop(name)
        try:
            if self._adapters is not None:
                self._adapters.use(row.adapter)
            produced = next(row.steps)
        except JobError as error:
            return [(name, events.Failed(error.failure))]
        except Exception as error:
            log.exception("an image could not be made", row=name)
            message = f"the image could not be made: {type(error).__name__}: {error}"
            return [(name, events.Failed(Failure(EngineError.code, message)))]
        if not produced or not isinstance(produced[-1], events.TERMINAL):
            self._rows[name] = row
        return [(name, event) for event in produced]

    def device_memory(self) -> int:
        return mx.get_active_memory()

    def drop(self, row: str) -> None:
        if dropped := self._rows.pop(row, None):
            dropped.steps.close()

    def _draw(self, plan: Plan) -> Generator[list[Event]]:
        """The events of a job, those of one step at a time."""
        request = plan.request
        if request.adapter not in self._shared:
            self._shared[request.adapter] = self._canvas.share(self._model)
        canvas = self._canvas(self._model, self._shared[request.adapter], self._planner.opened(plan))
        steps, kept = canvas.steps, list[BlobRef]()
        total = request.n * len(steps)
        yield [events.Progress(0, total)]
        for index in range(request.n):
            latents = canvas.start(request.seed + index)
            shown = _shown(steps, request.previews)
            for number, step in enumerate(steps, 1 + index * len(steps)):
                before, latents = latents, canvas.advance(step, latents)
                made: list[Event] = [events.Progress(number, total)]
                if step in shown:
                    seen = files.preview(canvas.preview(step, before, latents))
                    made.append(events.Preview(index, shown.index(step), seen))
                yield made
            picture = self._keep(plan, canvas, latents, index, kept)
            yield [picture] if index + 1 < request.n else [picture, events.Done(self._usage(plan))]

    def _keep(self, plan: Plan, canvas: Canvas, latents: Any, index: int, kept: list[BlobRef]) -> events.Picture:
        request, begun = plan.request, time.monotonic()
        finished, seed = canvas.finish(latents), request.seed + index
        drawn = finished if plan.ask.transparent else opaque(finished)
        data = files.encode(drawn, request.format, request.compression, told(plan, seed))
        kept.append(self._planner.blobs.put(data, files.TYPES[request.format]))
        for ref in kept:  # a job of many images may take longer than an unowned blob is left alone
            self._planner.blobs.touch(ref)
        log.debug("an image is made", seed=seed, seconds=round(time.monotonic() - begun, 3))
        return events.Picture(index, kept[-1], drawn.width, drawn.height, seed, plan.ask.steps)

    def _usage(self, plan: Plan) -> events.Usage:
        """The prompt's tokens, and those that the images' latents have."""
        return events.Usage(
            self._tokens(plan.ask.prompt), plan.request.n * (plan.ask.width // PATCH) * (plan.ask.height // PATCH)
        )


def _shown(steps: range, previews: int) -> list[int]:
    """The steps after which a preview is shown, evenly among all but the last, which the image itself follows."""
    shown = min(previews, len(steps) - 1)
    return [steps[(number + 1) * len(steps) // (shown + 1) - 1] for number in range(max(shown, 0))]
