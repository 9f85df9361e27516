"""Jobs for the tiny image models, and what their engines say of them."""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from mlxq.catalogue import Catalogue
from mlxq.settings import Settings
from tasks.stored.blobs import BlobStore
from tasks.values import events, results
from tasks.values.blob_ref import BlobRef
from tasks.values.events import Event
from tasks.values.job import Job, Lane
from tasks.values.requests import ImageRequest
from tests.workers.engines.images import tiny
from workers.engines.images.engine import ImageEngine
from workers.engines.images.loading import load


def engine(name: str, home: Path, **keys: Any) -> ImageEngine:
    """The engine of a tiny model, as the worker loads it from a models' file."""
    parsed = Catalogue.parse({"models": [tiny.entry(name, **keys)]}, "models.yaml")
    return load(parsed.get(name), replace(Settings(), home=home))


def job(**asked: Any) -> Job:
    """A job for one picture of 64 pixels a side, in two steps."""
    payload = ImageRequest(**{"prompt": "a cat", "seed": 7, "size": (64, 64), "steps": 2, **asked})
    return Job(
        id="job_1", owner="me", model="m", endpoint="/", payload=payload, created=0, deadline=0, lane=Lane.JOBS, keep=1
    )


def run(engine: ImageEngine, asked: Job) -> list[Event]:
    """All events of one job, which ends well."""
    engine.admit("row", engine.prepare(asked))
    told: list[Event] = []
    while not told or not isinstance(told[-1], events.TERMINAL):
        told += [event for _, event in engine.step()]
    assert isinstance(told[-1], events.Done), told[-1]
    return told


def pictures(engine: ImageEngine, blobs: BlobStore, **asked: Any) -> list[np.ndarray[Any, Any]]:
    """The pixels of a job's pictures."""
    made = job(**asked)
    result = results.fold(made.payload, run(engine, made))
    assert isinstance(result, results.PicturesResult)
    return [pixels(blobs.read(picture.blob)) for picture in result.pictures]


def pixels(data: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def photo(width: int = 64, height: int = 64, colour: str = "red") -> bytes:
    """A picture of two colours, as somebody would send it."""
    image = Image.new("RGB", (width, height), colour)
    image.paste("white", (0, 0, width // 2, height // 2))
    return png(image)


def mask(width: int = 64, height: int = 64) -> bytes:
    """A mask whose left half is transparent: that is what changes."""
    image = Image.new("RGBA", (width, height), (0, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, 0, width // 2, height))
    return png(image)


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def put(blobs: BlobStore, *files: bytes) -> tuple[BlobRef, ...]:
    return tuple(blobs.put(data, "image/png") for data in files)


def kinds(told: Iterable[Event], kind: type) -> list[Any]:
    return [event for event in told if isinstance(event, kind)]
