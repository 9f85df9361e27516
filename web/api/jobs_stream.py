"""`GET /v1/jobs/stream`: a websocket on which a client follows any number of jobs and batches.

It reads at its client's pace and keeps no event, so a client that is slow costs no memory; one that takes nothing for
ten seconds is let go, and goes on later after the last event id that it has seen.
"""

from __future__ import annotations

import functools
import socket
import threading
import time
from collections.abc import Sized
from typing import Any

import msgspec
import structlog
from flask import Blueprint, Response, g, request
from flask.blueprints import BlueprintSetupState
from flask_sock import Sock
from marshmallow import ValidationError
from simple_websocket import ConnectionClosed, Server
from wsproto.events import RejectConnection
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from schemas.fields import checked
from schemas.jobs import JobsStreamMessageSchema
from tasks.batches import PREFIX, State
from tasks.redis.scripts import AWAY
from tasks.values.errors import Failure, InvalidValue, JobError, NotFound
from tasks.watch import BatchWatch, Over, Sight, Told, Watch
from web.gateway import Gateway, gateway
from web.http import auth
from web.http.errors import InvalidJson, TooManySockets, UpgradeRequired, envelope, respond, validation
from web.openapi.operation import operation
from web.render import batch as render

PATH = "/v1/jobs/stream"
MOST = 256  # jobs and batches that one socket follows
_IDLE, _PACE = 1.0, 0.1  # seconds to wait for a message, or for events
_AT_ONCE = 64  # messages that are answered before events are looked for, and that wait to be
_STALL = 10.0  # seconds a client has to take a message
_PING = 25  # seconds
_LARGEST = 64 * 1024  # bytes of a message
blueprint = Blueprint("jobs_stream", __name__)
sock = Sock()
log = structlog.get_logger()


class _Connection:
    """The client's socket as simple-websocket uses it from two threads: whole frames, and an end to all waiting."""

    def __init__(self, inner: socket.socket) -> None:
        self._inner, self._sending = inner, threading.Lock()
        self.unanswered: Sized = ()
        inner.settimeout(_STALL)

    def fileno(self) -> int:
        return self._inner.fileno()

    def recv(self, size: int) -> bytes:
        while len(self.unanswered) > _AT_ONCE and self.fileno() >= 0:  # whoever says more than we answer is not read
            time.sleep(_PACE)
        return self._inner.recv(size)

    def send(self, data: bytes) -> int:
        with self._sending:
            try:
                self._inner.sendall(data)
            except OSError:
                self.close()  # part of a frame may be out: nothing can follow
                raise
        return len(data)

    def close(self) -> None:
        self._inner.close()


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
        if not self._ws.thread.is_alive():
            raise ConnectionClosed(message="nobody reads this socket any more")
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
            said = _read(message)
            about = said["id"] if isinstance(said.get("id"), str) else None
            asked = _checked(said)
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
            raise InvalidValue("a batch is told as it stands, not after an event; leave 'after' out", param="after")
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

    def _show(self, batch_id: str, state: State | None) -> None:
        if state is None:
            self._refuse(batch_id, Failure(NotFound.code, f"batch '{batch_id}' is gone"))
            return
        self._say({"type": "event", "id": batch_id, "event": render.body(state)})
        if state.status.terminal:
            self._say({"type": "end", "id": batch_id, "status": state.status})

    def _refuse(self, about: str | None, failure: Failure) -> None:
        self._say({"type": "error", "id": about, "error": envelope(failure)})

    def _say(self, message: dict[str, Any]) -> None:
        try:
            self._ws.send(msgspec.json.encode(message).decode())
        except (OSError, LocalProtocolError) as error:  # it is gone, or has said that it goes
            log.info("a websocket's client takes nothing more and is let go", error=str(error))
            raise ConnectionClosed(message=f"the client takes nothing more: {error}") from None


def _read(message: str | bytes) -> dict[str, Any]:
    if isinstance(message, bytes):
        raise InvalidJson("send text, not bytes")
    try:
        value = msgspec.json.decode(message)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidJson(f"the message is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidJson("the message must be a JSON object")
    return value


def _checked(said: dict[str, Any]) -> dict[str, Any]:
    try:
        return checked(JobsStreamMessageSchema, said, strict=True).data
    except ValidationError as error:
        raise validation(error) from None


@blueprint.record_once
def configure(state: BlueprintSetupState) -> None:
    """What every socket of the application is like."""
    state.app.config["SOCK_SERVER_OPTIONS"] = {
        "ping_interval": _PING,
        "max_message_size": _LARGEST,
        "thread_class": functools.partial(threading.Thread, daemon=True),
    }


@blueprint.before_request
def reserve() -> None:
    """Count a socket before it is one; refused as any call is."""
    if request.url_rule is None or not request.url_rule.websocket:
        return
    if not gateway().sockets.acquire(blocking=False):
        raise TooManySockets("too many websockets are open here", retry_after=5)
    g.socket_of = gateway().sockets
    request.environ["gunicorn.socket"] = _Connection(request.environ["gunicorn.socket"])


@blueprint.teardown_request
def give_back(_: BaseException | None) -> None:
    """The socket is closed, or never was one."""
    if "socket_of" in g:
        g.pop("socket_of").release()


@blueprint.errorhandler(RemoteProtocolError)
def no_handshake(error: RemoteProtocolError) -> Response:
    """What a client gets whose handshake is not one, or is of a version that nobody here speaks."""
    old = isinstance(error.event_hint, RejectConnection) and error.event_hint.status_code == 426
    code = UpgradeRequired.code if old else "invalid_request"
    response = respond(Failure(code, f"this is not the handshake of a websocket (RFC 6455): {error}"))
    response.headers["Sec-WebSocket-Version"] = "13"
    return response


@blueprint.get(PATH)
@operation(
    "openJobsStream",
    status=101,
    errors=frozenset({426, 429}),
    about="A websocket: a client says `JobsStreamMessage`s and is told `JobsStreamAnswer`s, each of them as JSON text.",
)
def plain() -> Response:
    """Follow jobs and batches on a websocket; whoever speaks plain HTTP here is told so."""
    raise UpgradeRequired("this is a websocket: connect with ws:// or wss://")


@sock.route(PATH, bp=blueprint)
def stream(ws: Server) -> None:
    """Follow jobs and batches until the client leaves."""
    request.environ["gunicorn.socket"].unanswered = ws.input_buffer
    began = time.monotonic()
    try:
        _Session(ws, gateway(), auth.current()).run()
    except ConnectionClosed:
        raise
    except Exception:
        log.exception("a websocket failed")
        ws.close(1011, "something went wrong here; the log of the server says what")
    finally:
        log.info("websocket closed", path=PATH, seconds=time.monotonic() - began)
