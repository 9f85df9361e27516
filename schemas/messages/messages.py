"""The body of `POST /v1/messages`, and what that has in common with counting its tokens."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf, Range

from mlxq import ranges
from schemas.containers import ByType, Items, kind
from schemas.fields import Body, Call, Count, Flag, Number, Text, about, within
from schemas.inputs import LIMIT
from schemas.messages.blocks import OF_ROLE, Blocks, Texts
from schemas.text.constraints import Rule, SchemaSource
from schemas.text.messages import MAX_MESSAGES
from schemas.text.sampling import Stop, TopK, adapter
from schemas.text.tools import MAX_TOOLS, NAME, parameters

THINKING = ("enabled", "disabled", "adaptive", "between_tools")
EFFORTS = ("low", "medium", "high", "xhigh", "max")


class UserMessageParamSchema(Body):
    """What the user says, and what calls gave."""

    role = kind("user")
    content = Blocks(OF_ROLE["user"], required=True)


class AssistantMessageParamSchema(Body):
    """What the assistant said; the last turn is the beginning of the answer, unless it calls."""

    role = kind("assistant")
    content = Blocks(OF_ROLE["assistant"], required=True)


class SystemMessageParamSchema(Body):
    """What the system says amid a conversation."""

    role = kind("system")
    content = Blocks(OF_ROLE["system"], required=True)


class MessageToolSchema(Body):
    """A tool of the client's own."""

    # Where, when and how it is shown or called, which makes no difference to a model here.
    ACCEPTED: ClassVar[frozenset[str]] = frozenset(
        {"allowed_callers", "cache_control", "defer_loading", "eager_input_streaming", "input_examples"}
    )

    type = kind("custom", required=False)
    name = fields.String(required=True, validate=NAME)
    description = fields.String()
    input_schema = fields.Dict(required=True, validate=parameters)
    strict = Flag(metadata=about("Whether arguments that are asked for obey all of the schema."))


class ToolChoiceAutoSchema(Body):
    """The model calls tools if it wants to."""

    type = kind("auto")
    disable_parallel_tool_use = Flag(metadata=about("Whether an answer holds one call at most."))


class ToolChoiceAnySchema(Body):
    """The model has to call a tool."""

    type = kind("any")
    disable_parallel_tool_use = Flag(metadata=about("Whether an answer holds one call only."))


class ToolChoiceToolSchema(Body):
    """The model has to call this tool."""

    type = kind("tool")
    name = Text(required=True)
    disable_parallel_tool_use = Flag(metadata=about("Whether an answer holds one call only."))


class ToolChoiceNoneSchema(Body):
    """The model calls no tools, and is not shown them."""

    type = kind("none")


class MessageThinkingSchema(Body):
    """Whether the model thinks before it answers, and for how many tokens at most; without this field it does not."""

    type = kind(*THINKING)
    budget_tokens = Count(validate=Range(min=1, max=LIMIT - 1))
    display = fields.String(validate=OneOf(("summarized", "omitted")))


class JsonOutputSchema(Body):
    """An answer that is JSON and obeys a schema."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"name"})

    type = kind("json_schema")
    schema = SchemaSource(required=True)


class OutputConfigSchema(Body):
    """How hard the model tries, and what its answer must look like."""

    effort = fields.String(validate=OneOf(EFFORTS))
    format = ByType({"json_schema": JsonOutputSchema})


class Turns(Items):
    """A conversation's turns."""

    def __init__(self, **kwargs: Any) -> None:
        turns = ByType(
            {
                "user": UserMessageParamSchema,
                "assistant": AssistantMessageParamSchema,
                "system": SystemMessageParamSchema,
            },
            key="role",
        )
        super().__init__(turns, MAX_MESSAGES, validate=Length(min=1), **kwargs)


class PromptSchema(Call):
    """Base of the bodies that hold a conversation as Anthropic's API has it."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"cache_control"})
    IGNORED: ClassVar[Mapping[str, tuple[Any, ...]]] = {"context_management": (), "diagnostics": (), "fallbacks": ()}
    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {"container": (), "mcp_servers": ([],)}

    adapter = adapter()
    messages = Turns(required=True)
    system = Texts()
    tools = Items(ByType({"custom": MessageToolSchema}, usual="custom"), most=MAX_TOOLS)
    tool_choice = ByType(
        {
            "auto": ToolChoiceAutoSchema,
            "any": ToolChoiceAnySchema,
            "tool": ToolChoiceToolSchema,
            "none": ToolChoiceNoneSchema,
        }
    )
    thinking = ByType(dict.fromkeys(THINKING, MessageThinkingSchema))
    output_config = fields.Nested(OutputConfigSchema)
    output_format = ByType(
        {"json_schema": JsonOutputSchema}, metadata=about("The older name of `output_config.format`.")
    )

    @validates_schema
    def tools_apart(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse two tools of one name, and a tool choice that cannot be met."""
        names: list[str] = []
        for index, tool in enumerate(data.get("tools", [])):
            if tool["name"] in names:
                raise ValidationError({"tools": {index: {"name": [f"is a second tool called '{tool['name']}'."]}}})
            names.append(tool["name"])
        choice = data.get("tool_choice", {"type": "auto"})
        if choice["type"] in ("any", "tool") and not names:
            raise ValidationError("asks for a call, and there are no 'tools'.", "tool_choice")
        if choice["type"] == "tool" and choice["name"] not in names:
            raise ValidationError({"tool_choice": {"name": [f"no tool is called '{choice['name']}'."]}})

    @validates_schema
    def one_form(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse two formats of the answer, and a format where a call is asked for."""
        forms = list(rules(data))
        if len(forms) > 1:
            raise ValidationError("contradicts 'output_config.format'; send one of the two.", "output_format")
        if forms and data.get("tool_choice", {}).get("type") in ("any", "tool"):
            raise ValidationError("contradicts 'tool_choice', which asks for a call; leave one out.", forms[0].param)


def rules(data: Mapping[str, Any]) -> Iterator[Rule]:
    """What a checked body says its answer must look like."""
    if "format" in data.get("output_config", {}):
        yield Rule("json_schema", data["output_config"]["format"]["schema"], "output_config.format.schema")
    if "output_format" in data:
        yield Rule("json_schema", data["output_format"]["schema"], "output_format.schema")


class MessagesSchema(PromptSchema):
    """A conversation to continue, as Anthropic's API has it."""

    ACCEPTED: ClassVar[frozenset[str]] = PromptSchema.ACCEPTED | {"inference_geo", "metadata", "service_tier", "speed"}

    max_tokens = Count(
        required=True,
        validate=Range(min=0, max=LIMIT - 1),
        metadata=about("The most tokens of an answer, thinking included; 0 reads the prompt into the cache."),
    )
    temperature = Number(validate=within(ranges.Temperature), metadata=about("0 always takes the likeliest token."))
    top_p = Number(validate=within(ranges.TopP))
    top_k = TopK(validate=within(ranges.TopK))
    stop_sequences = Stop()
    stream = Flag()
