"""Tools that a model may call, which of them it has to, and calls that it made before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import msgspec
from marshmallow import ValidationError, fields
from marshmallow.validate import Length, OneOf, Regexp

from schemas.constraints import bounded
from schemas.fields import Body, ByType, Flag, Items, Shapes, Text, kind, shallow

MAX_TOOLS = 128
MODES = ("none", "auto", "required")
NAME = Regexp(r"[A-Za-z0-9_.-]{1,64}\Z", error="must be 1 to 64 letters, digits, '_', '.' and '-'.")


def parameters(schema: Mapping[str, Any]) -> None:
    """Refuse a schema of arguments that are no object, and one of more than 64 KiB."""
    shallow(schema)
    bounded(msgspec.json.encode(schema).decode())
    if schema.get("type", "object") != "object":
        raise ValidationError("must be the schema of an object; its 'type' is another.")


class FunctionSchema(Body):
    """What a function is called, what it does, and what it takes."""

    name = fields.String(required=True, validate=NAME)
    description = fields.String()
    parameters = fields.Dict(validate=parameters)
    strict = Flag()


class ToolSchema(Body):
    """A tool of type `function`."""

    type = kind("function")
    function = fields.Nested(FunctionSchema, required=True)


def names(tools: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the tools of a checked body are called; refuses two of one name."""
    found: list[str] = []
    for index, tool in enumerate(tools):
        name = tool["function"]["name"]
        if name in found:
            raise ValidationError({"tools": {index: {"function": {"name": [f"is a second tool called '{name}'."]}}}})
        found.append(name)
    return found


class ReferenceSchema(Body):
    """A function by its name."""

    name = Text(required=True)


class NamedSchema(Body):
    """The one tool that is to be called."""

    type = kind("function")
    function = fields.Nested(ReferenceSchema, required=True)


class AllowedSchema(Body):
    """The tools that are left to choose from, and whether one has to be called."""

    mode = fields.String(required=True, validate=OneOf(MODES[1:]))
    tools = Items(ByType({"function": NamedSchema}), most=MAX_TOOLS, required=True, validate=Length(min=1))


class AllowedChoiceSchema(Body):
    """A choice of type `allowed_tools`."""

    type = kind("allowed_tools")
    allowed_tools = fields.Nested(AllowedSchema, required=True)


class Choice(NamedTuple):
    """Whether tools are called, the one that has to be, and those that are left to choose from (None: all)."""

    mode: str
    name: str | None = None
    allowed: tuple[str, ...] | None = None


class ToolChoice(fields.Field[Choice]):
    """A mode, a tool, or some tools with a mode."""

    _objects = ByType({"function": NamedSchema, "allowed_tools": AllowedChoiceSchema})

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Choice:
        if isinstance(value, str):
            if value not in MODES:
                raise ValidationError("must be 'none', 'auto', 'required' or an object.")
            return Choice(value)
        chosen = self._objects.deserialize(value)
        if chosen["type"] == "function":
            return Choice("required", chosen["function"]["name"])
        allowed = chosen["allowed_tools"]
        return Choice(allowed["mode"], None, tuple(tool["function"]["name"] for tool in allowed["tools"]))

    def shape(self, shapes: Shapes) -> dict[str, Any]:
        """A mode, or an object."""
        return {"anyOf": [{"type": "string", "enum": list(MODES)}, shapes.field(self._objects)]}


def fit(choice: Choice, tools: Sequence[str]) -> None:
    """Refuse a choice of a tool that is not there."""
    if choice.mode == "required" and not tools:
        raise ValidationError("asks for a call, and there are no 'tools'.", "tool_choice")
    if choice.name is not None and choice.name not in tools:
        wrong = {"name": [f"no tool is called '{choice.name}'."]}
        raise ValidationError({"tool_choice": {"function": wrong}})
    for index, name in enumerate(choice.allowed or ()):
        if name not in tools:
            wrong = {"name": [f"no tool is called '{name}'."]}
            raise ValidationError({"tool_choice": {"allowed_tools": {"tools": {index: {"function": wrong}}}}})


class CalledSchema(Body):
    """A function that was called; an answer that was cut off may end within its arguments, so they are any text."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"parsed_arguments"})  # OpenAI's SDK adds them

    name = Text(required=True)
    arguments = fields.String(required=True)


class ToolCallSchema(Body):
    """A call as an answer tells it."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"index"})  # stays in calls that a client put together from chunks

    id = Text(required=True)
    type = kind("function")
    function = fields.Nested(CalledSchema, required=True)
