"""What a conversation is made of: messages with media and calls of tools."""

from __future__ import annotations

from typing import Literal

import msgspec

from tasks.values.blob_ref import BlobRef


class Media(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something to look at, listen to or read in a turn, behind the first `at` characters of the turn's text.

    An image, or a page of a file, is shrunk to `max_pixels`, if that is given. What is said of a file, its `title`,
    stands before its text or pages. `param` is the request's field that holds it, for errors.
    """

    kind: Literal["image", "audio", "video", "file"]
    blob: BlobRef
    at: int
    param: str
    max_pixels: int | None = None
    title: str = ""


class ToolCall(msgspec.Struct, frozen=True):
    """A call of a tool that an assistant's turn holds; `arguments` are a JSON text."""

    id: str
    name: str
    arguments: str


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One turn of a conversation, its text parts already joined; `media` stand in the order of their places.

    `call_id` says which call a tool's turn answers; `reasoning` is what an assistant thought before its turn.
    """

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    name: str | None = None
    calls: tuple[ToolCall, ...] = ()
    call_id: str | None = None
    reasoning: str = ""
    media: tuple[Media, ...] = ()
