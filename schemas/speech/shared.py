"""What the forms of transcriptions and translations have in common; numbers and objects may arrive as strings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import Length, OneOf, Range

from mlxq import ranges
from schemas.containers import Items
from schemas.fields import Body, Call, Shapes, Text, Upload, about, loaded, within
from schemas.images.shared import FormFlag, Real, Whole

FORMATS = ("json", "text", "srt", "vtt", "verbose_json")
STREAMED = ("json", "text", "verbose_json")
HOTWORDS = 100  # of a request
_LONGEST = 60_000  # milliseconds of a pause, or of what is heard around speech


class Format(fields.String):
    """How the text is written; who speaks is not told apart, so `diarized_json` is refused by name."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        known = ", ".join(f"'{name}'" for name in FORMATS[:-1]) + f" or '{FORMATS[-1]}'"
        if value == "diarized_json":
            raise ValidationError(f"'{value}' is not supported, as no model here tells speakers apart; use {known}.")
        if value not in FORMATS:
            raise ValidationError(f"must be {known}.")
        return str(value)

    def shape(self, _: Shapes) -> dict[str, Any]:
        """One of the words."""
        return {"enum": list(FORMATS)}


class Several(Items):
    """A list, of which a form may send a single item as it is."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[Any]:
        return super()._deserialize([value] if isinstance(value, str) else value, attr, data, **kwargs)


class ServerVadSchema(Body):
    """What counts as speech, and what as a pause."""

    type = fields.String(required=True, validate=OneOf(["server_vad"]))
    threshold = Real(0, 1)
    silence_duration_ms = Whole(validate=Range(0, _LONGEST))
    prefix_padding_ms = Whole(validate=Range(0, _LONGEST))


class Chunking(fields.Field[dict[str, Any] | None]):
    """`auto`, or an object of type `server_vad`, which a form may write as JSON."""

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> dict[str, Any] | None:
        if isinstance(value, str) and value.lstrip().startswith("{"):
            try:
                value = json.loads(value)
            except ValueError:
                raise ValidationError("is not valid JSON.") from None
        if value == "auto":
            return None
        if not isinstance(value, Mapping):
            raise ValidationError("must be 'auto' or an object with the type 'server_vad'.")
        return loaded(ServerVadSchema, value)

    def shape(self, shapes: Shapes) -> dict[str, Any]:
        """Either."""
        return {"anyOf": [{"type": "string", "enum": ["auto"]}, shapes.body(ServerVadSchema)]}


class SpeechSchema(Call):
    """A recording, and how to listen to it."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"user"})

    file = Upload(required=True, error_messages={"required": "a recording is required."})
    language = Text()
    prompt = fields.String()
    hotwords = fields.String(metadata=about("Words and names to expect, which the model is shown with every window."))
    response_format = Format()
    temperature = fields.Float(validate=within(ranges.SpeechTemperature))
    stream = FormFlag()
    chunking_strategy = Chunking()
    vad_filter = FormFlag(
        metadata=about("Whether only what a voice activity detector takes for speech is listened to.")
    )
    condition_on_previous_text = FormFlag(
        metadata=about("Whether windows are transcribed one after the other, each with the words before it.")
    )

    @validates_schema
    def streamable(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse to stream what is numbered or needs a heading."""
        if data.get("stream") and data.get("response_format", "json") not in STREAMED:
            raise ValidationError("cannot be streamed; use 'json', 'text' or 'verbose_json'.", "response_format")

    @validates_schema
    def one_order(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse to cut in pauses what is to be heard as a whole."""
        if not data.get("condition_on_previous_text"):
            return
        if "chunking_strategy" in data or data.get("vad_filter"):
            other = "chunking_strategy" if "chunking_strategy" in data else "vad_filter"
            message = f"cannot go with '{other}', which cuts the recording into parts that are transcribed apart."
            raise ValidationError(message, "condition_on_previous_text")


class Keywords(Several):
    """Words and phrases to expect."""

    def __init__(self) -> None:
        super().__init__(Text(validate=Length(max=1000)), HOTWORDS)
