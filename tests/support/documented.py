"""What the OpenAPI document says of requests and answers, and whether they are so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import httpx
from jsonschema import Draft202012Validator

from web.openapi.document import document

CALLED = "#/components/schemas/"


@cache
def whole() -> dict[str, Any]:
    return dict(json.loads(document()))


@cache
def _exact() -> dict[str, Any]:
    """The components with nothing allowed that they do not name."""
    return dict(_closed(whole()["components"]))


def _closed(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: _closed(one) for name, one in schema.items()}
    if closed.get("type") == "object" and closed.get("properties"):
        closed.setdefault("additionalProperties", False)
    return closed


def problems(schema: dict[str, Any], value: object) -> list[str]:
    """What is wrong with a value, nothing else being allowed in it than what its schema names."""
    validator = Draft202012Validator({**_closed(schema), "components": _exact()})
    return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(value)]


def unfit(schema: dict[str, Any], body: object) -> list[str]:
    """What is wrong with a request's body, which may hold what nobody here knows."""
    validator = Draft202012Validator({**schema, "components": whole()["components"]})
    return [f"{error.json_path}: {error.message[:300]}" for error in validator.iter_errors(body)]


def component(name: str) -> dict[str, Any]:
    return {"$ref": CALLED + name}


def path(rule: str) -> str:
    """A Flask rule as the document writes it."""
    return rule.replace("<path:", "{").replace("<", "{").replace(">", "}")


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and operation."""
    for at, methods in whole()["paths"].items():
        for method, operation in methods.items():
            yield method, at, operation


def resolved(shown: dict[str, Any]) -> dict[str, Any]:
    """What a reference to a component stands for."""
    if "$ref" not in shown:
        return shown
    found: Any = whole()
    for step in shown["$ref"].removeprefix("#/").split("/"):
        found = found[step]
    return dict(found)


def unlike(method: str, at: str, answer: httpx.Response) -> list[str]:
    """In what an answer of an operation is not as the document says."""
    responses = whole()["paths"][at][method.lower()]["responses"]
    response = resolved(responses.get(str(answer.status_code), responses["default"]))
    media = answer.headers.get("Content-Type", "").partition(";")[0]
    content = response.get("content", {})
    if media not in content:
        return [f"{method} {at}: {answer.status_code} of type {media!r}, not of {sorted(content)}"]
    schema = content[media]["schema"]
    missing = [name for name in response["headers"] if name == "X-Request-ID" and name not in answer.headers]
    if media == "application/json":
        found = problems(schema, answer.json())
    elif media == "text/event-stream":
        found = [one for frame in frames(answer.text) for one in problems(*_of_frame(schema, frame))]
    else:
        found = []
    return [f"{method} {at}: {answer.status_code} {one}" for one in (*missing, *found)]


def frames(stream: str) -> list[dict[str, str]]:
    """The events of a stream but its last `[DONE]`, by their fields; comments are left out."""
    found = []
    for block in stream.split("\n\n"):
        lines = [line.partition(": ") for line in block.split("\n") if line and not line.startswith(":")]
        fields = {name: value for name, _, value in lines}
        if fields and fields.get("data") != "[DONE]":
            found.append(fields)
    return found


def _of_frame(schema: dict[str, Any], frame: dict[str, str]) -> tuple[dict[str, Any], object]:
    value = json.loads(frame["data"])
    # A job's events say their type as the event's name.
    return (component("JobEvent"), {"type": frame["event"], **value}) if frame.get("id") else (schema, value)
