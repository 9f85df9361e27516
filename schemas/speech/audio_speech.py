"""The body of `POST /v1/audio/speech`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, post_load
from marshmallow.validate import OneOf, Range

from schemas.fields import Call, Number, Shapes, Text, about

FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")
_NAME = re.compile(r"[\w][\w ,.-]{0,99}")  # no path and no address: some models would open what a voice names


class Voice(fields.Field[str]):
    """A voice's name, or an object with it as its `id`."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        name = value.get("id") if isinstance(value, Mapping) else value
        if not isinstance(name, str):
            raise ValidationError("must be the name of a voice, or an object with its 'id'.")
        if not _NAME.fullmatch(name):
            raise ValidationError("must be the name of a voice: letters, digits, blanks and , . _ -")
        return name

    def shape(self, _: Shapes) -> dict[str, Any]:
        """Either."""
        name = {"type": "string", "pattern": f"^{_NAME.pattern}$(?!\\n)"}
        return {"anyOf": [name, {"type": "object", "properties": {"id": name}, "required": ["id"]}]}


class AudioSpeechSchema(Call):
    """A text to speak."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"user"})

    input = Text(required=True, metadata=about("The text; how long it may be, the model's entry says."))
    voice = Voice(metadata=about("One of the model's voices, or one that its entry lists; its first one by default."))
    instructions = Text(metadata=about("How to speak, in words, where the model reads them."))
    response_format = fields.String(validate=OneOf(FORMATS))
    speed = Number(allow_nan=False, validate=Range(0.25, 4), metadata=about("How many times as fast as usual."))
    stream_format = fields.String(
        validate=OneOf(["audio", "sse"]),
        metadata=about("The audio itself, written as it is made, or events that hold it in base64."),
    )

    @post_load
    def streamed(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Events are a stream, as they are elsewhere with `stream`."""
        return {**data, "stream": True} if data.get("stream_format") == "sse" else data
