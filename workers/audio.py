"""Recordings to samples, through the libraries of ffmpeg that PyAV's wheels carry."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any, BinaryIO, TypeAlias

import av
import av.error
import numpy as np

from tasks.errors import InvalidValue

RATE = 16_000  # samples a second
Samples: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]


def decode(source: BinaryIO, longest: float) -> Samples:
    """Mono float32 samples in [-1, 1], 16,000 a second, of the first audio stream in any container.

    Raises InvalidValue for what holds no sound, or more than `longest` seconds of it.
    """
    try:
        pieces = list(_bounded(_pieces(source), longest))
    except (av.error.FFmpegError, ValueError, IndexError) as error:
        raise InvalidValue(f"the file could not be decoded as audio: {error}", param="file") from None
    samples = np.concatenate(pieces) if pieces else np.zeros(0, np.float32)
    if not len(samples):
        raise InvalidValue("the file holds no sound", param="file")
    return samples


def _pieces(source: BinaryIO) -> Iterator[Samples]:
    with av.open(source, metadata_errors="ignore") as container:
        if not container.streams.audio:
            raise InvalidValue("the file has no audio stream", param="file")
        # 16 bits, as Whisper was trained; and with whole numbers several channels are mixed without growing louder.
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        for frame in chain(container.decode(container.streams.audio[0]), (None,)):
            for resampled in resampler.resample(frame):
                yield resampled.to_ndarray().reshape(-1).astype(np.float32) / 32768


def _bounded(pieces: Iterator[Samples], longest: float) -> Iterator[Samples]:
    left = longest * RATE
    for piece in pieces:
        left -= len(piece)
        if left < 0:
            raise InvalidValue(f"the recording is longer than {longest:g} seconds", param="file")
        yield piece
