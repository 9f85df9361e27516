"""The body of `POST /v1/chat/completions`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf, Range

from schemas.fields import Body, Count, Flag, Number, Text

ROLES = ("system", "developer", "user", "assistant", "tool")


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


class StreamOptionsSchema(Body):
    """What a stream carries beside its text."""

    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {"include_obfuscation": (False,)}

    include_usage = Flag()


class Stop(fields.Field[list[str]]):
    """A string or up to four, none of them empty."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[str]:
        stops = [value] if isinstance(value, str) else value
        if not isinstance(stops, list) or len(stops) > 4:
            raise ValidationError("must be a string or a list of at most 4 strings.")
        for index, stop in enumerate(stops):
            if not isinstance(stop, str) or not stop:
                raise ValidationError({index: ["must be a string that is not empty."]})
        return stops


class ChatSchema(Body):
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
        "chat_template_kwargs": ({},),
        "frequency_penalty": (0,),
        "function_call": ("none", "auto"),
        "functions": ([],),
        "logit_bias": ({},),
        "logprobs": (False,),
        "min_p": (0,),
        "modalities": (["text"],),
        "moderation": (),
        "n": (1,),
        "prediction": (),
        "presence_penalty": (0,),
        "reasoning_effort": (),
        "repetition_penalty": (1,),
        "response_format": ({"type": "text"},),
        "seed": (),
        "service_tier": ("auto", "default"),
        "store": (False,),
        "tool_choice": ("none", "auto"),
        "tools": ([],),
        "top_k": (0, -1),
        "top_logprobs": (0,),
        "verbosity": ("medium",),
        "web_search_options": (),
    }

    model = Text(required=True)
    messages = fields.List(fields.Nested(MessageSchema), required=True, validate=Length(min=1))
    max_tokens = Count(validate=Range(min=1))
    max_completion_tokens = Count(validate=Range(min=1))
    temperature = Number(validate=Range(min=0, max=2))
    top_p = Number(validate=Range(min=0, max=1, min_inclusive=False))
    stop = Stop()
    stream = Flag()
    stream_options = fields.Nested(StreamOptionsSchema)

    @validates_schema
    def agree(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse fields that contradict each other."""
        if "stream_options" in data and not data.get("stream"):
            raise ValidationError("is for streams only; set 'stream' to true or leave it out.", "stream_options")
        limits = {data[name] for name in ("max_tokens", "max_completion_tokens") if name in data}
        if len(limits) > 1:
            raise ValidationError("contradicts 'max_completion_tokens'; send one of the two.", "max_tokens")
