"""The form of `POST /v1/audio/transcriptions`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, validates_schema
from marshmallow.validate import OneOf

from schemas.speech.shared import Keywords, Several, SpeechSchema

_KINDS = 2  # of timestamps


class TranscriptionsSchema(SpeechSchema):
    """A recording to write down."""

    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "known_speaker_names": ([],),
        "known_speaker_references": ([],),
        "languages": ([],),
    }

    task = fields.String(validate=OneOf(["transcribe", "translate"]))
    timestamp_granularities = Several(fields.String(validate=OneOf(["segment", "word"])), _KINDS)
    include = Several(fields.String(validate=OneOf(["logprobs"])), 1)
    keywords = Keywords()

    @validates_schema
    def where_it_shows(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse what the format has no place for."""
        written = data.get("response_format", "json")
        if "word" in data.get("timestamp_granularities", ()) and written != "verbose_json":
            raise ValidationError("needs the response_format 'verbose_json'.", "timestamp_granularities")
        if data.get("include") and written != "json":
            raise ValidationError("needs the response_format 'json'.", "include")
