"""The tools of a response, and which of them the model has to call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

from marshmallow import ValidationError, fields
from marshmallow.validate import Length, OneOf

from schemas.containers import ByType, Items, kind
from schemas.fields import Body, Flag, Shapes, Text
from schemas.text.constraints import Source
from schemas.text.tools import MAX_TOOLS, MODES, NAME, Choice, FunctionSchema


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


_OWN: Mapping[str, type[Body]] = {"function": ResponseFunctionToolSchema, "custom": ResponseCustomToolSchema}


class ResponseNamespaceToolSchema(Body):
    """Tools under a common name, of which a call tells which it was."""

    type = kind("namespace")
    name = fields.String(required=True, validate=NAME)
    description = fields.String()
    tools = Items(ByType(_OWN), most=MAX_TOOLS, required=True, validate=Length(min=1))


class ResponseOfflineSearchSchema(Body):
    """A search of the web that may not reach the web, as agents send it with every request; no model is shown it."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset(
        {"filters", "search_content_types", "search_context_size", "user_location"}
    )

    type = kind("web_search")
    external_web_access = Flag(required=True, validate=OneOf((False,)))


class ToolField(ByType):
    """A function, a custom tool, or a namespace of them; those that OpenAI hosts are refused by name."""

    def __init__(self) -> None:
        super().__init__({**_OWN, "namespace": ResponseNamespaceToolSchema, "web_search": ResponseOfflineSearchSchema})

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> dict[str, Any]:
        asked = value.get("type") if isinstance(value, Mapping) else None
        searches = asked == "web_search" and value.get("external_web_access") is not False
        if isinstance(asked, str) and (asked not in self._bodies or searches):
            known = "there are 'function', 'custom' and 'namespace' here"
            raise ValidationError({"type": [f"'{asked}' is a tool that is hosted elsewhere; {known}."]})
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


class CallableTool(NamedTuple):
    """A function or custom tool as a model is shown it, where it stands in the body's `tools`, and its namespace."""

    tool: Mapping[str, Any]
    place: tuple[int, ...]
    namespace: str | None = None

    @property
    def name(self) -> str:
        """The name by which a model calls it."""
        return str(self.tool["name"])

    @property
    def param(self) -> str:
        """Where it stands, as errors name fields."""
        return ".".join(f"tools[{index}]" for index in self.place)


def callable_tools(tools: Sequence[Mapping[str, Any]]) -> Iterator[CallableTool]:
    """The tools of a checked body that a model may call, those of a namespace one by one.

    No chat template knows of namespaces: what one says of itself is shown with its first tool.
    """
    for index, tool in enumerate(tools):
        if tool["type"] == "namespace":
            about = tool.get("description")
            for inner, one in enumerate(tool["tools"]):
                described = "\n\n".join(filter(None, (about if inner == 0 else None, one.get("description"))))
                shown = {**one, "name": qualified(tool["name"], one["name"]), "description": described}
                yield CallableTool(shown, (index, inner), tool["name"])
        elif tool["type"] in _OWN:
            yield CallableTool(tool, (index,))


def qualified(namespace: str | None, name: str) -> str:
    """The name by which a model calls a tool of a namespace."""
    return f"{namespace}.{name}" if namespace else name


def tool_names(tools: Sequence[Mapping[str, Any]]) -> list[str]:
    """The names of tools; two tools of one name are refused."""
    names: dict[str, None] = {}
    for tool in callable_tools(tools):
        if tool.name in names:
            wrong: dict[Any, Any] = {"name": [f"is a second tool called '{tool.name}'."]}
            for index in reversed(tool.place):
                wrong = {"tools": {index: wrong}}
            raise ValidationError(wrong)
        names[tool.name] = None
    return list(names)
