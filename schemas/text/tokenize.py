"""The body of `POST /v1/tokenize`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validates_schema

from schemas.fields import Flag
from schemas.text.messages import ConversationSchema, Messages
from schemas.text.thinking import ThinkingFields

FOR_PROMPTS = ("add_special_tokens",)
FOR_MESSAGES = (
    "add_generation_prompt",
    "chat_template_kwargs",
    "continue_final_message",
    "tools",
    *ThinkingFields._declared_fields,
)


class TokenizeSchema(ConversationSchema):
    """A text or a conversation to count and see as token ids."""

    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "chat_template": (),
        "mm_processor_kwargs": ({},),
        "return_token_strs": (False,),
    }

    prompt = fields.String()
    messages = Messages()
    add_special_tokens = Flag()

    @validates_schema
    def agree(self, data: Mapping[str, Any], **_: Any) -> None:
        """Take one of prompt and messages, and what belongs to it."""
        if "messages" in data and "prompt" in data:
            raise ValidationError("contradicts 'messages'; send one of the two.", "prompt")
        if "messages" not in data and "prompt" not in data:
            raise ValidationError("this field is required, or 'messages'.", "prompt")
        other, names = ("prompt", FOR_PROMPTS) if "messages" in data else ("messages", FOR_MESSAGES)
        for name in names:
            if data.get(name):
                raise ValidationError(f"is for '{other}' only; leave it out.", name)
