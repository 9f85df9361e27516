"""What calls about recordings have in common: what their forms ask of a model, and what of their rendering."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from schemas.answers.speech import TranscriptTextDeltaEvent, TranscriptTextDoneEvent, TranscriptTextSegmentEvent
from tasks.values.job import RenderOptions
from tasks.values.requests import TranscriptionRequest, VoiceActivity
from web.openapi.operation import SSE

MODEL_TYPES = frozenset({"whisper", "speech-to-text"})
FILES = frozenset({"file"})
MEDIA: Mapping[str, Any] = {  # what they answer beside JSON
    "text/plain": str,
    "application/x-subrip": str,
    "text/vtt": str,
    SSE: (TranscriptTextDeltaEvent, TranscriptTextSegmentEvent, TranscriptTextDoneEvent),
}


def payload(data: Mapping[str, Any], task: Literal["transcribe", "translate"]) -> TranscriptionRequest:
    """What a checked form asks of a model."""
    cut = data.get("chunking_strategy")
    hotwords = [data["hotwords"]] if data.get("hotwords") else []
    return TranscriptionRequest(
        data["file"],
        data.get("language"),
        data.get("prompt"),
        data.get("temperature"),
        task=task,
        hotwords=", ".join([*hotwords, *data.get("keywords", ())]) or None,
        words="word" in data.get("timestamp_granularities", ()),
        logprobs=bool(data.get("include")),
        sequential=data.get("condition_on_previous_text", False),
        skip_silence=data.get("vad_filter", cut is not None),
        voice=_voice(cut or {}),
    )


def _voice(cut: Mapping[str, Any]) -> VoiceActivity:
    seconds = {"silence": "silence_duration_ms", "padding": "prefix_padding_ms"}
    options = {name: cut[given] / 1000 for name, given in seconds.items() if given in cut}
    return VoiceActivity(**options, **({"threshold": cut["threshold"]} if "threshold" in cut else {}))


def options(data: Mapping[str, Any]) -> RenderOptions:
    """What rendering needs to know of a checked form."""
    granularities = tuple(dict.fromkeys(data.get("timestamp_granularities", ()))) or ("segment",)
    return RenderOptions(response_format=data.get("response_format", "json"), granularities=granularities)
