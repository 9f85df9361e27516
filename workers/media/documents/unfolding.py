"""What a conversation's files hold, in their place: texts as texts, PDFs as their pages or as their text."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from tasks.stored.blobs import BlobStore
from tasks.values.errors import InvalidValue
from tasks.values.messages import Media, Message
from tasks.values.requests import ChatRequest, RenderRequest
from workers.media.documents import pdf
from workers.serving.check_deadline import ENDLESS, CheckDeadline
from workers.serving.request_budget import Budget

FILE_BYTES = 64 << 20  # of a file
TEXT_PAGES = 2000  # of a PDF whose text is taken
TEXT_CHARACTERS = 16 << 20  # of them
READ_BYTES = 512 << 20  # of texts that are read while their requests are checked
_CHARACTER_BYTES = 4
_BETWEEN = "\n\n"  # paragraphs
_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
Request = TypeVar("Request", ChatRequest, RenderRequest)


class Page(Media, frozen=True, omit_defaults=True):
    """A page of a PDF, which is drawn with the others when it is opened."""

    number: int = 0


@dataclass(frozen=True)
class Documents:
    """Where the files of conversations are, and how many bytes of them are read at a time."""

    blobs: BlobStore
    budget: Budget

    @contextmanager
    def unfolded(
        self, request: Request, *, pages: int, check: Callable[[str, str], None], deadline: CheckDeadline = ENDLESS
    ) -> Iterator[Request]:
        """The same request with what its files hold in their place, held in the budget until the block ends.

        A model that sees is shown PDFs as images, at most `pages` of them; others (0) get their text. `check` is
        given each text and the field that holds it. InvalidValue names the file that is refused; JobCancelled when
        nobody wants it any more.
        """
        files = [one for turn in request.messages for one in turn.media if one.kind == "file"]
        if not files:
            yield request
            return
        with self.budget.hold(sum(self._nbytes(one, pages) for one in files), deadline):
            reader = _Reader(self.blobs, pages, check, deadline)
            yield msgspec.structs.replace(request, messages=tuple(map(reader.message, request.messages)))

    def _nbytes(self, file: Media, pages: int) -> int:
        """Bytes that a file's text may take."""
        with self.blobs.open(file.blob) as content:
            if not pdf.is_pdf(content.read(pdf.HEAD)):
                return _CHARACTER_BYTES * min(file.blob.size, FILE_BYTES)
        return 0 if pages else _CHARACTER_BYTES * TEXT_CHARACTERS


@dataclass(frozen=True)
class _Reader:
    """Reads the files of one request."""

    blobs: BlobStore
    pages: int
    check: Callable[[str, str], None]
    deadline: CheckDeadline

    def message(self, message: Message) -> Message:
        """The same turn with what its files hold in their place, texts as paragraphs of their own."""
        if all(one.kind != "file" for one in message.media):
            return message
        text, media, done, apart = "", list[Media](), 0, False
        for one in message.media:
            text = _added(text, message.content[done : one.at], apart)
            apart, done = apart and one.at == done, one.at
            for part in self._parts(one):
                if isinstance(part, str):
                    text, apart = _added(text, part, text != ""), True
                else:
                    media.append(msgspec.structs.replace(part, at=len(text)))
        text = _added(text, message.content[done:], apart)
        return msgspec.structs.replace(message, content=text, media=tuple(media))

    def _parts(self, one: Media) -> Iterator[str | Media]:
        """What stands in a medium's place: itself, unless it is a file."""
        if one.kind != "file":
            yield one
            return
        self.deadline.look()
        if one.blob.size > FILE_BYTES:
            raise InvalidValue(f"the file is larger than {FILE_BYTES} bytes", param=one.param)
        with self.blobs.open(one.blob) as file:
            head = file.read(pdf.HEAD)
            file.seek(0)
            if not pdf.is_pdf(head):
                yield from self._read(one, file.read())
            elif self.pages:
                number = pdf.count(file, one.param, self.pages, self.deadline)
                if one.title:
                    yield one.title
                yield from (Page("image", one.blob, 0, one.param, one.max_pixels, number=at) for at in range(number))
            else:
                text = pdf.text(file, one.param, TEXT_PAGES, TEXT_CHARACTERS, self.deadline)
                if not text:
                    message = "the PDF holds no text, perhaps because it was scanned; a model that sees can read it"
                    raise InvalidValue(message, param=one.param)
                yield self._written(one, text)

    def _read(self, one: Media, content: bytes) -> Iterator[str | Media]:
        """A file that is not a PDF: a text, or an image if the model sees any."""
        text = _decoded(content)
        if text is None and self.pages:
            yield msgspec.structs.replace(one, kind="image")
        elif text is None:
            raise InvalidValue("the file is neither a PDF nor text in UTF-8, which this model reads", param=one.param)
        elif not text.strip():
            raise InvalidValue("the file is empty", param=one.param)
        else:
            yield self._written(one, text)

    def _written(self, one: Media, text: str) -> str:
        self.check(text, one.param)
        return f"{one.title}{_BETWEEN}{text}" if one.title else text


def _added(text: str, more: str, apart: bool) -> str:
    return f"{text}{_BETWEEN}{more}" if apart and more else text + more


def _decoded(content: bytes) -> str | None:
    """The text that a file holds; None when it is not a text."""
    encoding = next((name for mark, name in _MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text
