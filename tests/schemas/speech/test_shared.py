"""What forms about recordings may say, and what of it is refused by name."""

from __future__ import annotations

import json
from typing import Any

import pytest
from marshmallow import ValidationError

from schemas.fields import Body, problem
from schemas.speech.transcriptions import TranscriptionsSchema
from schemas.speech.translations import TranslationsSchema
from tasks.values.blob_ref import BlobRef
from tasks.values.requests import TranscriptionRequest, VoiceActivity
from web.api.speech import shared as speech
from web.api.speech import transcriptions, translations

BLOB = BlobRef("0" * 64, 1, "audio/wav")
FORM = {"model": "m", "file": BLOB}
VAD = {"type": "server_vad", "threshold": 0.4, "silence_duration_ms": 500, "prefix_padding_ms": 100}


def asked(**fields: Any) -> TranscriptionRequest:
    return transcriptions.payload(TranscriptionsSchema().load({**FORM, **fields}))


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, {}),
        ({"language": "de", "prompt": "Jane"}, {"language": "de", "prompt": "Jane"}),
        ({"temperature": "0.5"}, {"temperature": 0.5}),
        ({"task": "translate"}, {"task": "translate"}),
        ({"hotwords": "Elinor"}, {"hotwords": "Elinor"}),
        ({"hotwords": "Elinor", "keywords": ["Mr. Dashwood", "x"]}, {"hotwords": "Elinor, Mr. Dashwood, x"}),
        ({"keywords": "Norland"}, {"hotwords": "Norland"}),
        ({"response_format": "verbose_json", "timestamp_granularities": ["word", "segment"]}, {"words": True}),
        ({"response_format": "verbose_json", "timestamp_granularities": "word"}, {"words": True}),
        ({"timestamp_granularities": ["segment"]}, {}),
        ({"include": ["logprobs"]}, {"logprobs": True}),
        ({"vad_filter": "true"}, {"skip_silence": True}),
        ({"vad_filter": True}, {"skip_silence": True}),
        ({"vad_filter": False}, {}),
        ({"condition_on_previous_text": "true"}, {"sequential": True}),
        ({"condition_on_previous_text": "false", "vad_filter": "true"}, {"skip_silence": True}),
        ({"chunking_strategy": "auto"}, {}),
        ({"chunking_strategy": {"type": "server_vad"}}, {"skip_silence": True}),
        *(
            ({"chunking_strategy": vad}, {"skip_silence": True, "voice": VoiceActivity(0.4, 0.5, 0.1)})
            for vad in (VAD, json.dumps(VAD), {name: str(value) for name, value in VAD.items()})
        ),
        ({"chunking_strategy": VAD, "vad_filter": False}, {"voice": VoiceActivity(0.4, 0.5, 0.1)}),
    ],
)  # fmt: skip
def test_what_a_form_asks(fields: dict[str, Any], expected: dict[str, Any]) -> None:
    assert asked(**fields) == TranscriptionRequest(BLOB, **expected)


@pytest.mark.parametrize("schema", [TranscriptionsSchema, TranslationsSchema])
@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"response_format": "diarized_json"}, "response_format"),
        ({"response_format": "braille"}, "response_format"),
        ({"response_format": "srt", "stream": "true"}, "response_format"),
        ({"response_format": "vtt", "stream": True}, "response_format"),
        ({"temperature": "1.5"}, "temperature"),
        ({"temperature": "nan"}, "temperature"),
        ({"stream": "perhaps"}, "stream"),
        ({"vad_filter": "perhaps"}, "vad_filter"),
        ({"language": ""}, "language"),
        ({"chunking_strategy": "manual"}, "chunking_strategy"),
        ({"chunking_strategy": "{"}, "chunking_strategy"),
        ({"chunking_strategy": [1]}, "chunking_strategy"),
        ({"chunking_strategy": {"threshold": 0.5}}, "chunking_strategy.type"),
        ({"chunking_strategy": {**VAD, "type": "semantic_vad"}}, "chunking_strategy.type"),
        ({"chunking_strategy": {**VAD, "threshold": 1.5}}, "chunking_strategy.threshold"),
        ({"chunking_strategy": {**VAD, "silence_duration_ms": -1}}, "chunking_strategy.silence_duration_ms"),
        ({"chunking_strategy": {**VAD, "prefix_padding_ms": 1e9}}, "chunking_strategy.prefix_padding_ms"),
        ({"condition_on_previous_text": True, "vad_filter": True}, "condition_on_previous_text"),
        ({"condition_on_previous_text": True, "chunking_strategy": "auto"}, "condition_on_previous_text"),
    ],
)
def test_what_is_wrong_names_its_field(schema: type[Body], fields: dict[str, Any], param: str) -> None:
    with pytest.raises(ValidationError) as caught:
        schema().load({**FORM, **fields})
    assert problem(caught.value)[::2] == ("invalid_value", param)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"task": "lang_id"}, "task"),
        ({"timestamp_granularities": ["word"]}, "timestamp_granularities"),
        ({"timestamp_granularities": ["word"], "response_format": "srt"}, "timestamp_granularities"),
        ({"timestamp_granularities": ["sentence"], "response_format": "verbose_json"}, "timestamp_granularities[0]"),
        ({"include": ["logprobs"], "response_format": "verbose_json"}, "include"),
        ({"include": ["usage"]}, "include[0]"),
        ({"keywords": ["x"] * 101}, "keywords"),
    ],
)
def test_what_a_transcription_cannot_ask(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TranscriptionsSchema().load({**FORM, **fields})
    assert problem(caught.value)[::2] == ("invalid_value", param)


@pytest.mark.parametrize("name", ["known_speaker_names", "known_speaker_references", "languages"])
def test_speakers_and_choices_of_languages_are_refused_by_name(name: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TranscriptionsSchema().load({**FORM, name: ["x"]})
    assert problem(caught.value)[::2] == ("unsupported_parameter", name)


def test_a_translation_is_one_by_its_path() -> None:
    data = TranslationsSchema().load({**FORM, "language": "de", "response_format": "vtt"})
    assert translations.payload(data) == TranscriptionRequest(BLOB, "de", task="translate")
    assert speech.options(data).response_format == "vtt"


def test_a_stream_is_one_only_where_it_is_asked_for() -> None:
    for said, streams in (("true", True), ("false", False), (True, True), (False, False)):
        assert TranscriptionsSchema().load({**FORM, "stream": said})["stream"] is streams
