"""The form of `POST /v1/audio/translations`."""

from __future__ import annotations

from schemas.speech.shared import SpeechSchema


class TranslationsSchema(SpeechSchema):
    """A recording to write down in English; `language` is what is spoken in it."""
