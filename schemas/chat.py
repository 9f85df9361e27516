"""The body of `POST /v1/chat/completions`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, validates_schema
from marshmallow.validate import Range

from schemas.conversation import ConversationSchema
from schemas.fields import Count, Flag
from schemas.inputs import LIMIT
from schemas.sampling import MAX_ALTERNATIVES, SamplingSchema


class ChatSchema(ConversationSchema, SamplingSchema):
    """A conversation to continue."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset(
        {
            "metadata",
            "parallel_tool_calls",
            "prompt_cache_key",
            "prompt_cache_options",
            "prompt_cache_retention",
            "safety_identifier",
            "user",
        }
    )
    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "audio": (),
        "function_call": ("none", "auto"),
        "functions": ([],),
        "modalities": (["text"],),
        "moderation": (),
        "prediction": (),
        "response_format": ({"type": "text"},),
        "service_tier": ("auto", "default"),
        "store": (False,),
        "tool_choice": ("none", "auto"),
        "tools": ([],),
        "verbosity": ("medium",),
        "web_search_options": (),
    }

    max_tokens = Count(validate=Range(min=1, max=LIMIT - 1))
    max_completion_tokens = Count(validate=Range(min=1, max=LIMIT - 1))
    logprobs = Flag()
    top_logprobs = Count(validate=Range(min=0, max=MAX_ALTERNATIVES))

    @validates_schema
    def agree(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse fields that contradict each other."""
        if data.get("top_logprobs") and not data.get("logprobs"):
            raise ValidationError("is told with 'logprobs' only; set it to true.", "top_logprobs")
        limits = {data[name] for name in ("max_tokens", "max_completion_tokens") if name in data}
        if len(limits) > 1:
            raise ValidationError("contradicts 'max_completion_tokens'; send one of the two.", "max_tokens")
