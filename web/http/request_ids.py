"""Request ids: taken from the client or made, echoed, and in every log line until the answer's last byte."""

from __future__ import annotations

import re
import time
import uuid

import structlog
from flask import Flask, Response, g, request

HEADER = "X-Request-ID"
_ACCEPTED = re.compile(r"[\w.:/+=@-]{1,128}", re.ASCII)
log = structlog.get_logger()


def current() -> str:
    """The id of the current request."""
    request_id: str = g.request_id
    return request_id


def register(app: Flask) -> None:
    """Give every request an id, and a line in the log once it is answered."""

    @app.before_request
    def begin() -> None:
        given = request.headers.get(HEADER, "")
        g.request_id = given if _ACCEPTED.fullmatch(given) else f"req_{uuid.uuid4().hex}"
        g.began = time.monotonic()
        # Cleared here and not at the end: a stream goes on after the request's own context is gone.
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=g.request_id)

    @app.after_request
    def end(response: Response) -> Response:
        response.headers[HEADER] = g.request_id
        if "job_id" in g:
            response.headers["X-Job-ID"] = g.job_id
        began, method, path = g.began, request.method, request.path

        def closed() -> None:
            log.info(
                "answered", method=method, path=path, status=response.status_code, seconds=time.monotonic() - began
            )

        response.call_on_close(closed)
        return response
