"""The limits of the current request's key: what makes work or stays open counts, what asks or ends does not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, Response, g, request

from tasks.access.throttle import Admission, Allowance
from web.gateway import gateway
from web.http.access import auth

_FOLLOWING = frozenset(  # they ask, and hold a thread as long as they like
    {"jobs.follow", "jobs_stream.stream", "realtime.stream"}
)


def _counts() -> bool:
    return request.endpoint in _FOLLOWING or (request.method == "POST" and not request.path.endswith("/cancel"))


def register(app: Flask) -> None:
    """Let requests in as their key's limits allow, until the last byte of their answer."""

    @app.before_request
    def admit() -> None:
        limits = auth.limits()
        if limits.of_requests and _counts():
            g.admission = gateway().throttle.admit(auth.current(), limits)
            if g.admission.refusal is not None:
                raise g.admission.refusal

    @app.after_request
    def tell(response: Response) -> Response:
        admission: Admission | None = g.get("admission")
        if admission is None:
            return response
        if admission.allowance is not None:
            _show(response, admission.allowance)
        if not _is_socket():
            shared, token = gateway(), g.pop("admission").token
            response.call_on_close(lambda: shared.throttle.release(token))
        return response

    @app.teardown_request
    def end(_: BaseException | None) -> None:
        if "admission" in g:  # a websocket, or a request that came to no answer
            gateway().throttle.release(g.pop("admission").token)


@contextmanager
def admitted() -> Iterator[None]:
    """Let in what a websocket's client asks for, as if it were a request; raises what refuses it."""
    limits = auth.limits()
    if not limits.of_requests:
        yield
        return
    admission = gateway().throttle.admit(auth.current(), limits)
    if admission.refusal is not None:
        raise admission.refusal
    try:
        yield
    finally:
        gateway().throttle.release(admission.token)


def _is_socket() -> bool:
    return request.url_rule is not None and request.url_rule.websocket


def _show(response: Response, allowance: Allowance) -> None:
    response.headers["x-ratelimit-limit-requests"] = str(allowance.limit)
    response.headers["x-ratelimit-remaining-requests"] = str(allowance.remaining)
    response.headers["x-ratelimit-reset-requests"] = f"{allowance.reset / 1000:g}s"
