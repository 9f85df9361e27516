"""A transcript in every format, read back by libraries that are not ours."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pysubs2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types import audio

from tasks.values import events, results
from tasks.values.blob_ref import BlobRef
from tasks.values.events import Done, Event, Recording, Segment, Started, TokenLogprob, Usage, Word
from tasks.values.job import Job, Lane, RenderOptions
from tasks.values.requests import TranscriptionRequest
from web.render.speech import subtitles, transcriptions

HI = (Word(" Hi", 0.5, 0.8, 0.9), Word(" there.", 0.8, 1.5, 0.5))
LIKELY = (TokenLogprob(" Hi", "IEhp", -0.25), TokenLogprob("", "8J8=", -1.5))
SEGMENTS = (
    Segment(0.5, 1.5, " Hi there.", 0, (50364, 2421, 50414), 0.2, -0.5, 0.9, 0.01, HI, LIKELY),
    Segment(3725.25, 3726.0, " A <b> & c --> d", 372_000, (3,), words=(Word(" A", 3725.25, 3726.0, 1.0),)),
)
TOLD: tuple[Event, ...] = (
    Started(1),
    Recording(4000.0, "en", "english"),
    *SEGMENTS,
    Done(Usage(prompt_tokens=3, completion_tokens=7, seconds=4000.0)),
)


def job(format_: str = "json", *granularities: str, **asked: Any) -> Job:
    kinds: Any = granularities or ("segment",)
    return Job(
        id="job_1",
        owner="anonymous",
        model="m",
        endpoint="/v1/audio/transcriptions",
        payload=TranscriptionRequest(BlobRef("0" * 64, 1, "audio/wav"), **asked),
        created=0,
        deadline=1,
        lane=Lane.INTERACTIVE,
        keep=60,
        options=RenderOptions(response_format=format_, granularities=kinds),  # type: ignore[arg-type]
    )


def body(made: Job, told: tuple[Event, ...] = TOLD) -> Any:
    rendered = transcriptions.body(made, results.fold(made.payload, told))
    return json.loads(rendered.data) if rendered.content_type == "application/json" else rendered.data.decode()


def stream(made: Job, *told: Event) -> list[dict[str, Any]]:
    chunks = transcriptions.Chunks(made)
    return [msgspec.to_builtins(chunk) for event in told for chunk in chunks(event)]


@pytest.mark.parametrize("format_", ["srt", "vtt"])
def test_subtitles_are_read_by_an_independent_library(format_: str) -> None:
    found = pysubs2.SSAFile.from_string(body(job(format_)), format_=format_)
    assert [(line.start, line.end) for line in found] == [(500, 1500), (3_725_250, 3_726_000)]
    texts = [line.plaintext.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&") for line in found]
    assert texts[0] == "Hi there."
    if format_ == "vtt":
        assert texts[1] == "A <b> & c -> d"


texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1, max_size=12)


@given(st.lists(st.tuples(st.floats(0, 90_000), st.floats(0, 60), texts), max_size=6))
def test_no_text_breaks_subtitles(several: list[tuple[float, float, str]]) -> None:
    segments = [Segment(start, start + length, text) for start, length, text in several]
    shown = [segment for segment in segments if segment.text.split()]
    for written in (subtitles.srt(segments), subtitles.vtt(segments)):
        assert written.count("-->") == len(shown)
        assert "\n\n\n" not in written


def test_a_verbose_answer_is_as_the_sdk_reads_it() -> None:
    found = audio.TranscriptionVerbose.model_validate(body(job("verbose_json", "segment", "word")), strict=True)
    assert (found.language, found.duration, found.text) == ("english", 4000.0, "Hi there. A <b> & c --> d")
    assert found.segments and found.words
    assert [(one.id, one.seek, one.start, one.end, one.text) for one in found.segments] == [
        (0, 0, 0.5, 1.5, " Hi there."),
        (1, 372_000, 3725.25, 3726.0, " A <b> & c --> d"),
    ]
    first = found.segments[0]
    assert (first.tokens, first.temperature, first.avg_logprob) == ([50364, 2421, 50414], 0.2, -0.5)
    assert (first.compression_ratio, first.no_speech_prob) == (0.9, 0.01)
    assert [(word.word, word.start, word.end) for word in found.words][:2] == [("Hi", 0.5, 0.8), ("there.", 0.8, 1.5)]
    assert found.usage and found.usage.seconds == 4000.0


@pytest.mark.parametrize(
    ("asked", "there"),
    [(("segment",), {"segments"}), (("word",), {"words"}), (("word", "segment"), {"segments", "words"})],
)
def test_times_are_told_of_what_was_asked_for(asked: tuple[str, ...], there: set[str]) -> None:
    assert {"segments", "words"} & body(job("verbose_json", *asked)).keys() == there


def test_a_plain_answer_tells_language_usage_and_probabilities() -> None:
    found = audio.Transcription.model_validate(body(job(logprobs=True)), strict=True)
    assert found.text == "Hi there. A <b> & c --> d"
    assert found.languages and found.languages[0].code == "en"
    assert found.usage and found.usage.type == "duration" and found.usage.seconds == 4000.0
    assert found.logprobs and [(one.token, one.bytes, one.logprob) for one in found.logprobs] == [
        (" Hi", [32, 72, 105], -0.25),
        ("", [0xF0, 0x9F], -1.5),
    ]
    assert "logprobs" not in body(job())
    assert body(job("text")) == "Hi there. A <b> & c --> d\n"


def test_a_translation_is_english() -> None:
    assert body(job("verbose_json", task="translate"))["language"] == "english"
    assert body(job("verbose_json", task="translate"))["task"] == "translate"


def test_a_stream_says_what_the_body_says() -> None:
    found = stream(job(logprobs=True), *TOLD)
    deltas = [audio.TranscriptionTextDeltaEvent.model_validate(one, strict=True) for one in found[:-1]]
    done = audio.TranscriptionTextDoneEvent.model_validate(found[-1], strict=True)
    whole = body(job(logprobs=True))
    assert "".join(delta.delta for delta in deltas) == done.text == whole["text"]
    likely = [one.model_dump() for delta in deltas for one in delta.logprobs or ()]
    assert likely == [one.model_dump() for one in done.logprobs or ()] == whole["logprobs"]
    assert done.usage and (done.usage.input_tokens, done.usage.output_tokens) == (200_003, 7)
    assert done.usage.input_token_details and done.usage.input_token_details.text_tokens == 3
    assert done.languages and done.languages[0].code == "en"


def test_a_verbose_stream_tells_segments_and_words() -> None:
    found = stream(job("verbose_json", "word"), *TOLD)
    segments = [one for one in found if one["type"] == "transcript.text.segment"]
    read = [audio.TranscriptionTextSegmentEvent.model_validate(one, strict=True) for one in segments]
    assert [(one.id, one.start, one.end, one.text) for one in read] == [
        ("seg_0", 0.5, 1.5, " Hi there."),
        ("seg_1", 3725.25, 3726.0, " A <b> & c --> d"),
    ]
    assert segments[0]["words"][0] == {"word": "Hi", "start": 0.5, "end": 0.8}


def test_a_segment_that_is_told_again_is_shown_once() -> None:
    again = stream(job(), *TOLD[:3], Started(2), *TOLD[1:])
    assert again == stream(job(), *TOLD)


def test_nothing_said_is_an_empty_answer() -> None:
    told: tuple[Event, ...] = (Started(1), Recording(2.0), Done(Usage(seconds=2.0)))
    assert body(job(), told) == {"text": "", "usage": {"type": "duration", "seconds": 2.0}, "languages": []}
    assert body(job("srt"), told) == ""
    assert body(job("vtt"), told) == "WEBVTT\n\n"
    assert body(job("verbose_json"), told)["segments"] == []
    assert [one["type"] for one in stream(job(), *told)] == ["transcript.text.done"]


def test_the_last_recording_knows_the_true_length() -> None:
    told = (Started(1), Recording(0.0, "en", "english"), Recording(2.5, "en", "english"), Done(Usage(seconds=2.5)))
    result = results.fold(job().payload, told)
    assert isinstance(result, results.TranscriptResult)
    assert (result.seconds, result.language, result.language_name) == (2.5, "en", "english")
    assert events.decode(events.encode(SEGMENTS[0])) == SEGMENTS[0]
