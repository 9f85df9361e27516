"""What a chat may say of answers that are spoken, and of turns that were."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.text.chat import ChatSchema
from tests.schemas.bodies import refused

SPOKEN = {"modalities": ["text", "audio"], "audio": {"format": "mp3", "voice": "Ethan"}}
USER = {"role": "user", "content": "Hi."}


def chat(*turns: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [*(turns or (USER,))], **fields}


def loaded(**fields: Any) -> dict[str, Any]:
    return dict(ChatSchema().load(chat(**fields)))


@pytest.mark.parametrize("format_", ["wav", "aac", "mp3", "flac", "opus", "pcm16"])
def test_the_formats_of_openai_are_taken(format_: str) -> None:
    assert loaded(modalities=["audio", "text"], audio={"format": format_})["audio"] == {"format": format_}


def test_a_voice_is_a_name_or_an_object_with_it() -> None:
    named = loaded(**SPOKEN)["audio"]
    assert named == loaded(**{**SPOKEN, "audio": {"format": "mp3", "voice": {"id": "Ethan"}}})["audio"]


def test_text_alone_changes_nothing() -> None:
    assert {**loaded(modalities=["text"]), "modalities": None} == {**loaded(), "modalities": None}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"modalities": []}, "modalities"),
        ({"modalities": ["audio"], "audio": {"format": "wav"}}, "modalities"),
        ({"modalities": ["text", "text"]}, "modalities"),
        ({"modalities": ["text", "video"]}, "modalities[1]"),
        ({"modalities": ["text", "audio", "text"]}, "modalities"),
        ({"modalities": "audio"}, "modalities"),
        ({"modalities": ["text", "audio"]}, "audio"),
        ({"audio": {"format": "wav"}}, "audio"),
        ({"modalities": ["text"], "audio": {"format": "wav"}}, "audio"),
        ({**SPOKEN, "audio": {}}, "audio.format"),
        ({**SPOKEN, "audio": {"format": "ogg"}}, "audio.format"),
        ({**SPOKEN, "audio": {"format": "pcm"}}, "audio.format"),
        ({**SPOKEN, "audio": {"format": "wav", "voice": "../../etc/passwd"}}, "audio.voice"),
        ({**SPOKEN, "audio": {"format": "wav", "voice": 7}}, "audio.voice"),
        ({**SPOKEN, "audio": "wav"}, "audio"),
        ({**SPOKEN, "n": 2}, "n"),
        ({**SPOKEN, "store": True}, "store"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    assert refused(ChatSchema, chat(**fields)) == ("invalid_value", param)


AUDIO = {"id": "audio_1", "data": "AAAA", "expires_at": 1, "transcript": "Hello."}


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        ({"audio": AUDIO}, {"content": "Hello."}),
        ({"audio": AUDIO, "content": None}, {"content": "Hello."}),
        ({"audio": AUDIO, "content": "Otherwise."}, {"content": "Otherwise."}),
        ({"audio": {"id": "audio_1"}}, {"audio": {"id": "audio_1"}}),
        ({"audio": None, "content": "Hello."}, {"content": "Hello."}),
    ],
)
def test_a_turn_that_was_spoken_says_its_transcript(turn: dict[str, Any], expected: dict[str, Any]) -> None:
    turns = ChatSchema().load(chat(USER, {"role": "assistant", **turn}, USER))["messages"]
    assert turns[1] == {"role": "assistant", **expected}


@pytest.mark.parametrize(
    ("turn", "param"),
    [
        ({"role": "user", "content": "Hi.", "audio": AUDIO}, "audio"),
        ({"role": "assistant", "audio": {"transcript": "Hello."}}, "audio.id"),
        ({"role": "assistant", "audio": "audio_1"}, "audio"),
    ],
)
def test_a_turn_that_cannot_have_been_spoken_is_refused(turn: dict[str, Any], param: str) -> None:
    assert refused(ChatSchema, chat(turn, USER)) == ("invalid_value", f"messages[0].{param}")
