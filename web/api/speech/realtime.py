"""`GET /v1/realtime`: a websocket on which a client sends speech and is told its text, as OpenAI's Realtime API has it.

Of that API it is the sessions of transcription. Each utterance is a call of `/v1/audio/transcriptions`.
"""

from __future__ import annotations

from flask import Blueprint, Response, g, request
from flask_sock import Sock
from simple_websocket import Server

from tasks.values.errors import InvalidValue
from web.api.speech.transcriptions import ENDPOINT
from web.availability import model_lookup
from web.gateway import gateway
from web.http.wire import sockets
from web.openapi.operation import operation
from web.realtime.session import Session

PATH = "/v1/realtime"
_LARGEST = 1 << 20  # bytes of a message: 16 seconds of 24 kHz
_AT_ONCE = 4  # messages that wait to be answered
blueprint = Blueprint("realtime", __name__)


@blueprint.before_request
def check_query() -> None:
    """Reject, before there is a socket, sessions other than transcriptions and models that cannot listen."""
    if request.url_rule is None or not request.url_rule.websocket:
        return
    if request.args.get("intent", "transcription") != "transcription":
        raise InvalidValue("'intent' must be 'transcription': nobody here answers by voice", param="intent")
    g.realtime_model = None
    if "model" in request.args:
        named = model_lookup.named(gateway(), ENDPOINT, {"model": request.args["model"]})
        g.realtime_model = model_lookup.model(gateway(), named["model"], ENDPOINT).name


sockets.register(blueprint)
sock = Sock()


@blueprint.get(PATH)
@operation(
    "openRealtime",
    status=101,
    errors=frozenset({400, 404, 426, 429}),
    about="A websocket with the events of OpenAI's Realtime API, in its sessions of transcription.",
)
def plain() -> Response:
    """Write down speech while it is spoken, on a websocket; plain HTTP is answered with an error that says so."""
    return sockets.upgrade_required()


@sock.route(PATH, bp=blueprint)
def stream(ws: Server) -> None:
    """Write down what the client says until it leaves."""
    session = Session(ws, gateway(), g.realtime_model)
    sockets.serve(ws, _LARGEST, lambda: len(ws.input_buffer) > _AT_ONCE, session.run)
