"""What a client says on the realtime websocket, in transcription mode: OpenAI's events, of sessions old and new."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, pre_load, validates_schema
from marshmallow.validate import Length, OneOf

from schemas.containers import Items
from schemas.fields import Body, Count, Text
from schemas.speech.shared import Keywords, ServerVadSchema

LOGPROBS = "item.input_audio_transcription.logprobs"
RATES = {"audio/pcm": 24_000, "audio/pcmu": 8000, "audio/pcma": 8000}
NAMES = ("pcm16", "g711_ulaw", "g711_alaw")


class TurnDetectionSchema(ServerVadSchema):
    """What counts as speech, and what as a pause; there are no answers here that it could begin or break off."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"create_response", "interrupt_response"})
    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {"idle_timeout_ms": ()}


class TranscriptionSchema(Body):
    """Which model writes down, and what it should know."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"delay"})
    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {"languages": ([],)}

    model = Text()
    language = Text()
    prompt = fields.String()
    keywords = Keywords()


class FormatSchema(Body):
    """How samples are written."""

    type = fields.String(required=True, validate=OneOf(list(RATES)))
    rate = Count()

    @validates_schema
    def only_rate(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse a rate that is not the format's."""
        if data.get("rate", RATES[data["type"]]) != RATES[data["type"]]:
            raise ValidationError(f"must be {RATES[data['type']]} for '{data['type']}'.", "rate")


class _Turns(Body):
    turn_detection = fields.Nested(TurnDetectionSchema, allow_none=True)

    @pre_load
    def sort_out(self, data: Any, **_: Any) -> Any:
        """Keep a null of `turn_detection`, which switches it off; any other counts as absent."""
        kept = super().sort_out(data)
        if isinstance(data, Mapping) and data.get("turn_detection", ...) is None:
            return {**kept, "turn_detection": None}
        return kept


class AudioInputSchema(_Turns):
    """What is sent, and how it is listened to."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"noise_reduction"})

    format = fields.Nested(FormatSchema)
    transcription = fields.Nested(TranscriptionSchema)


class AudioSchema(Body):
    """The audio of a session; none is sent back."""

    input = fields.Nested(AudioInputSchema)


def _include() -> Items:
    return Items(fields.String(validate=OneOf([LOGPROBS])), 1)


class SessionSchema(Body):
    """A session that writes down what is said."""

    type = fields.String(validate=OneOf(["transcription"]))
    audio = fields.Nested(AudioSchema)
    include = _include()


class OlderSessionSchema(_Turns):
    """The same as it was before: without levels."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset({"input_audio_noise_reduction"})

    input_audio_format = fields.String(validate=OneOf(list(NAMES)))
    input_audio_transcription = fields.Nested(TranscriptionSchema)
    include = _include()


class RealtimeSchema(Body):
    """What every event of a client has; `event_id` is said again in an error about it."""

    type = fields.String(required=True)
    event_id = Text(validate=Length(max=512))


class SessionUpdateSchema(RealtimeSchema):
    """`session.update`."""

    session = fields.Nested(SessionSchema, required=True)


class TranscriptionSessionUpdateSchema(RealtimeSchema):
    """`transcription_session.update`."""

    session = fields.Nested(OlderSessionSchema, required=True)


class AppendSchema(RealtimeSchema):
    """`input_audio_buffer.append`; the audio is Base64."""

    audio = fields.String(required=True)


EVENTS: Mapping[str, type[RealtimeSchema]] = {
    "session.update": SessionUpdateSchema,
    "transcription_session.update": TranscriptionSessionUpdateSchema,
    "input_audio_buffer.append": AppendSchema,
    "input_audio_buffer.commit": RealtimeSchema,
    "input_audio_buffer.clear": RealtimeSchema,
}
