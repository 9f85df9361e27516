"""Answers that are spoken: what a chat asks for, and a turn that was."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal, get_args

from marshmallow import ValidationError, fields
from marshmallow.validate import OneOf

from schemas.containers import Items
from schemas.fields import Body, Shapes, Text, about
from schemas.speech.audio_speech import Voice

Format = Literal["wav", "aac", "mp3", "flac", "opus", "pcm16"]
_MODALITIES = ("text", "audio")


class Modalities(Items):
    """What an answer is: text, and perhaps audio of it, as OpenAI has it."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(fields.String(validate=OneOf(_MODALITIES)), len(_MODALITIES), **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[Any]:
        found = super()._deserialize(value, attr, data, **kwargs)
        if found.count("text") != 1:
            raise ValidationError('must be ["text"] or ["text", "audio"].')
        return found

    def shape(self, shapes: Shapes) -> dict[str, Any]:
        """Text in any case, and each once."""
        return {**super().shape(shapes), "minItems": 1, "uniqueItems": True}


class AudioSchema(Body):
    """How an answer is spoken."""

    voice = Voice(metadata=about("One of the model's voices, which `GET /v1/models` lists; its first one by default."))
    format = fields.String(required=True, validate=OneOf(get_args(Format)))


class SpokenSchema(Body):
    """An answer of an assistant that was spoken, as it came or by its id alone; only what was said is read."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"data", "expires_at"})

    id = Text(required=True)
    transcript = fields.String()


def check(data: Mapping[str, Any]) -> None:
    """Reject `audio` without "audio" in `modalities`, the reverse, and options that no spoken answer can have."""
    wanted = "audio" in data.get("modalities", ())
    if wanted and "audio" not in data:
        raise ValidationError("is required, with a 'format', for answers that are spoken.", "audio")
    if not wanted and "audio" in data:
        raise ValidationError("is for answers with 'audio' in 'modalities'.", "audio")
    if wanted and data.get("n", 1) > 1:
        raise ValidationError("must be 1 for answers that are spoken.", "n")
    if wanted and data.get("store"):
        raise ValidationError("keeps no audio; leave it out, or 'audio' out of 'modalities'.", "store")


def said(turn: Mapping[str, Any]) -> dict[str, Any]:
    """A turn with the text of what was said aloud in it, where it tells that; where not, its audio stays as an id."""
    audio = turn.get("audio")
    if audio is None:
        return dict(turn)
    text = turn.get("content") or audio.get("transcript")
    return dict(turn) if text is None else {**{name: turn[name] for name in turn if name != "audio"}, "content": text}
