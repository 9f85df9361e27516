"""Videos that somebody sent, as a few of their frames: opened under limits, and refused with a reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple

import av
import numpy as np
import numpy.typing as npt

from tasks.values.errors import InvalidValue
from workers.media.images import shrunk
from workers.serving.check_deadline import ENDLESS, CheckDeadline

_CONTAINER_OPTIONS = {"protocol_whitelist": ""}  # a playlist is a video that names other files
_OFTEN = 2.0  # frames a second, as long as there are not too many


@dataclass(frozen=True)
class VideoLimits:
    """The longest video in seconds and the largest in pixels of a frame, and how many frames are taken of it.

    Frames of more than `kept` pixels are shrunk to that: models take videos with few pixels each.
    """

    seconds: float = 120.0
    pixels: int = 16_000_000
    frames: int = 32
    kept: int = 1_000_000


class Video(NamedTuple):
    """Frames in RGB, (frames, 3, height, width), and how many of them stand for a second."""

    frames: npt.NDArray[np.uint8]
    rate: float


def open_video(file: BinaryIO, param: str, limits: VideoLimits, deadline: CheckDeadline = ENDLESS) -> Video:
    """Frames of the first video stream of a container, at even distances; InvalidValue of `param` says why not.

    Raises JobCancelled when nobody wants it any more.
    """
    try:
        with av.open(file, metadata_errors="ignore", container_options=_CONTAINER_OPTIONS) as container:
            if not container.streams.video:
                raise InvalidValue("the file holds no video stream", param=param)
            return _sampled(container, param, limits, deadline)
    except (av.FFmpegError, ValueError, MemoryError) as error:
        reason = error.strerror if isinstance(error, av.FFmpegError) else error
        raise InvalidValue(f"the file cannot be decoded as a video: {reason}", param=param) from error


def _sampled(container: av.container.InputContainer, param: str, limits: VideoLimits, deadline: CheckDeadline) -> Video:
    frames: list[npt.NDArray[np.uint8]] = []
    interval, due, began = 1 / _OFTEN, 0.0, None
    for frame in _frames(container, param, limits):
        deadline.look()
        began = frame.time if began is None else began
        now = frame.time - began
        if now > limits.seconds:
            raise InvalidValue(f"the video is longer than the {limits.seconds:g} seconds that are taken", param=param)
        if now < due:
            continue
        due += interval
        frames.append(np.asarray(shrunk(frame.to_image(), limits.kept)).transpose(2, 0, 1))
        if len(frames) > limits.frames:  # how long the video is need not be known: half of them, half as often
            del frames[1::2]
            interval *= 2
            due = len(frames) * interval
    if not frames:
        raise InvalidValue("the video has no frames", param=param)
    if len({frame.shape for frame in frames}) > 1:
        raise InvalidValue("the video changes its size midway", param=param)
    return Video(np.stack(frames), 1 / interval)


def _frames(container: av.container.InputContainer, param: str, limits: VideoLimits) -> Iterator[Any]:
    stream = container.streams.video[0]
    _check(stream.codec_context.width, stream.codec_context.height, param, limits)
    for frame in container.decode(stream):
        _check(frame.width, frame.height, param, limits)
        if frame.time is not None:
            yield frame


def _check(width: int, height: int, param: str, limits: VideoLimits) -> None:
    if width * height > limits.pixels:
        message = f"the video's frames have more than {limits.pixels} pixels: {width} × {height}"
        raise InvalidValue(message, param=param)
