"""What the image endpoints share: from a body to a request, and from pictures to answers."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from flask import has_request_context, request

from tasks.blobs import BlobStore
from tasks.values import events, fold
from tasks.values.events import Event
from tasks.values.job import Job
from tasks.values.requests import BlobRef, ImageRequest
from web.endpoint import Rendered
from web.gateway import gateway
from web.http import auth, signing
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
    )


def options(data: Mapping[str, Any]) -> dict[str, Any]:
    """What rendering needs to know of a checked body."""
    return {"response_format": data.get("response_format", "b64_json")}


def body(job: Job, result: fold.Result) -> Rendered:
    """The whole answer, its pictures inside or behind signed links.

    A line of a batch has them inside: its job, which the links would need, is gone when the batch's file is there.
    """
    linked = job.options.get("response_format") == "url" and has_request_context()
    return render.body(job, result, _link if linked else _inside)


def chunks(kind: str) -> Callable[[Job], Callable[[Event], Iterator[object]]]:
    """The stream of a job whose events are named `kind`.partial_image and `kind`.completed."""

    def of(job: Job) -> Callable[[Event], Iterator[object]]:
        return render.Chunks(job, kind, partial(_base64, gateway().store.blobs))

    return of


def _base64(blobs: BlobStore, ref: BlobRef) -> str:
    return base64.b64encode(blobs.read(ref)).decode()


def _inside(job: Job, picture: events.Picture) -> dict[str, str]:
    return {"b64_json": _base64(gateway().store.blobs, picture.blob)}


def _link(job: Job, picture: events.Picture) -> dict[str, str]:
    """A link for as long as the result can be kept: the same one whenever it is made."""
    token = signing.sign(gateway().settings, picture.blob, job.deadline + 1000 * job.keep)
    return {"url": request.host_url.rstrip("/") + auth.SIGNED + token}
