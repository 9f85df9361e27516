"""Recordings as the speech models want them, from any container that ffmpeg's libraries read."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from typing import BinaryIO

import av
import numpy as np

from tasks.values.errors import InvalidValue
from workers.media import downmix, ogg
from workers.serving.check_deadline import ENDLESS, CheckDeadline

SAMPLE_RATE = 16_000  # Hz
SAMPLE_BYTES = 5  # while it is decoded: a float, and what the buffer that it is written to reserves

Samples = downmix.Samples

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


def check(file: BinaryIO, longest: float, deadline: CheckDeadline = ENDLESS) -> None:
    """Raise what `decode` raises for a file that does not begin like a recording, or that is too long.

    It takes no memory. The length of a recording that does not say that it is longer than `longest` seconds is known
    only when it is decoded.
    """
    declared = duration(file)
    with contextlib.closing(pieces(file, longest, deadline)) as sounds:
        for _ in sounds:
            if declared is None or declared <= longest:
                return


def decode(file: BinaryIO, longest: float, deadline: CheckDeadline = ENDLESS, rate: int = SAMPLE_RATE) -> Samples:
    """The first audio stream of a container as mono samples in [-1, 1] at `rate`, float32.

    All channels are heard. Raises InvalidValue when that is not audio, empty, or longer than `longest` seconds, and
    JobCancelled when nobody wants it any more.
    """
    data = bytearray()
    for samples in pieces(file, longest, deadline, rate):
        data += samples.tobytes()
    return np.frombuffer(data, np.float32)


def pieces(
    file: BinaryIO, longest: float, deadline: CheckDeadline = ENDLESS, rate: int = SAMPLE_RATE
) -> Generator[Samples]:
    """The samples that `decode` returns, piece by piece; raises as it does, in the middle if need be."""
    total, mix = 0, downmix.Downmix()
    try:
        for frame in _resampled(_frames(file, deadline), rate):
            total += frame.samples
            if total > longest * rate:
                message = f"the recording is longer than the {longest:g} seconds that this model takes"
                raise InvalidValue(message, param="file")
            if frame.samples:
                yield mix.mono(frame.to_ndarray().reshape(frame.samples, -1).T)
    except (av.FFmpegError, ValueError) as error:
        reason = error.strerror if isinstance(error, av.FFmpegError) else error
        raise InvalidValue(f"the file cannot be decoded as audio: {reason}", param="file") from error
    if not total:
        raise InvalidValue("the recording is empty", param="file")


def _frames(file: BinaryIO, deadline: CheckDeadline) -> Iterator[av.AudioFrame]:
    for section in ogg.sections(file):
        with av.open(section, metadata_errors="ignore", container_options=_CONTAINER_OPTIONS) as container:
            if not container.streams.audio:
                raise InvalidValue("the file holds no audio stream", param="file")
            for packet in container.demux(container.streams.audio[0]):
                deadline.look()
                # As ffmpeg does: tags and broken packets within a recording cost their own milliseconds, not the rest.
                with contextlib.suppress(av.error.InvalidDataError):
                    yield from packet.decode()


def _resampled(frames: Iterator[av.AudioFrame], rate: int) -> Iterator[av.AudioFrame]:
    """All channels at `rate` as interleaved floats, whatever rate, layout and format change between frames."""
    setup: tuple[object, ...] | None = None
    resampler: av.AudioResampler | None = None
    for frame in frames:
        layout = (frame.format.name, frame.layout.name, frame.layout.nb_channels, frame.sample_rate)
        if resampler is None or layout != setup:
            if resampler is not None:
                yield from resampler.resample(None)
            setup, resampler = layout, av.AudioResampler("flt", frame.layout, rate)
        yield from resampler.resample(frame)
    if resampler is not None:
        yield from resampler.resample(None)
