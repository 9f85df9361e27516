"""What messages show, opened under limits: pictures, sounds and films."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from tasks.blobs import BlobStore
from tasks.errors import InvalidValue
from tasks.requests import Media
from workers import audio
from workers.engines.vision.families import Kind
from workers.engines.vision.reader import Medium
from workers.films import FilmLimits, open_film
from workers.pictures import Limits, opaque, open_picture, shrunk

_SAID: dict[Kind, str] = {"image": "sees pictures", "audio": "hears sounds", "video": "watches films"}


@dataclass(frozen=True)
class Gallery:
    """Where what requests show comes from: at most so many (`most`), of these `kinds`, and within limits.

    All pictures of a request together may have twice the pixels of one; sounds are `seconds` long at most.
    """

    blobs: BlobStore
    kinds: Iterable[Kind]
    most: int
    pictures: Limits
    films: FilmLimits
    seconds: float

    def open(self, media: Sequence[Media]) -> list[Medium]:
        """What a request shows; InvalidValue names the part that is refused."""
        if len(media) > self.most:
            message = f"this model is shown at most {self.most} things in a request, not {len(media)}"
            raise InvalidValue(message, param=media[self.most].param)
        return list(self._opened(media))

    def _opened(self, media: Sequence[Media]) -> Iterator[Medium]:
        pixels, most = 0, 2 * self.pictures.pixels
        for one in media:
            if one.kind not in self.kinds:
                can = " and ".join(_SAID[kind] for kind in self.kinds)
                raise InvalidValue(f"this model reads text and {can}; it takes no {one.kind}", param=one.param)
            with self.blobs.open(one.blob) as file:
                if one.kind == "image":
                    image = opaque(open_picture(file, one.param, self.pictures))
                    image = image if one.max_pixels is None else shrunk(image, one.max_pixels)
                    pixels += image.width * image.height
                    yield Medium("image", image)
                elif one.kind == "video":
                    film = open_film(file, one.param, self.films)
                    pixels += film.frames.size // 3
                    yield Medium("video", film.frames, film.rate)
                else:
                    yield Medium("audio", self._heard(file, one.param))
            if pixels > most:
                message = f"what this request shows has more than {most} pixels together"
                raise InvalidValue(message, param=one.param)

    def _heard(self, file: BinaryIO, param: str) -> audio.Samples:
        try:
            return audio.decode(file, self.seconds)
        except InvalidValue as error:
            raise InvalidValue(error.failure.message, param=param) from None
