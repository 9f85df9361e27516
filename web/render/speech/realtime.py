"""A realtime session, its utterances and their texts, as OpenAI's events show them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from web.realtime.formats import Format
from web.realtime.listening import Vad

_TRANSCRIPTION = "conversation.item.input_audio_transcription"


def session(
    id: str, format: Format, vad: Vad | None, transcription: Mapping[str, Any], include: tuple[str, ...]
) -> dict[str, Any]:
    """A session as it is now."""
    rate = {"rate": format.rate} if format.type == "audio/pcm" else {}
    audio = {
        "format": {"type": format.type, **rate},
        "noise_reduction": None,
        "transcription": dict(transcription),
        "turn_detection": _detection(vad),
    }
    return {
        "type": "transcription",
        "id": id,
        "object": "realtime.transcription_session",
        "audio": {"input": audio},
        "include": list(include),
    }


def older_session(
    id: str, format: Format, vad: Vad | None, transcription: Mapping[str, Any], include: tuple[str, ...]
) -> dict[str, Any]:
    """The same, for clients of the older sessions."""
    return {
        "id": id,
        "object": "realtime.transcription_session",
        "input_audio_format": format.name,
        "input_audio_noise_reduction": None,
        "input_audio_transcription": dict(transcription),
        "turn_detection": _detection(vad),
        "include": list(include),
    }


def _detection(vad: Vad | None) -> dict[str, Any] | None:
    return None if vad is None else {"type": "server_vad", **asdict(vad)}


def item(id: str) -> dict[str, Any]:
    """An utterance, whose text comes later."""
    return {
        "id": id,
        "object": "realtime.item",
        "type": "message",
        "status": "completed",
        "role": "user",
        "content": [{"type": "input_audio", "transcript": None}],
    }


def transcribed(item_id: str, chunk: Mapping[str, Any]) -> dict[str, Any]:
    """An event of a transcription's stream, or its error, as an event about an utterance."""
    about = {"item_id": item_id, "content_index": 0}
    if "error" in chunk:
        return {"type": f"{_TRANSCRIPTION}.failed", **about, "error": chunk["error"]}
    extra = {name: chunk[name] for name in ("logprobs", "languages") if name in chunk}
    if chunk["type"] == "transcript.text.delta":
        return {"type": f"{_TRANSCRIPTION}.delta", **about, "delta": chunk["delta"], **extra}
    return {
        "type": f"{_TRANSCRIPTION}.completed",
        **about,
        "transcript": chunk["text"],
        "usage": chunk["usage"],
        **extra,
    }
