"""No JSON value, wherever it stands, is anything but taken or refused."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
from marshmallow import ValidationError

import schemas
from schemas.fields import Body, problem

for _module in pkgutil.walk_packages(schemas.__path__, "schemas."):
    if _module.name != "schemas.__main__":
        importlib.import_module(_module.name)

VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    2**31,
    10**40,
    1.5,
    1e300,
    float("inf"),
    float("nan"),
    "",
    "0",
    "auto",
    "\x00",
    "x" * 70_000,
    [],
    [[]],
    [{}],
    [None],
    [0, "a"],
    [[0], ["a"]],
    {},
    {"": {}},
    {"type": []},
    {"type": {}},
    {"type": "function"},
    {"type": "function", "function": []},
    {"a": [[{}]]},
    {"role": []},
    [{"role": "user", "content": [{"type": []}]}],
    [{"role": ["user"], "content": [[]]}],
    [{"type": "function", "function": {"name": [], "parameters": []}}],
    [{"type": "function", "function": {"name": "a", "parameters": {"type": []}}}],
)
# What makes a body whole, so that checks of fields together are reached.
WHOLE: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "user", "content": "hi"}],
    "prompt": "hi",
    "input": "hi",
    "tokens": [1],
    "type": "function",
    "role": "assistant",
    "content": "hi",
    "name": "a",
    "id": "a",
    "url": "/v1/x",
    "body": {},
    "function": {"name": "a", "arguments": "{}"},
    "arguments": "{}",
    "endpoint": "/v1/x",
    "completion_window": "24h",
    "input_file_id": "file-1",
    "anchor": "created_at",
    "seconds": 3600,
    "file": "f",
    "purpose": "batch",
    "schema": {},
}


def every(kind: type[Body] = Body) -> Iterator[type[Body]]:
    for child in kind.__subclasses__():
        yield child
        yield from every(child)


@pytest.mark.parametrize("schema", sorted(set(every()), key=lambda kind: kind.__name__))
def test_a_field_takes_a_value_or_refuses_it(schema: type[Body]) -> None:
    names = [*schema._declared_fields, *schema.ACCEPTED, *schema.REFUSED]
    whole = {name: WHOLE[name] for name in names if name in WHOLE}
    reader = schema()  # making one takes longer than reading with it
    for name in names:
        for value in VALUES:
            for body in ({**whole, name: value}, {name: value}):
                try:
                    reader.load(body)
                except ValidationError as error:
                    assert problem(error).message
    for value in VALUES:
        try:
            reader.load(value)
        except ValidationError as error:
            assert problem(error).message
