"""What clients of Anthropic's API are told beside answers: errors in its envelope, and a stream's signs of life."""

from __future__ import annotations

from flask import Flask, Response, g, request

from tasks.values.errors import Failure
from web.http import request_ids
from web.http.errors import ANSWERS, Dialect
from web.http.wire import sse

PATH = "/v1/messages"
VERSION = "anthropic-version"  # the header that its clients send
_MODELS = "/v1/models"
_REQUEST_ID = "request-id"  # where its SDKs look for it
_STATUSES = {"queue_full": 529, "too_many_calls": 529, "overloaded": 529}  # others are as with OpenAI
_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_TOO_LONG = "prompt is too long: "  # by which agents know that they have to make it shorter


def status(failure: Failure) -> int:
    """The HTTP status of a failure."""
    return _STATUSES.get(failure.code, ANSWERS[failure.code].status)


def type_of(code: int) -> str:
    """Anthropic's type of the errors of a status."""
    return _TYPES.get(code, "invalid_request_error" if code < 500 else "api_error")


def error(failure: Failure, request_id: str) -> dict[str, object]:
    """A failure as every body and stream shows it; its field, for which there is no place, stands in the message."""
    message = failure.message
    if failure.param is not None and failure.param not in message:
        message = f"{failure.param}: {message}"
    if failure.code == "context_length_exceeded":
        message = _TOO_LONG + message
    detail = {"type": type_of(status(failure)), "message": message}
    return {"type": "error", "error": detail, "request_id": request_id}


ANTHROPIC = Dialect(status, error, keep_alive=sse.data({"type": "ping"}), done=b"")


def is_asked() -> bool:
    """Whether the current request is one of Anthropic's API."""
    path = request.path
    if path == _MODELS or path.startswith(f"{_MODELS}/"):
        return VERSION in request.headers
    return path == PATH or path.startswith(f"{PATH}/")


def register(app: Flask) -> None:
    """Answer requests of Anthropic's API as that does, whatever becomes of them."""

    @app.before_request
    def listen() -> None:
        if is_asked():
            g.dialect = ANTHROPIC

    @app.after_request
    def identify(response: Response) -> Response:
        if g.get("dialect") is ANTHROPIC:
            response.headers[_REQUEST_ID] = request_ids.current()
        return response
