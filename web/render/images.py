"""Images as OpenAI's bodies and events show them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from tasks.values import events, results
from tasks.values.blob_ref import BlobRef
from tasks.values.events import Event
from tasks.values.job import Job
from tasks.values.requests import ImageRequest
from web.endpoint import Rendered

_TOKEN = 16  # pixels of a side that a token of an image stands for


def body(job: Job, result: results.Result, show: Callable[[Job, events.Picture], Mapping[str, str]]) -> Rendered:
    """The whole answer; `show` tells where an image's bytes are."""
    assert isinstance(result, results.PicturesResult)  # noqa: S101  (an image request's events fold to nothing else)
    first = result.pictures[0]
    shown = [{**show(job, picture), "seed": picture.seed, "steps": picture.steps} for picture in result.pictures]
    response: dict[str, Any] = {
        "created": job.created // 1000,
        "background": _background(job),
        "data": shown,
        "output_format": _asked(job).format,
        "size": f"{first.width}x{first.height}",
        "usage": _usage(result.usage.prompt_tokens, result.usage.completion_tokens),
    }
    if (quality := _asked(job).quality) is not None:
        response["quality"] = quality
    return Rendered(msgspec.json.encode(response))


class Chunks:
    """Turns the events of one job into those of OpenAI's streams; an image that is made again is not shown again."""

    def __init__(self, job: Job, kind: str, read: Callable[[BlobRef], str]) -> None:
        self._job, self._kind, self._read = job, kind, read
        self._prompt_tokens = 0
        self._shown: set[tuple[int, int | None]] = set()

    def __call__(self, event: Event) -> Iterator[object]:
        if isinstance(event, events.Started):
            self._prompt_tokens = event.prompt_tokens
        elif isinstance(event, events.Preview) and self._first(event.index, event.number):
            size = _asked(self._job).size
            size_text = "auto" if size is None else f"{size[0]}x{size[1]}"
            yield {
                **self._head("partial_image", event.data, size_text),
                "output_format": "jpeg",
                "partial_image_index": event.number,
            }
        elif isinstance(event, events.Picture) and self._first(event.index, None):
            tokens = (event.width // _TOKEN) * (event.height // _TOKEN)
            yield {
                **self._head("completed", self._read(event.blob), f"{event.width}x{event.height}"),
                "output_format": _asked(self._job).format,
                "usage": _usage(self._prompt_tokens, tokens),
            }

    def _first(self, index: int, number: int | None) -> bool:
        new = (index, number) not in self._shown
        self._shown.add((index, number))
        return new

    def _head(self, name: str, data: str, size: str) -> dict[str, Any]:
        return {
            "type": f"{self._kind}.{name}",
            "b64_json": data,
            "background": _background(self._job),
            "created_at": self._job.created // 1000,
            "quality": _asked(self._job).quality or "auto",
            "size": size,
        }


def _usage(prompt: int, image: int) -> dict[str, Any]:
    """Tokens of the prompt, and of the images' latents; what an image sent costs is not counted."""
    return {
        "input_tokens": prompt,
        "input_tokens_details": {"image_tokens": 0, "text_tokens": prompt},
        "output_tokens": image,
        "total_tokens": prompt + image,
    }


def _background(job: Job) -> str:
    return "transparent" if _asked(job).transparent else "opaque"


def _asked(job: Job) -> ImageRequest:
    assert isinstance(job.payload, ImageRequest)  # noqa: S101  (only such jobs are rendered here)
    return job.payload
