"""Asking a multimodal engine about pictures, sounds and films, without HTTP."""

from __future__ import annotations

import io
import wave
from typing import Any, TypeAlias

import av
import numpy as np
from PIL import Image

from tasks.stored.blobs import BlobStore
from tasks.values.blob_ref import BlobRef
from tasks.values.job import Job
from tasks.values.messages import Media, Message
from tasks.values.requests import ChatRequest
from tests.workers.engines.rows import job

Part: TypeAlias = str | BlobRef | tuple[Any, BlobRef]


def noise(seed: int, width: int = 60, height: int = 40) -> Image.Image:
    """A picture like no other."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8))


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def sound(seed: int, seconds: float = 0.5) -> bytes:
    """A noise, as a WAV file of 16 kHz."""
    samples = np.random.default_rng(seed).integers(-9000, 9000, int(16_000 * seconds), dtype=np.int16)
    file = io.BytesIO()
    with wave.open(file, "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(16_000)
        written.writeframes(samples.tobytes())
    return file.getvalue()


def film(seed: int, seconds: float = 1.5, width: int = 64, height: int = 48, rate: int = 10) -> bytes:
    """A film of changing squares, as an MP4 file."""
    file = io.BytesIO()
    random = np.random.default_rng(seed)
    with av.open(file, "w", "mp4") as container:
        stream: Any = container.add_stream("mpeg4", rate=rate)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for _ in range(int(seconds * rate)):
            squares = random.integers(0, 255, (height // 16, width // 16, 3), dtype=np.uint8)
            picture = np.kron(squares, np.ones((16, 16, 1), np.uint8))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode())
    return file.getvalue()


def kept(blobs: BlobStore, *images: Image.Image) -> list[BlobRef]:
    return [blobs.put(encoded(image), "image/png") for image in images]


def turn(*parts: Part, role: Any = "user", max_pixels: int | None = None) -> Message:
    """A turn of texts, pictures, and what else is named, in this order."""
    text, media = "", []
    for number, part in enumerate(parts):
        if isinstance(part, str):
            text += part
        else:
            kind, ref = ("image", part) if isinstance(part, BlobRef) else part
            media.append(Media(kind, ref, len(text), f"messages[0].content[{number}]", max_pixels))
    return Message(role, text, media=tuple(media))


def look(*parts: Part, **options: Any) -> Job:
    """A job whose only turn is these parts."""
    return job(ChatRequest((turn(*parts),), **{"temperature": 0.0, "max_tokens": 12, **options}))
