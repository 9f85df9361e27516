"""A conversation and how the model's chat template shows it: what chats have in common with looking at their prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length, NoneOf, OneOf

from schemas.fields import Body, Call, Entries, Flag

ROLES = ("system", "developer", "user", "assistant", "tool")
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")
MAX_NESTING = 32
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


def shallow(value: Any, levels: int = MAX_NESTING) -> None:
    """Refuse what nests so deeply that not everyone who reads the stored job, or shows the template, could follow."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if inner and not levels:
        raise ValidationError(f"nests more than {MAX_NESTING} levels deep.")
    for one in inner:
        shallow(one, levels - 1)


class Content(fields.Field[str]):
    """A message's text: a string, or parts of type `text`, which are joined."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if isinstance(value, str):
            return value
        if not isinstance(value, list):
            raise ValidationError("must be a string or a list of parts.")
        return "".join(self._part(index, part) for index, part in enumerate(value))

    def _part(self, index: int, part: Any) -> str:
        kind = part.get("type") if isinstance(part, Mapping) else None
        if kind is None:
            raise ValidationError({index: ["must be an object with a 'type'."]})
        if kind != "text":
            raise ValidationError({index: [f"a part of type '{kind}' is not supported; this endpoint takes text."]})
        if not isinstance(part.get("text"), str):
            raise ValidationError({index: {"text": ["must be a string."]}})
        return str(part["text"])


class MessageSchema(Body):
    """One turn; what an answer of ours carries may be sent back as it is."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"tool_call_id"})
    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "tool_calls": ([],),
        "function_call": (),
        "refusal": (),
        "audio": (),
        "annotations": ([],),
    }

    role = fields.String(required=True, validate=OneOf(ROLES))
    content = Content(required=True)
    name = fields.String()
    partial = Flag()  # type: ignore[assignment]  # marshmallow takes it off the class, where it has one of its own


class ConversationSchema(Call):
    """Base of the bodies that hold a conversation."""

    messages = fields.List(fields.Nested(MessageSchema), required=True, validate=Length(min=1))
    reasoning_effort = fields.String(validate=OneOf(EFFORTS))
    chat_template_kwargs = Entries(
        keys=fields.String(validate=NoneOf(RESERVED, error="is not the template's to take.")), validate=shallow
    )

    @validates_schema
    def begun(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse a message that is said to be the beginning of an answer and cannot be."""
        turns = data.get("messages", [])
        for index, turn in enumerate(turns):
            if turn.get("partial") and (turn["role"] != "assistant" or index + 1 < len(turns)):
                message = "is for the last message only, and only for an assistant's."
                raise ValidationError({"messages": {index: {"partial": [message]}}})
