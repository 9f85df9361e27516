"""The bodies of `POST /v1/responses`, and of what looks at the same input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import msgspec
from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf, Range

from mlxq import ranges
from schemas.containers import ByType, Items, kind, shallow
from schemas.fields import Body, Call, Count, Flag, Shapes, Text, about, within
from schemas.inputs import LIMIT
from schemas.jobs.jobs import metadata
from schemas.responses.items import InputItems
from schemas.responses.tools import ResponseTextFormatSchema, ResponseToolChoice, ToolField, tool_names
from schemas.text.constraints import OBJECT, Rule, bounded
from schemas.text.sampling import MAX_ALTERNATIVES, TokenSchema, adapter
from schemas.text.thinking import Effort
from schemas.text.tools import MAX_TOOLS, Choice

LOGPROBS, ENCRYPTED = "message.output_text.logprobs", "reasoning.encrypted_content"
# What only hosted tools, or images that a client has anyway, have to include.
INCLUDABLE = (
    LOGPROBS,
    ENCRYPTED,
    "code_interpreter_call.outputs",
    "computer_call_output.output.image_url",
    "file_search_call.results",
    "message.input_image.image_url",
    "web_search_call.action.sources",
    "web_search_call.results",
)


class JsonSchemaFormat(Body):
    """A format of type `json_schema`; it is enforced, strict or not."""

    type = kind("json_schema")
    name = fields.String(required=True)
    schema = fields.Dict(
        required=True, validate=(shallow, lambda schema: bounded(msgspec.json.encode(schema).decode()))
    )
    description = fields.String()
    strict = Flag()


class JsonObjectFormat(Body):
    """Any JSON object."""

    type = kind("json_object")


class ResponseTextConfigSchema(Body):
    """What the answer's text must look like, and how long it is to be."""

    format = ByType(
        {"text": ResponseTextFormatSchema, "json_object": JsonObjectFormat, "json_schema": JsonSchemaFormat}
    )
    verbosity = fields.String(
        validate=OneOf(("low", "medium", "high")), metadata=about("Handed to the model's chat template.")
    )


class ResponseReasoningConfigSchema(Body):
    """How hard to think, and whether the thinking is sent as its summary."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"context"})
    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {"mode": ("standard",)}
    ALIASES: ClassVar[Mapping[str, str]] = {"generate_summary": "summary"}

    effort = Effort(metadata=about("Handed to the model's chat template, as the nearest that it knows."))
    summary = fields.String(
        validate=OneOf(("auto", "concise", "detailed")),
        metadata=about("Sends all of the model's thinking as its summary instead of as its text."),
    )
    generate_summary = fields.String(
        validate=OneOf(("auto", "concise", "detailed")), metadata=about("The older name of `summary`.")
    )
    max_tokens = Count(
        validate=Range(min=0, max=LIMIT - 1), metadata=about("The most tokens of thinking before the answer.")
    )


class ResponseStreamOptionsSchema(Body):
    """What a stream carries beside its events."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"include_obfuscation"})  # padding against eavesdroppers


class ConversationIdSchema(Body):
    """A conversation by its id."""

    id = Text(required=True)


class ConversationId(fields.Field[str]):
    """A conversation's id, or an object with it."""

    _object = fields.Nested(ConversationIdSchema)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if isinstance(value, str):
            return str(Text().deserialize(value, attr, data))
        if not isinstance(value, Mapping):
            raise ValidationError("must be an id, or an object with an 'id'.")
        return str(self._object.deserialize(value)["id"])

    def shape(self, shapes: Shapes) -> dict[str, Any]:
        """A string or the object."""
        return {"anyOf": [{"type": "string", "minLength": 1}, shapes.body(ConversationIdSchema)]}


class InputSchema(Call):
    """Base of the bodies that hold a response's input."""

    input = InputItems()
    instructions = fields.String(
        metadata=about("Come before everything else; those of an earlier response are not carried over.")
    )
    previous_response_id = Text(metadata=about("The response that this one continues."))
    adapter = adapter()


class ResponseInputSchema(InputSchema):
    """What a model reads before it answers."""

    conversation = ConversationId(
        metadata=about("The conversation that is read before the input; input and output become items of it.")
    )
    tools = Items(ToolField(), most=MAX_TOOLS)
    tool_choice = ResponseToolChoice()
    parallel_tool_calls = Flag()
    text = fields.Nested(ResponseTextConfigSchema)
    reasoning = fields.Nested(ResponseReasoningConfigSchema)
    truncation = fields.String(
        validate=OneOf(("auto", "disabled")),
        metadata=about("Whether the oldest messages are left out of what does not fit the model's context."),
    )

    @validates_schema
    def one_past(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse to continue both a conversation and a response."""
        if data.keys() >= {"conversation", "previous_response_id"}:
            raise ValidationError("contradicts 'previous_response_id'; send one of the two.", "conversation")

    @validates_schema
    def something(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse a response to nothing."""
        if not data.keys() & {"conversation", "input", "instructions", "previous_response_id"}:
            raise ValidationError("this field is required.", "input")

    @validates_schema
    def choose(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse two tools of one name, and a tool choice that cannot be met."""
        names = tool_names(data.get("tools", []))
        choice = data.get("tool_choice", Choice("auto"))
        if choice.mode == "required" and not names:
            raise ValidationError("asks for a call, and there are no 'tools'.", "tool_choice")
        if choice.name is not None and choice.name not in names:
            raise ValidationError({"tool_choice": {"name": [f"no tool is called '{choice.name}'."]}})
        for index, name in enumerate(choice.allowed or ()):
            if name not in names:
                raise ValidationError({"tool_choice": {"tools": {index: {"name": [f"no tool is called '{name}'."]}}}})
        for rule in rules(data):
            if choice.mode == "required":
                raise ValidationError("contradicts 'tool_choice', which asks for a call; leave one out.", rule.param)


class ResponsesSchema(ResponseInputSchema, TokenSchema):
    """What a model is to answer."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"cache_control", "prompt_cache_options"})
    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "access_programs": (),
        "background_options": (),
        "context_management": ([],),
        "image": (),
        "max_completion_tokens": (),
        "max_tokens": (),
        "messages": (),
        "moderation": (),
        "n": (1,),
        "prompt": (),
        "response_format": (),
    }

    max_output_tokens = Count(
        validate=within(ranges.MaxTokens), metadata=about("The most tokens of an answer, thinking included.")
    )
    max_tool_calls = Count(
        validate=Range(min=1, max=LIMIT - 1),
        metadata=about("Counts hosted tools only, which are not supported here; shown again."),
    )
    top_logprobs = Count(
        validate=Range(min=0, max=MAX_ALTERNATIVES),
        metadata=about("How many of the likeliest tokens are sent with each token of the text."),
    )
    include = Items(fields.String(validate=OneOf(INCLUDABLE)), most=len(INCLUDABLE))
    metadata = metadata()
    store = Flag(metadata=about("Whether the response can be read again later; it can, unless this is false."))
    background = Flag(metadata=about("Whether the call is answered at once, while the response is still to be made."))
    stream = Flag()
    stream_options = fields.Nested(ResponseStreamOptionsSchema)
    service_tier = fields.String(validate=OneOf(("auto", "default")))
    prompt_cache_key = fields.String(metadata=about("Shown again; prompts are cached without it."))
    prompt_cache_retention = fields.String(
        validate=OneOf(("in_memory", "24h")), metadata=about("Shown again; prompts are cached while there is room.")
    )
    safety_identifier = fields.String(metadata=about("Shown again."))
    user = fields.String(metadata=about("Shown again."))

    @validates_schema
    def kept(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse a background response that is not stored, as nobody could read it."""
        if data.get("background") and data.get("store") is False:
            raise ValidationError("is for stored responses only; leave 'store' out.", "background")

    @validates_schema
    def streams(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse stream options where 'stream' is not true."""
        if "stream_options" in data and not data.get("stream"):
            raise ValidationError("is for streams only; set 'stream' to true or leave it out.", "stream_options")

    @validates_schema
    def at_least(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse a minimum of tokens that is above the maximum."""
        most = data.get("max_output_tokens")
        if most is not None and data.get("min_tokens", 0) > most:
            raise ValidationError(f"must be at most 'max_output_tokens', which is {most}.", "min_tokens")


class ResponsesMessageSchema(Body):
    """What a client says on the responses' websocket, beside the fields of a response."""

    type = fields.String(required=True, validate=OneOf(("response.create",)))
    stream_id = Text(validate=Length(max=100), metadata=about("Shown again in every event of the response."))
    generate = Flag(metadata=about("Whether the model answers; otherwise it only reads, for what goes on from this."))


class InputTokensSchema(ResponseInputSchema):
    """An input whose tokens are counted."""

    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {"personality": ()}


class CompactSchema(InputSchema):
    """A conversation to compact."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset(
        {"prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "service_tier"}
    )
    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {"image": ()}


def rules(data: Mapping[str, Any]) -> Iterator[Rule]:
    """The rules that a checked body sets for the text of its answer."""
    form = data.get("text", {}).get("format", {"type": "text"})
    if form["type"] == "json_object":
        yield Rule("json_schema", OBJECT, "text.format")
    elif form["type"] == "json_schema":
        yield Rule("json_schema", msgspec.json.encode(form["schema"]).decode(), "text.format.schema")


class QueryFlag(fields.Boolean):
    """true or false, as a query string writes them."""

    truthy: ClassVar[set[Any]] = {"true", "True", "1"}  # type: ignore[misc]
    falsy: ClassVar[set[Any]] = {"false", "False", "0"}  # type: ignore[misc]


class ResponseRetrieveSchema(Body):
    """How a stored response is to be shown; everything arrives as a string."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"include_obfuscation"})

    include = Items(fields.String(validate=OneOf(INCLUDABLE)), most=len(INCLUDABLE))
    stream = QueryFlag(load_default=False)
    starting_after = fields.Integer(
        load_default=-1,
        validate=Range(min=-1, max=LIMIT - 1),
        metadata=about("The number of the last event that is known already."),
    )


class InputItemListSchema(Body):
    """Which items to list; everything arrives as a string."""

    include = Items(fields.String(validate=OneOf(INCLUDABLE)), most=len(INCLUDABLE))
    limit = fields.Integer(load_default=20, validate=Range(min=1, max=100))
    order = fields.String(load_default="desc", validate=OneOf(("asc", "desc")))
    after = Text()
