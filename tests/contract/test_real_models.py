"""The three starter models, through everything, as the SDK and plain HTTP see them."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pysubs2
import pytest
from openai.types.audio import TranscriptionTextDeltaEvent, TranscriptionTextDoneEvent

from tests.support import recordings
from tests.support.servers import PATIENCE, Stack, eventually

TEXT, VECTORS, SPEECH = "smollm2-135m-instruct", "all-minilm-l6-v2", "whisper-tiny.en"
PATH = "/v1/audio/transcriptions"


@pytest.fixture
def client(real_stack: Stack) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{real_stack.url}/v1", api_key="none", max_retries=0)


@pytest.fixture
def http(real_stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=real_stack.url, timeout=PATIENCE) as client:
        yield client


@pytest.fixture(scope="module")
def recording() -> tuple[bytes, str]:
    path, words = recordings.librivox()[4]
    return path.read_bytes(), words


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


def ended(http: httpx.Client, job: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found = http.get(f"/v1/jobs/{job}").json()
        return found if found["status"] not in ("queued", "running") else None

    return dict(eventually(look))


def test_the_capital_of_france(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model=TEXT, messages=[{"role": "user", "content": "What is the capital of France?"}], temperature=0, stop=["."]
    )
    assert answer.choices[0].message.content == "The capital of France is Paris"
    assert answer.choices[0].finish_reason == "stop"


def test_the_next_turn_of_a_conversation_is_computed_from_where_it_goes_on(client: openai.OpenAI) -> None:
    question = {"role": "user", "content": "Name the largest of the planets that go around the sun, in one word."}
    first = client.chat.completions.create(model=TEXT, messages=[question], temperature=0, max_tokens=8)
    answer = {"role": "assistant", "content": first.choices[0].message.content}
    turns = [question, answer, {"role": "user", "content": "And the smallest?"}]
    second = client.chat.completions.create(model=TEXT, messages=turns, temperature=0, max_tokens=8)
    assert first.usage and second.usage and second.usage.prompt_tokens_details
    cached = second.usage.prompt_tokens_details.cached_tokens
    assert cached is not None and first.usage.prompt_tokens <= cached < second.usage.prompt_tokens


@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_longer_than_the_context_is_a_400(client: openai.OpenAI, stream: bool) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(
            model=TEXT, messages=[{"role": "user", "content": "word " * 9000}], stream=stream
        )
    assert (caught.value.code, caught.value.param) == ("context_length_exceeded", "messages")


def test_embeddings_with_dimensions_and_token_ids(client: openai.OpenAI) -> None:
    short = client.embeddings.create(model=VECTORS, input="text", dimensions=12)
    assert len(short.data[0].embedding) == 12
    ids = client.embeddings.create(model=VECTORS, input=[101, 3793, 102])
    assert len(ids.data[0].embedding) == 384 and ids.usage.prompt_tokens == 3


def test_many_callers_share_the_embedding_batches(client: openai.OpenAI) -> None:
    texts = [f"sentence number {number}" for number in range(40)]
    together = client.embeddings.create(model=VECTORS, input=texts)
    alone = client.embeddings.create(model=VECTORS, input=texts[7])
    difference = [abs(a - b) for a, b in zip(together.data[7].embedding, alone.data[0].embedding, strict=True)]
    assert max(difference) < 1e-5


def test_a_transcription_in_both_formats(client: openai.OpenAI, recording: tuple[bytes, str]) -> None:
    data, said = recording
    heard = client.audio.transcriptions.create(model=SPEECH, file=("speech.wav", data), language="en", temperature=0)
    assert words(heard.text) == words(said)
    text = client.audio.transcriptions.create(model=SPEECH, file=io.BytesIO(data), response_format="text")
    assert isinstance(text, str) and words(text) == words(said) and text.endswith("\n")


def test_a_recording_is_told_in_every_format_and_as_a_stream(
    client: openai.OpenAI, recording: tuple[bytes, str]
) -> None:
    data, said = recording
    transcribe = client.audio.transcriptions.create
    verbose = transcribe(
        model=SPEECH,
        file=("a.wav", data),
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
        chunking_strategy={"type": "server_vad", "threshold": 0.4},
    )
    assert words(verbose.text) == words(said) and verbose.language == "english"
    assert verbose.segments and verbose.words
    assert [word for one in verbose.words for word in words(one.word)] == words(said)
    assert 0 <= verbose.words[0].start < verbose.words[-1].end <= verbose.duration + 0.05
    subtitles = transcribe(model=SPEECH, file=("a.wav", data), response_format="srt", extra_body={"vad_filter": True})
    (cue,) = pysubs2.SSAFile.from_string(str(subtitles), format_="srt")
    assert words(cue.text) == words(said)
    events = list(transcribe(model=SPEECH, file=("a.wav", data), stream=True, include=["logprobs"]))
    *deltas, done = events
    assert isinstance(done, TranscriptionTextDoneEvent)
    assert all(isinstance(one, TranscriptionTextDeltaEvent) for one in deltas)
    assert "".join(one.delta for one in deltas if isinstance(one, TranscriptionTextDeltaEvent)) == done.text
    assert words(done.text) == words(said) and done.usage and done.usage.output_tokens > 5
    assert done.logprobs and "".join(one.token or "" for one in done.logprobs).strip() == done.text


def test_a_model_of_one_language_translates_nothing(client: openai.OpenAI, recording: tuple[bytes, str]) -> None:
    with pytest.raises(openai.BadRequestError, match="does not translate") as caught:
        client.audio.translations.create(model=SPEECH, file=("a.wav", recording[0]))
    assert caught.value.param == "model"


def test_a_recording_is_a_job_as_a_form_a_data_url_and_a_blob(http: httpx.Client, recording: tuple[bytes, str]) -> None:
    data, said = recording
    form = http.post(PATH, data={"model": SPEECH}, files={"file": ("a.wav", data)}, headers={"Prefer": "respond-async"})
    assert form.status_code == 202, form.text
    first = ended(http, form.json()["id"])
    url = "data:audio/wav;base64," + base64.b64encode(data).decode()
    for file in (url, first["inputs"][0]["blob"]):
        made = http.post("/v1/jobs", json={"url": PATH, "body": {"model": SPEECH, "file": file}})
        assert made.status_code == 202, made.text
        assert ended(http, made.json()["id"])["status"] == "succeeded"
        assert words(http.get(f"/v1/jobs/{made.json()['id']}/result").json()["text"]) == words(said)
    told = {"model": SPEECH, "file": first["inputs"][0]["blob"], "response_format": "vtt"}
    made = http.post("/v1/jobs", json={"url": PATH, "body": told})
    assert ended(http, made.json()["id"])["status"] == "succeeded"
    shown = http.get(f"/v1/jobs/{made.json()['id']}/result")
    assert shown.headers["Content-Type"] == "text/vtt; charset=utf-8" and shown.text.startswith("WEBVTT\n\n00:00:0")
    assert first["usage"]["seconds"] > 1 and first["progress"] == 100


def test_the_same_recording_under_one_key_is_one_job(http: httpx.Client, recording: tuple[bytes, str]) -> None:
    def send(data: bytes) -> httpx.Response:
        return http.post(
            PATH,
            data={"model": SPEECH},
            files={"file": ("a.wav", data)},
            headers={"Prefer": "respond-async", "Idempotency-Key": "recording"},
        )

    first, again, other = send(recording[0]), send(recording[0]), send(recording[0] + b"\0\0")
    assert first.json()["id"] == again.json()["id"] and other.status_code == 422


@pytest.mark.parametrize(
    ("form", "files", "status", "param"),
    [
        ({"model": SPEECH}, {}, 415, "Content-Type"),
        ({"model": SPEECH}, {"other": b"x"}, 400, "other"),
        ({"model": SPEECH}, {"file": b"no recording"}, 400, "file"),
        ({"model": SPEECH, "response_format": "diarized_json"}, {"file": b"x"}, 400, "response_format"),
        ({"model": SPEECH, "response_format": "srt", "stream": "true"}, {"file": b"x"}, 400, "response_format"),
        ({"model": SPEECH, "timestamp_granularities[]": "word"}, {"file": b"x"}, 400, "timestamp_granularities"),
        ({"model": SPEECH, "task": "translate"}, {"file": b"x"}, 400, "task"),
        ({"model": SPEECH, "language": "de"}, {"file": b"x"}, 400, "language"),
        ({"model": SPEECH, "temperature": "hot"}, {"file": b"x"}, 400, "temperature"),
        ({"model": TEXT}, {"file": b"x"}, 404, "model"),
    ],
)
def test_a_form_that_cannot_be_honoured_names_the_field(
    http: httpx.Client, form: dict[str, str], files: dict[str, bytes], status: int, param: str
) -> None:
    response = http.post(PATH, data=form, files=files or None)
    assert (response.status_code, response.json()["error"]["param"]) == (status, param)


@pytest.mark.parametrize("file", ["blob_" + "0" * 64, "data:nonsense", "data:audio/wav;base64,%%%", "/etc/passwd", 7])
def test_a_job_s_file_is_a_data_url_or_a_blob_of_one_s_own(http: httpx.Client, file: Any) -> None:
    response = http.post("/v1/jobs", json={"url": PATH, "body": {"model": SPEECH, "file": file}})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "body.file")
