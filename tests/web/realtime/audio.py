"""Samples in the formats of realtime sockets, encoded by somebody else's code: ffmpeg's."""

from __future__ import annotations

import io
from typing import Any

import av
import numpy as np

Samples = np.ndarray[Any, np.dtype[np.int16]]
CODECS = {"audio/pcm": "pcm_s16le", "audio/pcmu": "pcm_mulaw", "audio/pcma": "pcm_alaw"}


def encoded(type: str, samples: Samples) -> bytes:
    """16-bit samples of one channel as a format has them."""
    codec = av.CodecContext.create(CODECS[type], "w")
    codec.rate, codec.layout, codec.format = 8000, "mono", "s16"  # type: ignore[attr-defined]
    frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
    frame.rate = 8000
    packets = [*codec.encode(frame), *codec.encode(None)]  # type: ignore[attr-defined]
    return b"".join(bytes(packet) for packet in packets)


def decoded(recording: bytes) -> tuple[Samples, int]:
    """The samples of a file, and their rate."""
    with av.open(io.BytesIO(recording)) as file:
        frames = list(file.decode(audio=0))
    return np.concatenate([frame.to_ndarray().ravel() for frame in frames]), frames[0].rate
