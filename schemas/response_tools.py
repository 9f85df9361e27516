"""The tools of a response, and which of them the model has to call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from marshmallow import ValidationError, fields
from marshmallow.validate import Length, OneOf

from schemas.constraints import Source
from schemas.containers import ByType, Items, kind
from schemas.fields import Body, Shapes, Text
from schemas.tools import MAX_TOOLS, MODES, NAME, Choice, FunctionSchema


class ResponseFunctionToolSchema(FunctionSchema):
    """A function that the model may call."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"allowed_callers", "async", "cache_control", "output_schema"})
    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {"defer_loading": (False,)}

    type = kind("function")


class ResponseTextFormatSchema(Body):
    """Any text, as the input of a tool or as an answer."""

    type = kind("text")


class GrammarFormatSchema(Body):
    """An input that obeys a Lark grammar or a regular expression."""

    type = kind("grammar")
    syntax = fields.String(required=True, validate=OneOf(("lark", "regex")))
    definition = Source(required=True)


class ResponseCustomToolSchema(Body):
    """A tool that takes a text."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"allowed_callers", "async", "cache_control"})
    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {"defer_loading": (False,)}

    type = kind("custom")
    name = fields.String(required=True, validate=NAME)
    description = fields.String()
    format = ByType({"text": ResponseTextFormatSchema, "grammar": GrammarFormatSchema})


class ToolField(ByType):
    """A function or a custom tool; those that OpenAI hosts are refused by name."""

    def __init__(self) -> None:
        super().__init__({"function": ResponseFunctionToolSchema, "custom": ResponseCustomToolSchema})

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> dict[str, Any]:
        asked = value.get("type") if isinstance(value, Mapping) else None
        if isinstance(asked, str) and asked not in self._bodies:
            message = f"'{asked}' is a tool that is hosted elsewhere; there are 'function' and 'custom' here."
            raise ValidationError({"type": [message]})
        return super()._deserialize(value, attr, data, **kwargs)


class ResponseNamedToolSchema(Body):
    """A tool by its name."""

    type = kind("function", "custom")
    name = Text(required=True)


class ResponseAllowedToolsSchema(Body):
    """The tools that are left to choose from, and whether one has to be called."""

    type = kind("allowed_tools")
    mode = fields.String(required=True, validate=OneOf(MODES[1:]))
    tools = Items(
        ByType(dict.fromkeys(("function", "custom"), ResponseNamedToolSchema)),
        most=MAX_TOOLS,
        required=True,
        validate=Length(min=1),
    )


class ResponseToolChoice(fields.Field[Choice]):
    """A mode, a tool, or some tools with a mode."""

    _objects = ByType(
        {
            "function": ResponseNamedToolSchema,
            "custom": ResponseNamedToolSchema,
            "allowed_tools": ResponseAllowedToolsSchema,
        }
    )

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Choice:
        if isinstance(value, str):
            if value not in MODES:
                raise ValidationError("must be 'none', 'auto', 'required' or an object.")
            return Choice(value)
        chosen = self._objects.deserialize(value)
        if chosen["type"] == "allowed_tools":
            return Choice(chosen["mode"], None, tuple(tool["name"] for tool in chosen["tools"]))
        return Choice("required", chosen["name"], kind=chosen["type"])

    def shape(self, shapes: Shapes) -> dict[str, Any]:
        """A mode, or an object."""
        return {"anyOf": [{"type": "string", "enum": list(MODES)}, shapes.field(self._objects)]}


def tool_names(tools: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of tools; two tools of one name are refused."""
    found: dict[str, None] = {}
    for index, tool in enumerate(tools):
        if tool["name"] in found:
            raise ValidationError({"tools": {index: {"name": [f"is a second tool called '{tool['name']}'."]}}})
        found[tool["name"]] = None
    return list(found)
