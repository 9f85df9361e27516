"""Asking a multimodal engine about pictures, without HTTP."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from PIL import Image

from tasks.blobs import BlobStore
from tasks.job import Job
from tasks.requests import BlobRef, ChatRequest, Media, Message
from tests.workers.engines.rows import job


def noise(seed: int, width: int = 60, height: int = 40) -> Image.Image:
    """A picture like no other."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8))


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def kept(blobs: BlobStore, *images: Image.Image) -> list[BlobRef]:
    return [blobs.put(encoded(image), "image/png") for image in images]


def turn(*parts: str | BlobRef, role: Any = "user", index: int = 0, max_pixels: int | None = None) -> Message:
    """A turn of texts and pictures in this order."""
    text, media = "", []
    for number, part in enumerate(parts):
        if isinstance(part, str):
            text += part
        else:
            where = f"messages[{index}].content[{number}]"
            media.append(Media("image", part, len(text), where, max_pixels))
    return Message(role, text, media=tuple(media))


def look(*parts: str | BlobRef, **options: Any) -> Job:
    """A job whose only turn is these texts and pictures."""
    return job(ChatRequest((turn(*parts),), **{"temperature": 0.0, "max_tokens": 12, **options}))
