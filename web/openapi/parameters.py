"""The headers that requests and answers may carry, as the OpenAPI document shows them."""

from __future__ import annotations

from typing import Any

_WHOLE = {"type": "integer"}
_TEXT = {"type": "string"}
_SECONDS = {"type": "number"}


def _header(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "description": description, "schema": schema}


IDEMPOTENCY = ("Idempotency-Key",)
CALL = (
    *IDEMPOTENCY,
    "Prefer",
    "X-Request-Timeout",
    "X-On-Disconnect",
    "Cancel-After",
    "X-Priority",
    "X-Result-TTL",
    "X-Webhook-URL",
)
HEADERS = {
    one["name"]: one
    for one in (
        _header(
            "Idempotency-Key",
            "The same key and body again is the same job or batch; the same key with another body is refused.",
            {"type": "string", "minLength": 1, "maxLength": 255},
        ),
        _header(
            "Prefer",
            "`respond-async`: answer with the job at once. `wait=SECONDS`: answer with the job unless it ends by then.",
            {**_TEXT, "examples": ["respond-async", "wait=10"]},
        ),
        _header("X-Request-Timeout", "Seconds after which the job expires.", {**_SECONDS, "exclusiveMinimum": 0}),
        _header(
            "X-On-Disconnect",
            "Whether the job goes on when its client leaves; by default it does not.",
            {"enum": ["continue", "cancel"]},
        ),
        _header("Cancel-After", "The time after which the job is cancelled.", {**_TEXT, "examples": ["90", "10m"]}),
        _header("X-Priority", "Goes before jobs of lower priority.", {**_WHOLE, "minimum": -10, "maximum": 10}),
        _header("X-Result-TTL", "Seconds for which the result is kept.", {**_WHOLE, "minimum": 1}),
        _header("X-Webhook-URL", "The URL that is called when the job has ended.", {**_TEXT, "format": "uri"}),
        _header("Last-Event-ID", "The last event that was seen; those after it follow.", _TEXT),
        _header(
            "anthropic-version",
            "The version of Anthropic's API that is spoken; any is taken.",
            {**_TEXT, "examples": ["2023-06-01"]},
        ),
        _header("Range", "The bytes that are wanted.", {**_TEXT, "examples": ["bytes=0-1023"]}),
    )
}
ANSWERED = {
    "X-Request-ID": {"description": "The request's id: the client's `X-Request-ID`, or a new one.", "schema": _TEXT},
    "X-Job-ID": {"description": "The job that the call became.", "schema": _TEXT},
    "Location": {"description": "The job's path.", "schema": _TEXT},
    "Preference-Applied": {"description": "What of `Prefer` was heeded.", "schema": _TEXT},
    "X-Ignored-Fields": {"description": "The request's fields that nobody here knows, if any.", "schema": _TEXT},
    "Retry-After": {"description": "Seconds after which the same request may do better.", "schema": _WHOLE},
}


def answered(*names: str) -> dict[str, Any]:
    """References to headers of an answer."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}
