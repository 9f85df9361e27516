"""What a client is told when something is wrong: one envelope, with HTTP's status for each stable code."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import NamedTuple

import msgspec
import structlog
from flask import Flask, Response, g, has_app_context
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine, ParseException
from marshmallow import ValidationError
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge

from schemas import fields
from tasks.values.errors import Failure, InvalidValue, JobError, UnknownParameter, UnsupportedParameter
from web.http.wire import sse

_SHOWN = 200  # characters of what was sent
_NO_FILES = (errno.EMFILE, errno.ENFILE)
log = structlog.get_logger()


class Answer(NamedTuple):
    """How a code is told: HTTP status, OpenAI's error type, and whether the same call may do better later."""

    status: int
    type: str = "invalid_request_error"
    retry: bool = True


class InvalidJson(JobError):
    """The body is not JSON, or not an object."""

    code = "invalid_json"


class UnsupportedMediaType(JobError):
    """The body is of a type that the endpoint does not read."""

    code = "unsupported_media_type"


class RequestTooLarge(JobError):
    """The body is longer than its limit."""

    code = "request_too_large"


class RequestTimeout(JobError):
    """The request did not come in the time that a client has."""

    code = "request_timeout"


class HostNotAllowed(JobError):
    """The request's Host is not a name that this server answers to."""

    code = "host_not_allowed"


class OriginNotAllowed(JobError):
    """A page of somebody else's sent the request."""

    code = "origin_not_allowed"


class Unauthenticated(JobError):
    """No valid key came with the request."""

    code = "invalid_api_key"


class AdminKeyRequired(JobError):
    """What was asked touches others, and the admin key did not come with it."""

    code = "admin_key_required"


class RouteNotFound(JobError):
    """No endpoint has this path."""

    code = "unknown_url"


class UpgradeRequired(JobError):
    """This path speaks another protocol."""

    code = "upgrade_required"


class TooManySockets(JobError):
    """As many websockets are open as this server has threads for."""

    code = "too_many_sockets"


class TooManyCalls(JobError):
    """As many calls wait as this server has threads for, or as many large bodies are on their way."""

    code = "too_many_calls"


class Overloaded(JobError):
    """The process has no open files left to answer with."""

    code = "overloaded"


class WrongMethod(JobError):
    """The endpoint does not take this method."""

    code = "method_not_allowed"


ANSWERS = {
    "invalid_value": Answer(400),
    "unsupported_parameter": Answer(400),
    "unknown_parameter": Answer(400),
    "context_length_exceeded": Answer(400),
    "fetch_failed": Answer(400),
    "invalid_json": Answer(400),
    "invalid_request": Answer(400),
    "invalid_api_key": Answer(401, "authentication_error"),
    "admin_key_required": Answer(403, "permission_error"),
    "host_not_allowed": Answer(403),
    "origin_not_allowed": Answer(403),
    "model_not_found": Answer(404),
    "not_found": Answer(404),
    "unknown_url": Answer(404),
    "method_not_allowed": Answer(405),
    "request_timeout": Answer(408),
    "job_not_finished": Answer(409, retry=False),
    "job_conflict": Answer(409, retry=False),
    "job_cancelled": Answer(409, retry=False),
    "request_too_large": Answer(413),
    "uri_too_long": Answer(414),
    "unsupported_media_type": Answer(415),
    "range_not_satisfiable": Answer(416),
    "upgrade_required": Answer(426),
    "idempotency_key_reused": Answer(422),
    "queue_full": Answer(429, "rate_limit_error"),
    "too_many_calls": Answer(429, "rate_limit_error"),
    "too_many_sockets": Answer(429, "rate_limit_error"),
    "rate_limit_exceeded": Answer(429, "rate_limit_error"),
    "concurrency_limit_exceeded": Answer(429, "rate_limit_error"),
    "job_limit_exceeded": Answer(429, "rate_limit_error"),
    "headers_too_large": Answer(431),
    "poison": Answer(500, "server_error", retry=False),
    "engine_error": Answer(500, "server_error", retry=False),
    "internal_error": Answer(500, "server_error"),
    "model_unavailable": Answer(503, "server_error"),
    "queue_unavailable": Answer(503, "server_error"),
    "storage_full": Answer(503, "server_error"),
    "worker_lost": Answer(503, "server_error"),
    "web_lost": Answer(503, "server_error"),
    "unreadable_record": Answer(503, "server_error", retry=False),
    "overloaded": Answer(503, "server_error"),
    "deadline_exceeded": Answer(504, "server_error", retry=False),
}


def envelope(failure: Failure) -> dict[str, object]:
    """A failure as every body, chunk and job object shows it."""
    return {
        "message": failure.message,
        "type": ANSWERS[failure.code].type,
        "param": failure.param,
        "code": failure.code,
    }


class Dialect(NamedTuple):
    """How an API tells failures, by the id of their request, and what its streams hold beside their chunks."""

    status: Callable[[Failure], int]
    error: Callable[[Failure, str], dict[str, object]]
    keep_alive: bytes
    done: bytes


OPENAI = Dialect(
    lambda failure: ANSWERS[failure.code].status,
    lambda failure, _: {"error": envelope(failure)},
    sse.KEEP_ALIVE,
    sse.DONE,
)


def respond(failure: Failure, dialect: Dialect | None = None) -> Response:
    """A failure as a whole answer, as the current request's API tells it unless another is given."""
    dialect = dialect or (g.get("dialect", OPENAI) if has_app_context() else OPENAI)
    answer, status = ANSWERS[failure.code], dialect.status(failure)
    request_id = g.get("request_id", "") if has_app_context() else ""
    body = msgspec.json.encode(dialect.error(failure, request_id))
    response = Response(body, status, content_type="application/json")
    if failure.retry_after is not None:
        response.headers["Retry-After"] = str(failure.retry_after)
    if not answer.retry:
        response.headers["x-should-retry"] = "false"  # OpenAI's SDKs would try a 409 or 5xx again
    if status == 426:
        response.headers["Upgrade"] = "websocket"
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def raw(failure: Failure) -> bytes:
    """A failure as the bytes of an answer to what never became a request; the connection ends with it."""
    response = respond(failure)
    body = response.get_data()
    response.headers["Content-Length"] = str(len(body))
    response.headers["Connection"] = "close"
    return f"HTTP/1.1 {response.status}\r\n{response.headers}".encode("latin-1") + body


def malformed(error: ParseException) -> Failure:
    """What is wrong with a request that is not HTTP, or whose body is not framed as it says."""
    if isinstance(error, LimitRequestLine):
        return Failure("uri_too_long", "the request line is longer than this server takes")
    if isinstance(error, LimitRequestHeaders):
        return Failure("headers_too_large", "the headers are larger, or more, than this server takes")
    return Failure("invalid_request", str(error)[:_SHOWN])


def path(within: str, name: str | None) -> str | None:
    """Where a field stands, below `within` if given."""
    return ".".join(part for part in (within, name) if part) or None


def validation(error: ValidationError, within: str = "") -> JobError:
    """The first problem that a schema found, as an error that names its field, below `within` if given."""
    problem = fields.problem(error)
    kinds = {kind.code: kind for kind in (InvalidValue, UnsupportedParameter, UnknownParameter)}
    return kinds[problem.code](problem.message, param=path(within, problem.param))


def _http(error: HTTPException) -> Failure:
    if error.code == 404:
        return Failure(RouteNotFound.code, "no endpoint has this path; docs/reference/routes.md lists them all")
    if isinstance(error, MethodNotAllowed):
        allowed = ", ".join(sorted(error.valid_methods or ()))
        return Failure(WrongMethod.code, f"this endpoint takes {allowed}")
    if isinstance(error, RequestEntityTooLarge):
        return Failure(RequestTooLarge.code, "the request's body is larger than this server takes")
    if error.code == 416:
        return Failure("range_not_satisfiable", "no part of the content is in this range")
    return Failure("invalid_request", error.description or error.name)


def register(app: Flask) -> None:
    """Answer every exception in the envelope."""

    @app.errorhandler(JobError)
    def job_error(error: JobError) -> Response:
        return respond(error.failure)

    @app.errorhandler(ValidationError)
    def validation_error(error: ValidationError) -> Response:
        return respond(validation(error).failure)

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        response = respond(_http(error))
        response.headers.extend(
            (name, value) for name, value in error.get_headers() if name in ("Allow", "Content-Range")
        )
        return response

    @app.errorhandler(ParseException)
    def not_http(error: ParseException) -> Response:
        return respond(malformed(error))

    @app.errorhandler(Exception)
    def unexpected(error: Exception) -> Response:
        if isinstance(error, OSError) and error.errno in _NO_FILES:
            log.error("no open files are left", error=str(error))
            return respond(Failure(Overloaded.code, "this server has no open files left; try again", retry_after=5))
        log.exception("unexpected", error=str(error))
        return respond(Failure("internal_error", "something went wrong here; the log of the server says what"))
