"""`GET /v1/responses`: a websocket on which a client has any number of responses made, one after the other.

A response goes on from an earlier one of the same connection also where that was not stored.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import msgspec
from flask import Blueprint, Response
from flask_sock import Sock
from marshmallow import ValidationError
from simple_websocket import ConnectionClosed, Server

from schemas.fields import checked
from schemas.responses.responses import ResponsesMessageSchema
from tasks.redis.stream_entries import StreamEntry
from tasks.streaming.event_reader import Inbox
from tasks.streaming.followers import Ends
from tasks.values import events
from tasks.values import responses as values
from tasks.values.errors import Failure, InvalidValue, JobError
from tasks.values.job import Job
from web import calls, identity, intake
from web.api.responses.responses import ENDPOINT
from web.gateway import gateway
from web.http.access import auth, quota
from web.http.errors import ANSWERS, InvalidJson, envelope, validation
from web.http.prefer import Preference
from web.http.wire import sockets
from web.http.wire.disconnect import ClientGone, Probe
from web.identity import Caller
from web.openapi.operation import operation
from web.render.failure import failure
from web.render.responses import body as render
from web.render.responses.stream import Stream
from web.stored import responses
from web.waiting import end, entries, following

PATH = ENDPOINT.path
REMEMBERED = 256  # responses of a connection that were not stored, the newest
_IDLE = 1.0  # seconds to wait for a message before looking whether anybody still reads
_OWN = ("type", "stream_id", "generate")  # fields of a message that are none of a response
blueprint = Blueprint("responses_socket", __name__)
sockets.register(blueprint)
sock = Sock()


class _Client(Probe):
    """Whether a websocket's client is still there; its socket is read, and closed, by the websocket's thread."""

    def __init__(self, ws: Server) -> None:
        self.connection, self._ws = ws.sock, ws

    def __call__(self) -> bool:
        return not self._ws.connected


class _Prepared(NamedTuple):
    """A response that was read and not answered, and what was asked for it."""

    response_id: str
    asked: Mapping[str, Any]


class _Session:
    """One connection: the responses that were made on it, and what both say."""

    def __init__(self, ws: Server, most: int) -> None:
        """`most` is how many bytes of messages may wait."""
        self._ws, self._client, self._most = ws, _Client(ws), most
        self._unstored: tuple[str, ...] = ()
        self._prepared: _Prepared | None = None
        self._stream_id: str | None = None

    def run(self) -> None:
        """Until the client leaves: raises ConnectionClosed."""
        while True:
            sockets.check(self._ws)
            message = self._ws.receive(timeout=_IDLE)
            if message is not None:
                self._answer(message)

    def ahead(self) -> bool:
        """Whether more messages wait than may."""
        return sum(map(len, self._ws.input_buffer)) > self._most

    def _answer(self, message: str | bytes) -> None:
        self._stream_id = None
        try:
            auth.identify()  # a socket may be open for days, and its key be revoked
            sent = _read(message)
            options = _checked({name: sent[name] for name in _OWN if name in sent})
            self._stream_id = options.get("stream_id")
            raw = {name: value for name, value in sent.items() if name not in _OWN}
            with quota.admitted():
                if options.get("generate", True):
                    self._create(raw)
                else:
                    self._prepare(raw)
        except ClientGone:
            raise ConnectionClosed(message="the client is gone") from None
        except JobError as error:
            self._refuse(error.failure)

    def _create(self, raw: Mapping[str, Any]) -> None:
        caller, inbox = self._caller(), Inbox()
        taken = self._taken(caller, raw)
        job, left, _ = calls.submit(caller, ENDPOINT, taken, Preference(), inbox, {})
        with following(caller.gateway, job.id, counted=True):
            self._tell_all(caller, job, entries(caller.gateway, job, self._client, left, inbox))
        if not taken.data.get("store", True):
            self._unstored = (*self._unstored, values.id_of(job.id))[-REMEMBERED:]

    def _tell_all(self, caller: Caller, job: Job, arrivals: Iterator[list[StreamEntry]]) -> None:
        first = calls.first(arrivals)
        if first and isinstance(first[0], events.UNSUCCESSFUL):
            self._refuse(failure(job, first[0]))
            return
        stream = Stream(job, responses.asked(caller.gateway, job))
        for event in (*stream.opening(), *stream.of(first)):
            self._tell(event)
        for arrived in arrivals:
            for event in stream.of([entry[1] for entry in arrived]):
                self._tell(event)

    def _prepare(self, raw: Mapping[str, Any]) -> None:
        """Have the model read what it is to answer later: its one token is for nobody, and the prompt stays cached."""
        if "conversation" in raw:
            raise InvalidValue("'conversation' is not read ahead; leave it or 'generate' out", param="conversation")
        caller, inbox = self._caller(), Ends()
        taken = self._taken(caller, raw)
        least = {name: value for name, value in taken.data.items() if name != "min_tokens"}
        least |= {"max_output_tokens": 1, "store": False}
        job, left, _ = calls.submit(caller, ENDPOINT, taken._replace(data=least), Preference(), inbox, {})
        with following(caller.gateway, job.id, counted=True):
            ended = end(caller.gateway, job, self._client, left, inbox)
        if isinstance(ended, events.UNSUCCESSFUL):
            self._refuse(failure(job, ended))
        elif isinstance(ended, events.Done):
            asked = msgspec.structs.replace(responses.asked(caller.gateway, job), shows=render.shows(taken.data))
            self._prepared = _Prepared(values.id_of(job.id), self._expanded(raw))
            begun, completed = render.head(job, asked, "in_progress"), render.read(job, asked, ended)
            for number, (kind, response) in enumerate(
                (("created", begun), ("in_progress", begun), ("completed", completed))
            ):
                self._tell({"type": f"response.{kind}", "response": response, "sequence_number": number})

    def _caller(self) -> Caller:
        return replace(identity.current(), unstored=frozenset(self._unstored))

    def _taken(self, caller: Caller, raw: Mapping[str, Any]) -> intake.Intake:
        taken = intake.check(caller, ENDPOINT, {"stream": True, **self._expanded(raw)})
        if taken.data.get("stream") is False:
            raise InvalidValue("'stream' is always true on a websocket; leave it out", param="stream")
        if taken.data.get("background"):
            raise InvalidValue("'background' is for POST; a websocket tells what is made now", param="background")
        return taken

    def _expanded(self, raw: Mapping[str, Any]) -> Mapping[str, Any]:
        """The same request, with what it goes on from in its place where that was prepared here."""
        if self._prepared is None or raw.get("previous_response_id") != self._prepared.response_id:
            return raw
        before, request = self._prepared.asked, {**raw}
        del request["previous_response_id"]
        if "previous_response_id" in before:
            request["previous_response_id"] = before["previous_response_id"]
        return {**request, "input": [*_items(before.get("input")), *_items(raw.get("input"))]}

    def _tell(self, event: Any) -> None:
        if event["type"] == "error":
            self._refuse(Failure(event["code"], event["message"], event["param"]))
        else:
            self._say(event)

    def _refuse(self, failure: Failure) -> None:
        again = {} if failure.retry_after is None else {"headers": {"Retry-After": str(failure.retry_after)}}
        error = {**envelope(failure), **again}
        self._say({"type": "error", "status": ANSWERS[failure.code].status, "error": error})

    def _say(self, message: Mapping[str, Any]) -> None:
        lane = {} if self._stream_id is None else {"stream_id": self._stream_id}
        sockets.say(self._ws, {**message, **lane})


def _items(sent: Any) -> list[Any]:
    """An input as items; anything else is left to the check."""
    if sent is None:
        return []
    return sent if isinstance(sent, list) else [{"role": "user", "content": sent}]


def _read(message: str | bytes) -> Mapping[str, Any]:
    if isinstance(message, bytes):
        raise InvalidJson("send text, not bytes")
    return intake.decoded(message.encode())


def _checked(options: dict[str, Any]) -> dict[str, Any]:
    try:
        return checked(ResponsesMessageSchema, options, strict=True).data
    except ValidationError as error:
        raise validation(error) from None


@blueprint.get(PATH)
@operation(
    "openResponsesSocket",
    status=101,
    errors=frozenset({426, 429}),
    about="A websocket: a client sends `ResponsesMessage`s, with the fields of `POST /v1/responses` beside their own, "
    "and receives the events of the responses, or an `error`, each of them as JSON text.",
)
def plain() -> Response:
    """Have responses made on a websocket; plain HTTP is answered with an error that says so."""
    return sockets.upgrade_required()


@sock.route(PATH, bp=blueprint)
def stream(ws: Server) -> None:
    """Have responses made, one after the other, until the client leaves."""
    largest = gateway().settings.max_body_bytes
    session = _Session(ws, largest)
    sockets.serve(ws, largest, session.ahead, session.run)
