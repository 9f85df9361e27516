"""The messages of a chat, and how the model's chat template shows them: for chats, and for looking at their prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, post_load, validates_schema
from marshmallow.validate import Length, NoneOf, OneOf

from schemas.containers import ByType, Entries, Items, shallow
from schemas.fields import Body, Call, Flag, Text, about
from schemas.text import functions as older
from schemas.text.content import Content
from schemas.text.spoken import SpokenSchema, said
from schemas.text.thinking import ThinkingFields
from schemas.text.tools import CALLS, MAX_TOOLS, TOOLS, CalledSchema, names

MAX_MESSAGES = MAX_PARTS = 4096  # of a conversation
MAX_KWARGS = 256
ROLES = ("system", "developer", "user", "assistant", "tool", "function")
OF_ONE_ROLE = {
    "assistant": ("tool_calls", "function_call", "reasoning_content", "reasoning", "refusal", "audio"),
    "tool": ("tool_call_id",),
}
# What a body says elsewhere, and what would replace the model's own template or the way it is applied.
RESERVED = (
    "add_generation_prompt",
    "chat_template",
    "continue_final_message",
    "conversation",
    "max_length",
    "messages",
    "padding",
    "return_assistant_tokens_mask",
    "return_dict",
    "return_tensors",
    "tokenize",
    "tokenizer_kwargs",
    "tools",
    "truncation",
)


class MessageSchema(Body):
    """One turn; what an answer of ours carries may be sent back as it is."""

    # What clients keep beside a turn: OpenAI's SDK, LiteLLM, web pages that store their conversations.
    ACCEPTED: ClassVar[frozenset[str]] = frozenset(
        {"cache_control", "id", "parsed", "provider_specific_fields", "reasoning_details", "timestamp"}
    )
    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {"annotations": ([],)}
    ALIASES: ClassVar[Mapping[str, str]] = {"prefix": "partial", "reasoning": "reasoning_content"}

    role = fields.String(required=True, validate=OneOf(ROLES))
    content = Content()
    refusal = fields.String(metadata=about("What an assistant said that refused; its text where it has no other."))
    audio = fields.Nested(SpokenSchema, metadata=about("What an assistant said aloud; `content` stands for it, too."))
    name = fields.String()
    partial = Flag()  # type: ignore[assignment]  # marshmallow takes it off the class, where it has one of its own
    prefix = Flag(metadata=about("DeepSeek's and Mistral's name of `partial`."))
    tool_calls = Items(ByType(CALLS, usual="function"), most=MAX_TOOLS)
    tool_call_id = Text()
    function_call = fields.Nested(CalledSchema, metadata=about("The older form of `tool_calls`, which holds one call."))
    reasoning_content = fields.String()
    reasoning = fields.String()

    @validates_schema
    def agree(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse what the turn's role does not go with, and a turn that says nothing."""
        for role, names_ in OF_ONE_ROLE.items():
            for name in names_:
                if data.get(name) and data["role"] != role:
                    raise ValidationError(f"is for messages of role '{role}' only.", name)
        if data["role"] == "tool" and "tool_call_id" not in data:
            raise ValidationError("is required, to say which call this answers.", "tool_call_id")
        if data["role"] == "function" and not data.get("name"):
            raise ValidationError("is required, to say whose result this is.", "name")
        if isinstance(data.get("content"), tuple) and data["role"] != "user":
            raise ValidationError("holds a part other than text, which is for messages of role 'user' only.", "content")
        if data.get("tool_calls") and "function_call" in data:
            raise ValidationError("is the older form of 'tool_calls'; send one of the two.", "function_call")
        if not data.keys() & {"content", "refusal", "function_call", "audio"} and not data.get("tool_calls"):
            raise ValidationError("is required, except of an assistant with 'tool_calls'.", "content")

    @post_load
    def translate(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Say the older form of calls and their results in the newer one, and what was said aloud as text."""
        return older.called(said(data))


class Messages(Items):
    """A conversation's turns, and of no more parts together than a turn may have."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(fields.Nested(MessageSchema), MAX_MESSAGES, validate=Length(min=1), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[Any]:
        if isinstance(value, list):
            contents = [turn.get("content") for turn in value if isinstance(turn, dict)]
            parts = sum(len(content) for content in contents if isinstance(content, list))
            if parts > MAX_PARTS:
                raise ValidationError(f"hold {parts} parts; at most {MAX_PARTS} are taken.")
        return super()._deserialize(value, attr, data, **kwargs)


class ConversationSchema(ThinkingFields, Call):
    """Base of the bodies that hold a conversation."""

    messages = Messages(required=True)
    tools = Items(ByType(TOOLS), most=MAX_TOOLS)
    chat_template_kwargs = Entries(
        keys=fields.String(validate=NoneOf(RESERVED, error="is not the template's to take.")),
        most=MAX_KWARGS,
        validate=shallow,
    )
    add_generation_prompt = Flag(metadata=about("Whether the prompt ends with what makes the model answer."))
    continue_final_message = Flag(
        metadata=about("Whether the last message is the beginning of the answer; an assistant's is, unless it calls.")
    )

    @validates_schema
    def begun(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse a message that is said to be the beginning of an answer and cannot be."""
        turns = data.get("messages", [])
        for index, turn in enumerate(turns):
            name = "prefix" if "prefix" in turn else "partial"
            if turn.get("partial") and (turn["role"] != "assistant" or index + 1 < len(turns)):
                message = "is for the last message only, and only for an assistant's."
                raise ValidationError({"messages": {index: {name: [message]}}})
            if turn.get("partial") and turn.get("tool_calls"):
                message = "cannot be continued behind its 'tool_calls'."
                raise ValidationError({"messages": {index: {name: [message]}}})
        if (
            data.get("continue_final_message")
            and turns
            and (turns[-1]["role"] != "assistant" or turns[-1].get("tool_calls"))
        ):
            message = "needs a last message of an assistant, without 'tool_calls'."
            raise ValidationError(message, "continue_final_message")

    @validates_schema
    def one_end(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse a prompt that ends twice."""
        if data.get("add_generation_prompt") and data.get("continue_final_message"):
            raise ValidationError("contradicts 'add_generation_prompt'; send one of the two.", "continue_final_message")

    @validates_schema
    def apart(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse tools that cannot be told apart."""
        names(data.get("tools", []))
