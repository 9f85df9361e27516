"""Recordings as the speech models want them, from any container that ffmpeg's libraries read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import BinaryIO

import av
import numpy as np
import numpy.typing as npt

from tasks.values.errors import InvalidValue
from workers.patience import ENDLESS, Patience

SAMPLE_RATE = 16_000  # Hz
SAMPLE_BYTES = 6  # while it is decoded: as 16 bits, and as the float that it becomes
Samples = npt.NDArray[np.float32]

# A playlist is a recording that names other files; libav must not open what an upload names.
_CONTAINER_OPTIONS = {"protocol_whitelist": ""}


def duration(file: BinaryIO) -> float | None:
    """The seconds that a container says it lasts, which need not be true; None where it says nothing."""
    try:
        with av.open(file, metadata_errors="ignore", container_options=_CONTAINER_OPTIONS) as container:
            return None if container.duration is None else float(container.duration / av.time_base)
    except (av.FFmpegError, ValueError):  # why it is refused is told when it is decoded
        return 0.0
    finally:
        file.seek(0)


def decode(file: BinaryIO, longest: float, patience: Patience = ENDLESS) -> Samples:
    """The first audio stream of a container as mono samples in [-1, 1] at `SAMPLE_RATE`, float32.

    Raises InvalidValue when that is no audio, empty, or longer than `longest` seconds, and JobCancelled when nobody
    wants it any more.
    """
    data = bytearray()
    try:
        with av.open(file, metadata_errors="ignore", container_options=_CONTAINER_OPTIONS) as container:
            if not container.streams.audio:
                raise InvalidValue("the file holds no audio stream", param="file")
            # 16 bits, as in Whisper's own loader: swresample mixes down without overflow for integers only.
            resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
            for frame in _frames(container):
                patience.look()
                _append(data, resampler.resample(frame), longest)
            _append(data, resampler.resample(None), longest)
    except (av.FFmpegError, ValueError) as error:  # PyAV raises ValueError where the format changes midway
        reason = error.strerror if isinstance(error, av.FFmpegError) else error
        raise InvalidValue(f"the file cannot be decoded as audio: {reason}", param="file") from error
    if not data:
        raise InvalidValue("the recording is empty", param="file")
    return np.frombuffer(data, np.int16).astype(np.float32) / np.float32(32768)


def _frames(container: av.container.InputContainer) -> Iterator[av.AudioFrame]:
    for packet in container.demux(container.streams.audio[0]):
        # As ffmpeg does: tags and broken packets within a recording cost their own milliseconds, not the rest.
        with contextlib.suppress(av.error.InvalidDataError):
            yield from packet.decode()


def _append(data: bytearray, frames: list[av.AudioFrame], longest: float) -> None:
    for frame in frames:
        data += frame.to_ndarray().tobytes()
    if len(data) > longest * SAMPLE_RATE * np.dtype(np.int16).itemsize:
        raise InvalidValue(f"the recording is longer than the {longest:g} seconds that this model takes", param="file")
