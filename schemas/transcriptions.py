"""The form of `POST /v1/audio/transcriptions`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields

from mlxq import ranges
from schemas.fields import Call, Shapes, Text, Upload, within

UNSUPPORTED_FORMATS = ("verbose_json", "srt", "vtt", "diarized_json")


class Format(fields.String):
    """`json` or `text`."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if value in UNSUPPORTED_FORMATS:
            raise ValidationError(f"'{value}' is not supported; use 'json' or 'text'.")
        if value not in ("json", "text"):
            raise ValidationError("must be 'json' or 'text'.")
        return str(value)

    def shape(self, _: Shapes) -> dict[str, Any]:
        """Either."""
        return {"enum": ["json", "text"]}


class TranscriptionsSchema(Call):
    """A recording to write down; numbers arrive as strings, because a form knows nothing else."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"user"})
    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {
        "chunking_strategy": ("auto",),
        "include": ([],),
        "keywords": ([],),
        "known_speaker_names": ([],),
        "known_speaker_references": ([],),
        "languages": ([],),
        "stream": (False, "false", "False"),
        "timestamp_granularities": ([], ["segment"]),
    }

    file = Upload(required=True, error_messages={"required": "a recording is required."})
    language = Text()
    prompt = fields.String()
    response_format = Format()
    temperature = fields.Float(validate=within(ranges.SpeechTemperature))
