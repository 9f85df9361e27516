"""Prompts that may show pictures: each is opened under limits, shrunk where that was asked for, and given its place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from tasks.blobs import BlobStore
from tasks.errors import InvalidValue
from tasks.requests import ChatRequest, Media, RenderRequest, Tool
from workers.engines.text.loading import template_text
from workers.engines.text.prompts import Prompt, Prompts
from workers.engines.text.reading import Formats
from workers.engines.vision.eyes import Eyes
from workers.engines.vision.pictures import Pictures
from workers.engines.vision.reader import Reader
from workers.pictures import Limits, opaque, open_picture, shrunk

# What a template does that takes a turn's content in parts; the others take it as one string.
_IN_PARTS = re.compile(r"""\[['"]type['"]\]|\.type\b|selectattr\(\s*['"]type['"]""")


@dataclass(frozen=True)
class Gallery:
    """Where a request's pictures come from, and how many it may have; all together may have twice the pixels of one."""

    blobs: BlobStore
    limits: Limits
    most: int

    def open(self, media: Sequence[Media]) -> list[Image.Image]:
        """The pictures in RGB; InvalidValue names the part of the request that is refused."""
        if len(media) > self.most:
            message = f"this model takes at most {self.most} pictures in a request, not {len(media)}"
            raise InvalidValue(message, param=media[self.most].param)
        found, pixels = [], 0
        for one in media:
            if one.kind != "image":
                raise InvalidValue(f"this model reads text and sees pictures; it takes no {one.kind}", param=one.param)
            with self.blobs.open(one.blob) as file:
                image = open_picture(file, one.param, self.limits)
            image = opaque(image if one.max_pixels is None else shrunk(image, one.max_pixels))
            pixels += image.width * image.height
            if pixels > 2 * self.limits.pixels:
                message = f"the pictures of this request have more than {2 * self.limits.pixels} pixels together"
                raise InvalidValue(message, param=one.param)
            found.append(image)
        return found


class VisionPrompts(Prompts):
    """The prompts of a model that sees."""

    def __init__(
        self,
        tokenizer: Any,
        context: int,
        vocabulary: int,
        formats: Formats,
        *,
        reader: Reader,
        gallery: Gallery,
        eyes: Eyes,
    ) -> None:
        super().__init__(tokenizer, context, vocabulary, formats)
        self._reader, self._gallery, self._eyes = reader, gallery, eyes
        self._in_parts = _IN_PARTS.search(template_text(tokenizer)) is not None

    def _read(self, request: ChatRequest | RenderRequest, tools: Sequence[Tool], *, answer: bool) -> Prompt:
        media = [media for message in request.messages for media in message.media]
        text = self._rendered(request, tools, answer=answer)
        if not media:
            return Prompt(text, self.encode(text, special=False))
        self._check_markers(request)
        found = self._reader.read(text, self._gallery.open(media))
        shown = Pictures(found.tokens, found.parts, found.positions, self._eyes, self.vocabulary)
        return Prompt(found.text, found.tokens, shown)

    def _check_markers(self, request: ChatRequest | RenderRequest) -> None:
        for index, message in enumerate(request.messages):
            for marker in self._reader.markers:
                if marker in message.content:
                    said = (
                        f"'{marker}' stands for a picture in this model's prompts; text beside pictures cannot hold it"
                    )
                    raise InvalidValue(said, param=f"messages[{index}].content")

    def _turns(self, turns: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [self._turn(turn) for turn in turns]

    def _turn(self, turn: dict[str, Any]) -> dict[str, Any]:
        parts = list(_parts(turn["content"], turn.get("media", ())))
        content: Any = parts if self._in_parts else "".join(part.get("text", self._reader.marker) for part in parts)
        return {name: value for name, value in turn.items() if name != "media"} | {"content": content}


def _parts(text: str, media: Sequence[Media]) -> Iterator[dict[str, str]]:
    done = 0
    for one in media:
        if one.at > done:
            yield {"type": "text", "text": text[done : one.at]}
        yield {"type": one.kind}
        done = one.at
    if done < len(text) or not media:  # templates look at the first part, so there is one
        yield {"type": "text", "text": text[done:]}
