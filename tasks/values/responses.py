"""What a response keeps of its request: what it shows of it again, and what a later response goes on from."""

from __future__ import annotations

from typing import Any

import msgspec

from tasks.values.blob_ref import BlobRef
from tasks.values.messages import Message

PREFIX = "resp_"


class Asked(msgspec.Struct, frozen=True, omit_defaults=True):
    """A request for a response: what the response `shows` of its fields, its input `items`, and the turns they make.

    The turns are its own, without the instructions and what `previous` responses said.
    """

    shows: dict[str, Any]
    items: tuple[dict[str, Any], ...] = ()
    turns: tuple[Message, ...] = ()
    previous: str | None = None


class Response(msgspec.Struct, frozen=True, omit_defaults=True):
    """What rendering a response needs to know: its request, or the blob that it is kept in when it is not small.

    One that is `stored` can be read again. `summarised` thinking is told as a summary, and with `sealed` also as
    something to send back.
    """

    asked: Asked | None = None
    blob: BlobRef | None = None
    stored: bool = False
    background: bool = False
    summarised: bool = False
    sealed: bool = False
    conversation: str | None = None  # where input and output become items


_decoder = msgspec.json.Decoder(Asked)


def encode(asked: Asked) -> bytes:
    """A request as it is kept."""
    return msgspec.json.encode(asked)


def decode(data: bytes) -> Asked:
    """The request in these bytes."""
    return _decoder.decode(data)


def id_of(job_id: str) -> str:
    """A job's id as its response has it."""
    return PREFIX + job_id.removeprefix("job_")


def job_of(response_id: str) -> str:
    """The id of a response's job; an id of another form is not a job's either."""
    return "job_" + response_id.removeprefix(PREFIX) if response_id.startswith(PREFIX) else ""
