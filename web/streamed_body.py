"""A body that is written while its job is made, as audio is: nothing in it may tell of anything else.

Its status is that of the first bytes, so what goes wrong before them is told as anywhere else. What goes wrong later
breaks the connection off, which a client takes for what it is: the body is not complete.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack

from flask import Response, request

from tasks.redis.stream_entries import StreamEntry
from tasks.values import events
from tasks.values.errors import JobError
from tasks.values.job import Job
from web.http.errors import respond as refuse
from web.http.wire.disconnect import ClientGone
from web.render.failure import failure
from web.render.text.chunks import StreamedBody
from web.waiting import EventInbox


class BrokenOff(ConnectionError):
    """The job ended in an error after its body had begun."""


def respond(
    job: Job,
    body: StreamedBody,
    followed: AbstractContextManager[None],
    arrivals: Iterator[list[StreamEntry]],
    inbox: EventInbox,
) -> Response:
    """Answer with the bytes that a job's events become, once there are any, or with why there are none."""
    stack = ExitStack()
    stack.enter_context(followed)
    try:
        begin, ended = b"", None
        for arrived in arrivals:
            several = [entry[1] for entry in arrived]
            begin += body.of(several)
            ended = several[-1] if several and isinstance(several[-1], events.TERMINAL) else None
            if begin or ended is not None:
                break
    except BaseException:
        stack.close()
        raise
    if isinstance(ended, events.UNSUCCESSFUL):
        stack.close()
        return refuse(failure(job, ended))
    inbox.leave_to(request.environ)
    pieces = iter([begin]) if ended is not None else _pieces(begin, body, arrivals)
    response = Response(pieces, content_type=body.content_type, headers={"X-Accel-Buffering": "no"})
    response.call_on_close(stack.close)
    return response


def _pieces(begin: bytes, body: StreamedBody, arrivals: Iterator[list[StreamEntry]]) -> Iterator[bytes]:
    """What is there; b"" lets the thread go until there is more, so it is not said where events add nothing."""
    yield begin
    try:
        for arrived in arrivals:
            several = [entry[1] for entry in arrived]
            if several and isinstance(several[-1], events.UNSUCCESSFUL):
                raise BrokenOff("the job did not succeed")
            if not several:
                yield b""
            elif added := body.of(several):
                yield added
    except ClientGone:
        return
    except JobError as error:
        raise BrokenOff(error.failure.message) from error
