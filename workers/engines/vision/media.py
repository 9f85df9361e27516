"""What messages show, opened under limits: pictures, sounds and films."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from tasks.blobs import BlobStore
from tasks.values.errors import InvalidValue
from tasks.values.requests import Media
from workers import audio
from workers.budget import Budget
from workers.check_deadline import ENDLESS, CheckDeadline
from workers.engines.vision.families import Kind
from workers.engines.vision.reader import Medium
from workers.images import ImageLimits, opaque, open_image, pixels, shrunk, within
from workers.video import VideoLimits, open_video

_PIXEL_BYTES = 6  # of a picture in RGB and of the copy that a step towards it may need
_SAID: dict[Kind, str] = {"image": "sees pictures", "audio": "hears sounds", "video": "watches films"}


@dataclass(frozen=True)
class MediaLoader:
    """Where what requests show comes from: at most so many (`most`), of these `kinds`, and within limits.

    All pictures of a request together may have twice the pixels of one; sounds are `seconds` long at most. What is
    open of all requests together stays within the budget. Pictures are shrunk to a `side` of so many pixels.
    """

    blobs: BlobStore
    kinds: Iterable[Kind]
    most: int
    pictures: ImageLimits
    films: VideoLimits
    seconds: float
    budget: Budget
    side: int | None = None

    @contextmanager
    def open(self, media: Sequence[Media], patience: CheckDeadline = ENDLESS) -> Iterator[list[Medium]]:
        """What a request shows, held in the budget until the block ends; InvalidValue names the part that is refused.

        Raises JobCancelled when nobody wants it any more.
        """
        if len(media) > self.most:
            message = f"this model is shown at most {self.most} things in a request, not {len(media)}"
            raise InvalidValue(message, param=media[self.most].param)
        with self.budget.hold(sum(map(self._nbytes, media)), patience):
            yield list(self._opened(media, patience))

    def _nbytes(self, one: Media) -> int:
        """Bytes that a medium may take when it is open, as far as that is known before."""
        if one.kind == "audio":
            return int(self.seconds * audio.SAMPLE_RATE * audio.SAMPLE_BYTES)
        if one.kind == "video":
            return _PIXEL_BYTES * (self.films.frames + 1) * self.films.kept
        with self.blobs.open(one.blob) as file:
            return _PIXEL_BYTES * min(pixels(file), self.pictures.pixels)

    def _opened(self, media: Sequence[Media], patience: CheckDeadline) -> Iterator[Medium]:
        seen, most = 0, 2 * self.pictures.pixels
        for one in media:
            patience.look()
            if one.kind not in self.kinds:
                can = " and ".join(_SAID[kind] for kind in self.kinds)
                raise InvalidValue(f"this model reads text and {can}; it takes no {one.kind}", param=one.param)
            with self.blobs.open(one.blob) as file:
                if one.kind == "image":
                    image = opaque(open_image(file, one.param, self.pictures))
                    image = within(image if one.max_pixels is None else shrunk(image, one.max_pixels), self.side)
                    seen += image.width * image.height
                    yield Medium("image", image)
                elif one.kind == "video":
                    film = open_video(file, one.param, self.films, patience)
                    seen += film.frames.size // 3
                    yield Medium("video", film.frames, film.rate)
                else:
                    yield Medium("audio", self._heard(file, one.param, patience))
            if seen > most:
                message = f"what this request shows has more than {most} pixels together"
                raise InvalidValue(message, param=one.param)

    def _heard(self, file: BinaryIO, param: str, patience: CheckDeadline) -> audio.Samples:
        try:
            return audio.decode(file, self.seconds, patience)
        except InvalidValue as error:
            raise InvalidValue(error.failure.message, param=param) from None
