"""What every websocket goes through: a place among those that may be open, whole frames, messages of JSON, an end."""

from __future__ import annotations

import functools
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import structlog
from flask import Blueprint, Response, g, request
from flask.blueprints import BlueprintSetupState
from simple_websocket import ConnectionClosed, Server
from wsproto.events import RejectConnection
from wsproto.utilities import LocalProtocolError, RemoteProtocolError

from tasks.values.errors import Failure
from web.gateway import gateway
from web.http.errors import InvalidJson, TooManySockets, UpgradeRequired, respond

_STALL = 10.0  # seconds a client has to take a message
_PACE = 0.1  # seconds between looks at a client that is ahead of us
_PING = 25  # seconds
log = structlog.get_logger()


class Connection:
    """The client's socket as simple-websocket uses it from two threads: whole frames, and an end to all waiting.

    Nothing is read before `open`: simple-websocket's thread reads as soon as it is made, when the limits of this socket
    are not yet its own. A client that is `ahead`, with more messages than are being answered, is not read either.
    """

    def __init__(self, inner: socket.socket) -> None:
        self._inner, self._sending, self._opened = inner, threading.Lock(), threading.Event()
        self._ahead: Callable[[], bool] = lambda: False
        inner.settimeout(_STALL)

    def open(self, ahead: Callable[[], bool]) -> None:
        """Read what the client sends from now on, as long as it is not `ahead`."""
        self._ahead = ahead
        self._opened.set()

    def fileno(self) -> int:
        return self._inner.fileno()

    def recv(self, size: int) -> bytes:
        self._opened.wait()
        while self._ahead() and self.fileno() >= 0:
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
        self._opened.set()


def serve(ws: Server, largest: int, ahead: Callable[[], bool], run: Callable[[], object]) -> None:
    """Run until the client leaves, which raises ConnectionClosed; a message has at most `largest` bytes."""
    ws.max_message_size = largest
    ws.sock.open(ahead)
    request.environ.pop("gunicorn.socket")  # the websocket's thread alone reads it from now on
    began = time.monotonic()
    try:
        run()
    except ConnectionClosed:
        raise
    except Exception:
        log.exception("a websocket failed")
        ws.close(1011, "something went wrong here; the log of the server says what")
    finally:
        log.info("websocket closed", path=request.path, seconds=time.monotonic() - began)


def check(ws: Server) -> None:
    """Raise ConnectionClosed when the thread that reads a socket has ended."""
    if not ws.thread.is_alive():
        raise ConnectionClosed(message="nobody reads this socket any more")


def read(message: str | bytes) -> dict[str, Any]:
    """The JSON object that a message is; raises InvalidJson."""
    if isinstance(message, bytes):
        raise InvalidJson("send text, not bytes")
    try:
        value = msgspec.json.decode(message)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InvalidJson(f"the message is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidJson("the message must be a JSON object")
    return value


def say(ws: Server, message: Mapping[str, Any]) -> None:
    """Send a message; raises ConnectionClosed when the client takes nothing more."""
    try:
        ws.send(msgspec.json.encode(message).decode())
    except (OSError, LocalProtocolError) as error:  # it is gone, or has said that it goes
        log.info("a websocket's client takes nothing more and is let go", error=str(error))
        raise ConnectionClosed(message=f"the client takes nothing more: {error}") from None


def upgrade_required() -> Response:
    """Refuse plain HTTP where a websocket is: raises UpgradeRequired."""
    raise UpgradeRequired("this is a websocket: connect with ws:// or wss://")


def register(blueprint: Blueprint) -> None:
    """Have a blueprint's websockets counted, and bad handshakes told."""
    blueprint.record_once(_configure)
    blueprint.before_request(_reserve)
    blueprint.teardown_request(_give_back)
    blueprint.register_error_handler(RemoteProtocolError, _no_handshake)


def _configure(state: BlueprintSetupState) -> None:
    state.app.config["SOCK_SERVER_OPTIONS"] = {
        "ping_interval": _PING,
        "thread_class": functools.partial(threading.Thread, daemon=True),
    }


def _reserve() -> None:
    """Count a socket before it is one; refused as any call is."""
    if request.url_rule is None or not request.url_rule.websocket:
        return
    if not gateway().sockets.acquire(blocking=False):
        raise TooManySockets("too many websockets are open here", retry_after=5)
    g.socket_of = gateway().sockets
    g.socket = request.environ["gunicorn.socket"] = Connection(request.environ["gunicorn.socket"])


def _give_back(_: BaseException | None) -> None:
    """The socket is closed, or never was one."""
    if "socket_of" in g:
        g.pop("socket").open(ahead=lambda: False)  # where nobody served it, its thread waits still
        g.pop("socket_of").release()


def _no_handshake(error: RemoteProtocolError) -> Response:
    """What a client gets whose handshake is not one, or is of a version that nobody here speaks."""
    old = isinstance(error.event_hint, RejectConnection) and error.event_hint.status_code == 426
    code = UpgradeRequired.code if old else "invalid_request"
    response = respond(Failure(code, f"this is not the handshake of a websocket (RFC 6455): {error}"))
    response.headers["Sec-WebSocket-Version"] = "13"
    return response
