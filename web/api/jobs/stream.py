"""`GET /v1/jobs/stream`: a websocket on which a client follows any number of jobs and batches.

It reads at its client's pace and keeps no event, so a client that is slow costs no memory; one that takes nothing for
ten seconds is let go, and goes on later after the last event id that it has seen.
"""

from __future__ import annotations

import time
from typing import Any

import structlog
from flask import Blueprint, Response
from flask_sock import Sock
from marshmallow import ValidationError
from simple_websocket import Server

from schemas.fields import checked
from schemas.jobs.jobs import JobsStreamMessageSchema
from tasks.batches.batches import PREFIX, BatchState
from tasks.redis.scripts import AWAY
from tasks.streaming.watch import BatchWatch, Over, Sight, Told, Watch
from tasks.values.errors import Failure, InvalidValue, JobError, NotFound
from web.gateway import Gateway, gateway
from web.http.access import auth
from web.http.errors import envelope, validation
from web.http.wire import sockets
from web.openapi.operation import operation
from web.render.jobs import batch as render

PATH = "/v1/jobs/stream"
MOST = 256  # jobs and batches that one socket follows
_IDLE, _PACE = 1.0, 0.1  # seconds to wait for a message, or for events
_AT_ONCE = 64  # messages that are answered before events are looked for, and that wait to be
_LARGEST = 64 * 1024  # bytes of a message
blueprint = Blueprint("jobs_stream", __name__)
sockets.register(blueprint)
sock = Sock()
log = structlog.get_logger()


class _Session:
    """One socket: what its client follows, and what both say."""

    def __init__(self, ws: Server, gateway_: Gateway, owner: str) -> None:
        self._ws, self._gateway, self._owner = ws, gateway_, owner
        self._watch, self._batches = Watch(gateway_.store), BatchWatch(gateway_.batches)

    def run(self) -> None:
        """Until the client leaves: raises ConnectionClosed."""
        while True:
            self._hear()
            try:
                for sight in self._watch.read(_PACE):
                    self._tell(sight)
                for batch_id, state in self._batches.read():
                    self._show(batch_id, state)
            except AWAY as error:  # it comes back, and nothing was missed
                log.warning("a websocket waits for the queue", error=str(error))
                time.sleep(_IDLE)

    def _hear(self) -> None:
        sockets.check(self._ws)
        wait = 0.0 if len(self._watch) else _PACE if len(self._batches) else _IDLE
        for _ in range(_AT_ONCE):
            message = self._ws.receive(timeout=wait)
            if message is None:
                return
            self._answer(message)
            wait = 0.0

    def _answer(self, message: str | bytes) -> None:
        about: str | None = None
        try:
            request = sockets.read(message)
            about = request["id"] if isinstance(request.get("id"), str) else None
            asked = _checked(request)
            if asked["type"] == "ping":
                self._say({"type": "pong"})
            elif asked["type"] == "subscribe":
                self._subscribe(asked["id"], asked.get("after"))
            else:
                self._watch.drop(asked["id"])
                self._batches.drop(asked["id"])
                self._say({"type": "unsubscribed", "id": asked["id"]})
        except JobError as error:
            self._refuse(about, error.failure)

    def _subscribe(self, subject: str, after: str | None) -> None:
        auth.identify()  # a socket may be open for days, and its key be revoked
        known = subject in self._watch or subject in self._batches
        if not known and len(self._watch) + len(self._batches) >= MOST:
            raise InvalidValue(f"one socket follows at most {MOST} jobs and batches; unsubscribe from some", param="id")
        if not subject.startswith(PREFIX):
            record = self._gateway.store.get(subject, self._owner)
            self._say({"type": "subscribed", "id": subject, "status": record.status})
            self._watch.add(subject, after or "0")
            return
        if after is not None:
            raise InvalidValue("a batch is shown as it stands, not after an event; leave 'after' out", param="after")
        state = self._gateway.batches.get(subject, self._owner)
        self._say({"type": "subscribed", "id": subject, "status": state.status})
        self._batches.add(subject)

    def _tell(self, sight: Sight) -> None:
        if isinstance(sight, Told):
            self._say({"type": "event", "id": sight.job_id, "event_id": sight.entry_id, "event": sight.event})
        elif isinstance(sight, Over) and sight.status is not None:
            self._say({"type": "end", "id": sight.job_id, "status": sight.status})
        else:
            self._refuse(sight.job_id, Failure(NotFound.code, f"job '{sight.job_id}' is gone"))

    def _show(self, batch_id: str, state: BatchState | None) -> None:
        if state is None:
            self._refuse(batch_id, Failure(NotFound.code, f"batch '{batch_id}' is gone"))
            return
        self._say({"type": "event", "id": batch_id, "event": render.body(state)})
        if state.status.terminal:
            self._say({"type": "end", "id": batch_id, "status": state.status})

    def _refuse(self, about: str | None, failure: Failure) -> None:
        self._say({"type": "error", "id": about, "error": envelope(failure)})

    def _say(self, message: dict[str, Any]) -> None:
        sockets.say(self._ws, message)


def _checked(command: dict[str, Any]) -> dict[str, Any]:
    try:
        return checked(JobsStreamMessageSchema, command, strict=True).data
    except ValidationError as error:
        raise validation(error) from None


@blueprint.get(PATH)
@operation(
    "openJobsStream",
    status=101,
    errors=frozenset({426, 429}),
    about="A websocket: a client sends `JobsStreamMessage`s and gets `JobsStreamAnswer`s, each of them as JSON text.",
)
def plain() -> Response:
    """Follow jobs and batches on a websocket; plain HTTP is answered with an error that says so."""
    return sockets.upgrade_required()


@sock.route(PATH, bp=blueprint)
def stream(ws: Server) -> None:
    """Follow jobs and batches until the client leaves."""
    session = _Session(ws, gateway(), auth.current())
    sockets.serve(ws, _LARGEST, lambda: len(ws.input_buffer) > _AT_ONCE, session.run)
