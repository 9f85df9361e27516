"""Tools that a model may call, which of them it has to, and calls that it made before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import msgspec
from marshmallow import ValidationError, fields
from marshmallow.validate import Length, OneOf, Regexp

from schemas.containers import ByType, Items, kind, shallow
from schemas.fields import Body, Flag, Shapes, Text
from schemas.text.constraints import Source, bounded

MAX_TOOLS = 1024
MODES = ("none", "auto", "required")
# What some format would take for the end of a name, and what no name is made of.
NAME = Regexp(
    r"""[^\s\x00-\x20\x7f<>"'`{}\[\]()=,;|\\]{1,200}\Z""",
    error="must be 1 to 200 characters, without white space, quotation marks, brackets and any of = , ; | \\.",
)


def parameters(schema: Mapping[str, Any]) -> None:
    """Reject a schema of arguments that are not an object, and one of more than 64 KiB."""
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


class Tool(Body):
    """Base of all tools; prompts are cached here without being told which."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"cache_control"})


class ToolSchema(Tool):
    """A tool of type `function`."""

    type = kind("function")
    function = fields.Nested(FunctionSchema, required=True)


class GrammarSchema(Body):
    """What an input must look like, as a Lark grammar or a regular expression."""

    syntax = fields.String(required=True, validate=OneOf(("lark", "regex")))
    definition = Source(required=True)


class TextInputSchema(Body):
    """An input that may be any text."""

    type = kind("text")


class GrammarInputSchema(Body):
    """An input that obeys a grammar."""

    type = kind("grammar")
    grammar = fields.Nested(GrammarSchema, required=True)


class CustomSchema(Body):
    """What a tool is called that takes a text, what it does, and what that text must look like."""

    name = fields.String(required=True, validate=NAME)
    description = fields.String()
    format = ByType({"text": TextInputSchema, "grammar": GrammarInputSchema})


class CustomToolSchema(Tool):
    """A tool of type `custom`."""

    type = kind("custom")
    custom = fields.Nested(CustomSchema, required=True)


TOOLS: Mapping[str, type[Body]] = {"function": ToolSchema, "custom": CustomToolSchema}


def names(tools: Sequence[Mapping[str, Any]]) -> list[str]:
    """What the tools of a checked body are called; refuses two of one name."""
    names: dict[str, None] = {}
    for index, tool in enumerate(tools):
        name = named(tool)
        if name in names:
            message = f"is a second tool called '{name}'."
            raise ValidationError({"tools": {index: {tool["type"]: {"name": [message]}}}})
        names[name] = None
    return list(names)


def named(tool: Mapping[str, Any]) -> str:
    """The name in an object that has its kind as its `type`."""
    return str(tool[tool["type"]]["name"])


class ReferenceSchema(Body):
    """A tool by its name."""

    name = Text(required=True)


class NamedSchema(Body):
    """The one function that is to be called."""

    type = kind("function")
    function = fields.Nested(ReferenceSchema, required=True)


class NamedCustomSchema(Body):
    """The one custom tool that is to be called."""

    type = kind("custom")
    custom = fields.Nested(ReferenceSchema, required=True)


NAMED: Mapping[str, type[Body]] = {"function": NamedSchema, "custom": NamedCustomSchema}


class AllowedSchema(Body):
    """The tools that are left to choose from, and whether one has to be called."""

    mode = fields.String(required=True, validate=OneOf(MODES[1:]))
    tools = Items(ByType(NAMED), most=MAX_TOOLS, required=True, validate=Length(min=1))


class AllowedChoiceSchema(Body):
    """A choice of type `allowed_tools`."""

    type = kind("allowed_tools")
    allowed_tools = fields.Nested(AllowedSchema, required=True)


class Choice(NamedTuple):
    """Whether tools are called, the one that has to be, and those that are left to choose from (None: all).

    `kind` is of which type the one is.
    """

    mode: str
    name: str | None = None
    allowed: tuple[str, ...] | None = None
    kind: str = "function"


class ToolChoice(fields.Field[Choice]):
    """A mode, a tool, or some tools with a mode."""

    _objects = ByType({**NAMED, "allowed_tools": AllowedChoiceSchema})

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Choice:
        if isinstance(value, str):
            if value not in MODES:
                raise ValidationError("must be 'none', 'auto', 'required' or an object.")
            return Choice(value)
        chosen = self._objects.deserialize(value)
        if chosen["type"] in NAMED:
            return Choice("required", named(chosen), kind=chosen["type"])
        allowed = chosen["allowed_tools"]
        return Choice(allowed["mode"], None, tuple(map(named, allowed["tools"])))

    def shape(self, shapes: Shapes) -> dict[str, Any]:
        """A mode, or an object."""
        return {"anyOf": [{"type": "string", "enum": list(MODES)}, shapes.field(self._objects)]}


def fit(choice: Choice, tools: Sequence[str]) -> None:
    """Refuse a choice of a tool that is not there."""
    if choice.mode == "required" and not tools:
        raise ValidationError("asks for a call, and there are no 'tools'.", "tool_choice")
    if choice.name is not None and choice.name not in tools:
        wrong = {"name": [f"no tool is called '{choice.name}'."]}
        raise ValidationError({"tool_choice": {choice.kind: wrong}})
    for index, name in enumerate(choice.allowed or ()):
        if name not in tools:
            wrong = {"name": [f"no tool is called '{name}'."]}
            raise ValidationError({"tool_choice": {"allowed_tools": {"tools": {index: {"function": wrong}}}}})


class Arguments(fields.Field[str]):
    """The arguments of a call: a text that may end anywhere, or the object that it is the JSON of."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if isinstance(value, dict):
            return msgspec.json.encode(value).decode()
        if not isinstance(value, str):
            raise ValidationError("must be a string, or an object.")
        return value

    def shape(self, _: Shapes) -> dict[str, Any]:
        """Either."""
        return {"type": ["string", "object"]}


class CalledSchema(Body):
    """A function that was called; an answer that was cut off may end within its arguments."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"parsed_arguments"})  # OpenAI's SDK adds them

    name = Text(required=True)
    arguments = Arguments(required=True)


class CallSchema(Body):
    """Base of all calls as an answer tells them."""

    # What stays in calls that a client put together from chunks, and what other servers' answers carry.
    ACCEPTED: ClassVar[frozenset[str]] = frozenset(
        {"cache_control", "extra_content", "index", "provider_specific_fields"}
    )

    id = Text(required=True)


class ToolCallSchema(CallSchema):
    """A call of a function, as calls without a type are."""

    type = kind("function", required=False)
    function = fields.Nested(CalledSchema, required=True)


class CustomCalledSchema(Body):
    """A custom tool that was called, and the text that it was given."""

    name = Text(required=True)
    input = fields.String(required=True)


class CustomCallSchema(CallSchema):
    """A call of a custom tool."""

    type = kind("custom")
    custom = fields.Nested(CustomCalledSchema, required=True)


CALLS: Mapping[str, type[Body]] = {"function": ToolCallSchema, "custom": CustomCallSchema}
