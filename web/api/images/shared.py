"""What the image endpoints share: from a body to a request, and from images to answers."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from mlxq.settings import Settings
from tasks.stored.blobs import BlobStore
from tasks.values import events, results
from tasks.values.blob_ref import BlobRef
from tasks.values.events import Event
from tasks.values.job import Job, RenderOptions
from tasks.values.requests import ImageRequest
from web.endpoint import Rendered
from web.http.access import signing
from web.http.access.auth import SIGNED
from web.identity import Caller
from web.render import images as render

GENERATION, EDIT = "image-generation", "image-edit"
IMAGE = frozenset({"image"})
_DRAWN = 2**32  # seeds that nobody chose are below it


def payload(data: Mapping[str, Any]) -> ImageRequest:
    """What a checked body asks of a model."""
    image = data.get("image", [])
    return ImageRequest(
        prompt=data.get("prompt", ""),
        seed=data.get("seed", secrets.randbelow(_DRAWN)),
        negative_prompt=data.get("negative_prompt"),
        n=data.get("n", 1),
        size=data.get("size"),
        quality=data.get("quality"),
        steps=data.get("steps"),
        guidance=data.get("guidance_scale"),
        images=tuple(image if isinstance(image, list) else [image]),
        mask=data.get("mask"),
        strength=data.get("image_strength"),
        format=data.get("output_format", "png"),
        compression=data.get("output_compression", 100),
        previews=data.get("partial_images", 0),
        transparent=data.get("background") == "transparent",
        adapter=data.get("adapter", ""),
    )


def options(data: Mapping[str, Any]) -> RenderOptions:
    """What rendering needs to know of a checked body."""
    return RenderOptions(response_format=data.get("response_format", "b64_json"))


def body(caller: Caller, job: Job, result: results.Result) -> Rendered:
    """The whole answer, its images inside or behind signed links.

    A line of a batch has them inside: its job, which the links would need, is gone when the batch's file is there.
    """
    if job.options.response_format == "url" and caller.host_url is not None:
        return render.body(job, result, partial(_link, caller.gateway.settings, caller.host_url))
    return render.body(job, result, partial(_inside, caller.gateway.store.blobs))


def chunks(kind: str) -> Callable[[Caller, Job], Callable[[Event], Iterator[object]]]:
    """The stream of a job whose events are named `kind`.partial_image and `kind`.completed."""

    def of(caller: Caller, job: Job) -> Callable[[Event], Iterator[object]]:
        return render.Chunks(job, kind, partial(_base64, caller.gateway.store.blobs))

    return of


def _base64(blobs: BlobStore, ref: BlobRef) -> str:
    return base64.b64encode(blobs.read(ref)).decode()


def _inside(blobs: BlobStore, job: Job, picture: events.Picture) -> dict[str, str]:
    del job
    return {"b64_json": _base64(blobs, picture.blob)}


def _link(settings: Settings, host_url: str, job: Job, picture: events.Picture) -> dict[str, str]:
    """A link for as long as the result can be kept: the same one whenever it is made."""
    token = signing.sign(settings, picture.blob, job.deadline + 1000 * job.keep)
    return {"url": host_url.rstrip("/") + SIGNED + token}
