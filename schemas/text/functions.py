"""OpenAI's older form of tools, which clients still send: functions, the one to call, and what a turn called."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import ValidationError, fields

from schemas.fields import Shapes
from schemas.text.tools import Choice, ReferenceSchema

MODES = ("none", "auto")


class FunctionChoice(fields.Field[Choice]):
    """The older form of `tool_choice`: a mode, or a function that has to be called."""

    _object = fields.Nested(ReferenceSchema)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Choice:
        if isinstance(value, str):
            if value not in MODES:
                raise ValidationError("must be 'none', 'auto' or an object.")
            return Choice(value)
        return Choice("required", self._object.deserialize(value)["name"])

    def shape(self, shapes: Shapes) -> dict[str, Any]:
        """A mode, or an object."""
        return {"anyOf": [{"type": "string", "enum": list(MODES)}, shapes.field(self._object)]}


def check(data: Mapping[str, Any]) -> None:
    """Refuse functions that cannot be told apart, functions beside tools, and a function that is not there."""
    if data.get("functions") and data.get("tools"):
        raise ValidationError("is the older form of 'tools'; send one of the two.", "functions")
    known: set[str] = set()
    for index, function in enumerate(data.get("functions", [])):
        if function["name"] in known:
            message = f"is a second function called '{function['name']}'."
            raise ValidationError({"functions": {index: {"name": [message]}}})
        known.add(function["name"])
    choice = data.get("function_call", Choice("auto"))
    if choice.name is not None and choice.name not in known:
        raise ValidationError({"function_call": {"name": [f"no function is called '{choice.name}'."]}})


def as_tools(data: Mapping[str, Any]) -> dict[str, Any]:
    """A checked body that has functions as one that has tools, of which an answer calls one at most."""
    return {
        **data,
        "tools": [{"type": "function", "function": function} for function in data["functions"]],
        "tool_choice": data.get("function_call", Choice("auto")),
        "parallel_tool_calls": False,
    }


def called(turn: Mapping[str, Any]) -> dict[str, Any]:
    """A checked turn that calls a function, or holds what it gave, as one of a tool: linked by the function's name."""
    if turn["role"] == "function":
        return {**turn, "tool_call_id": _id(turn["name"])}
    if "function_call" not in turn:
        return dict(turn)
    call = turn["function_call"]
    others = {name: value for name, value in turn.items() if name != "function_call"}
    return {**others, "tool_calls": [{"id": _id(call["name"]), "type": "function", "function": call}]}


def _id(name: str) -> str:
    return f"call_{name}"
