"""What a text to speak may be, and what is refused by name."""

from __future__ import annotations

from typing import Any

import pytest
from marshmallow import ValidationError

from schemas.speech.audio_speech import AudioSpeechSchema
from web.api.speech import audio_speech

BODY = {"model": "m", "input": "Hello."}


def loaded(**fields: Any) -> dict[str, Any]:
    return dict(AudioSpeechSchema().load({**BODY, **fields}))


@pytest.mark.parametrize("voice", ["af_heart", "expr-voice-5-m", "af_heart,af_sky", "Uncle Fu", "v2.1", "小白"])
def test_a_voice_is_a_name_or_an_object_with_it(voice: str) -> None:
    assert loaded(voice=voice)["voice"] == loaded(voice={"id": voice})["voice"] == voice


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("voice", value) for value in ("", "/etc/passwd", "../a", "a/b", "https://a", "a\\b", ".hidden", "a" * 101)),
        *(("voice", value) for value in (3, [], {}, {"id": 3}, {"name": "a"}, "a\n", "~a", "$a")),
        *(("speed", value) for value in (0.2, 4.1, 0, -1, "1", True, float("nan"))),
        *(("input", value) for value in ("", 3, ["a"])),
        ("response_format", "ogg"),
        ("stream_format", "wav"),
        ("instructions", ""),
    ],
)
def test_what_is_wrong_is_named(field: str, value: object) -> None:
    with pytest.raises(ValidationError) as raised:
        loaded(**{field: value})
    assert set(raised.value.normalized_messages()) == {field}  # type: ignore[no-untyped-call]


def test_events_are_a_stream_and_audio_is_none() -> None:
    assert loaded(stream_format="sse")["stream"] is True
    assert "stream" not in loaded(stream_format="audio") and "stream" not in loaded()


def test_every_request_is_sampled_anew_unless_it_runs_again() -> None:
    seeds = {audio_speech.payload(loaded()).seed for _ in range(8)}
    assert len(seeds) > 1
    request = audio_speech.payload(loaded(voice="a", speed=2, response_format="wav", instructions="low"))
    asked = (request.text, request.voice, request.speed, request.format, request.instructions)
    assert asked == ("Hello.", "a", 2, "wav", "low")
