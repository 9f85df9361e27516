"""What messages show, opened under limits: pictures, sounds and films."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image

from tasks.stored.blobs import BlobStore
from tasks.values.errors import InvalidValue
from tasks.values.messages import Media
from workers.engines.vision.family import Kind
from workers.engines.vision.parts import Medium
from workers.media import audio
from workers.media.documents import pdf
from workers.media.documents.unfolding import Page
from workers.media.images import ImageLimits, opaque, open_image, pixels, shrunk, within
from workers.media.video import VideoLimits, open_video
from workers.serving.check_deadline import ENDLESS, CheckDeadline
from workers.serving.request_budget import Budget

_PIXEL_BYTES = 6  # of a picture in RGB and of the copy that a step towards it may need
_PAGE_SIDE = 1568  # pixels of a page's longer side, which leave its small print legible
_SAID: dict[Kind, str] = {"image": "sees pictures", "audio": "hears sounds", "video": "watches films"}


@dataclass(frozen=True)
class MediaLoader:
    """Where what requests show comes from: at most `most`, of these `kinds`, and within limits.

    All pictures of a request together may have twice the pixels of one; sounds are `seconds` long at most. What is
    open of all requests together stays within the budget. Pictures are shrunk to `side` pixels.
    """

    blobs: BlobStore
    kinds: Sequence[Kind]
    most: int
    pictures: ImageLimits
    films: VideoLimits
    seconds: float
    budget: Budget
    side: int | None = None

    @contextmanager
    def open(self, media: Sequence[Media], deadline: CheckDeadline = ENDLESS) -> Iterator[list[Medium]]:
        """What a request shows, held in the budget until the block ends; InvalidValue names the part that is refused.

        Raises JobCancelled when nobody wants it any more.
        """
        if len(media) > self.most:
            message = f"this model is shown at most {self.most} things in a request, not {len(media)}"
            raise InvalidValue(message, param=media[self.most].param)
        with self.budget.hold(sum(map(self._nbytes, media)), deadline):
            yield list(self._opened(media, deadline))

    def _nbytes(self, one: Media) -> int:
        """Bytes that a medium may take when it is open, as far as that is known before."""
        if one.kind == "audio":
            return int(self.seconds * audio.SAMPLE_RATE * audio.SAMPLE_BYTES)
        if one.kind == "video":
            return _PIXEL_BYTES * (self.films.frames + 1) * self.films.kept
        if isinstance(one, Page):
            side, most = self._page(one)
            return _PIXEL_BYTES * min(side * side, most)
        with self.blobs.open(one.blob) as file:
            return _PIXEL_BYTES * min(pixels(file), self.pictures.pixels)

    def _opened(self, media: Sequence[Media], deadline: CheckDeadline) -> Iterator[Medium]:
        seen, most = 0, 2 * self.pictures.pixels
        for part in _parts(media):
            for medium in self._part(part, deadline):
                if medium.kind == "image":
                    seen += medium.content.width * medium.content.height
                elif medium.kind == "video":
                    seen += medium.content.size // 3
                if seen > most:
                    message = f"what this request shows has more than {most} pixels together"
                    raise InvalidValue(message, param=part[0].param)
                yield medium

    def _part(self, media: Sequence[Media], deadline: CheckDeadline) -> Iterator[Medium]:
        """What one part of a message shows: a thing, or all pages of a PDF."""
        one = media[0]
        deadline.look()
        if one.kind not in self.kinds:
            can = " and ".join(_SAID[kind] for kind in self.kinds)
            raise InvalidValue(f"this model reads text and {can}; it takes no {one.kind}", param=one.param)
        with self.blobs.open(one.blob) as file:
            if isinstance(one, Page):
                for size, rows in pdf.drawn(file, one.param, len(media), *self._page(one), deadline):
                    yield Medium("image", Image.frombytes("RGB", size, rows))
            elif one.kind == "image":
                image = opaque(open_image(file, one.param, self.pictures))
                image = image if one.max_pixels is None else shrunk(image, one.max_pixels)
                yield Medium("image", within(image, self.side))
            elif one.kind == "video":
                film = open_video(file, one.param, self.films, deadline)
                yield Medium("video", film.frames, film.rate)
            else:
                yield Medium("audio", self._heard(file, one.param, deadline))

    def _page(self, page: Page) -> tuple[int, int]:
        """The longest side of a page's picture, and its most pixels."""
        side = min(self.side or _PAGE_SIDE, _PAGE_SIDE)
        return side, min(page.max_pixels or self.pictures.pixels, self.pictures.pixels)

    def _heard(self, file: BinaryIO, param: str, deadline: CheckDeadline) -> audio.Samples:
        try:
            return audio.decode(file, self.seconds, deadline)
        except InvalidValue as error:
            raise InvalidValue(error.failure.message, param=param) from None


def _parts(media: Iterable[Media]) -> Iterator[list[Media]]:
    """One medium after the other, but all pages of a PDF together."""
    together: list[Media] = []
    for one in media:
        if together and not (isinstance(one, Page) and one.number):
            yield together
            together = []
        together.append(one)
    if together:
        yield together
