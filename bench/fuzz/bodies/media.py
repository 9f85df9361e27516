"""Pictures to draw and change, and recordings to write down."""

from __future__ import annotations

import base64
import struct
import zlib
from random import Random
from typing import Any

from bench.fuzz.request import Part
from bench.fuzz.world import World


def png(side: int = 64) -> bytes:
    """A grey picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress((b"\0" + b"\x80\x80\x80" * side) * side)
    head = struct.pack(">2I5B", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def wav(seconds: float = 0.2) -> bytes:
    """Silence."""
    data = bytes(int(seconds * 16_000) * 2)
    head = struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        36 + len(data),
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        16_000,
        32_000,
        2,
        16,
        b"data",
        len(data),
    )
    return head + data


def data_url(data: bytes, kind: str) -> str:
    """Bytes as a URL that holds them."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def picture(world: World, chance: Random) -> dict[str, Any]:
    """A picture to draw."""
    extra = chance.choice(({}, {"n": 2, "seed": 5}, {"response_format": "url"}, {"stream": True, "partial_images": 1}))
    more = {"output_format": "jpeg", "output_compression": 50, "quality": "low", "user": "ann"}
    return {"model": world.drawing, "prompt": "a cat", "size": "64x64", "steps": 2, **extra, **more}


def changed(world: World, chance: Random) -> dict[str, Any]:
    """A picture to change, in JSON."""
    url = data_url(png(), "image/png")
    pictures = chance.choice(({"image": url}, {"images": [{"image_url": url}]}))
    return {
        "model": world.editing,
        "prompt": "a dog",
        **pictures,
        "size": "64x64",
        "steps": 2,
    }


def changed_form(world: World, chance: Random) -> tuple[Part, ...]:
    images = [Part("image[]", png(), "a.png", "image/png")] * chance.choice((1, 2))
    fields = {"model": world.editing, "prompt": "a dog", "size": "64x64", "steps": "2", "n": "1", "seed": "3"}
    return (*(Part(name, value.encode()) for name, value in fields.items()), *images)


def varied(world: World, chance: Random) -> tuple[Part, ...]:
    fields = {"model": world.drawing, "size": "64x64", "steps": "2", "image_strength": "0.5"}
    return (*(Part(name, value.encode()) for name, value in fields.items()), Part("image", png(), "a.png", "image/png"))


def recording(world: World, chance: Random) -> tuple[Part, ...]:
    fields = {"model": world.speech, "language": "en", "prompt": "word", "response_format": "json", "temperature": "0"}
    more = chance.choice(
        (
            {},
            {"response_format": "verbose_json", "timestamp_granularities[]": "word"},
            {"response_format": chance.choice(("srt", "vtt", "text")), "hotwords": "word"},
            {"stream": "true", "include[]": "logprobs"},
            {"chunking_strategy[type]": "server_vad", "chunking_strategy[threshold]": "0.4", "keywords[]": "word"},
            {"vad_filter": "true", "task": "transcribe"},
            {"condition_on_previous_text": "true"},
        )
    )
    parts = [Part(name, value.encode()) for name, value in {**fields, **more}.items()]
    return (*parts, Part("file", wav(), "a.wav", "audio/wav"))


def translated(world: World, chance: Random) -> tuple[Part, ...]:
    fields = {"model": world.speech, "prompt": "word", "response_format": "json", "temperature": "0"}
    return (*(Part(name, value.encode()) for name, value in fields.items()), Part("file", wav(), "a.wav", "audio/wav"))


def spoken(_: World, chance: Random) -> dict[str, Any]:
    """A text to speak, for a model that nobody serves."""
    extra = chance.choice(
        ({}, {"stream_format": "sse"}, {"voice": {"id": "alloy"}, "speed": 2}, {"instructions": "low"})
    )
    return {"model": "nobody", "input": "Hello.", "response_format": chance.choice(("mp3", "wav", "pcm")), **extra}
