"""Speech through the real OpenAI SDK: whole, as it is made, as events, as a job and as a line of a batch."""

from __future__ import annotations

import base64
import io
import json
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import httpx
import openai
import pytest

from tests.mlxq.cli.shell import mlxq
from tests.support import recordings
from tests.support.servers import PATIENCE, Stack, Valkey, eventually, running
from tests.workers.engines.recognisers import tiny as ears
from tests.workers.engines.voices import tiny

MODEL = "tiny-random-voice"
TEXT = "It was a bright cold day in April, and the clocks struck. Nobody said more about it."


@pytest.fixture(scope="module")
def stack(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("voices")
    entry = {
        "model_path": str(tiny.pocket(folder / "pocket")),
        "served_model_name": MODEL,
        "model_type": "text-to-speech",
        "voices": {"alloy": "marius"},
    }
    listening = [
        {"model_path": str(make(folder / name)), "served_model_name": name, "model_type": "speech-to-text"}
        for name, make in (("tiny-random-timed", ears.timed), ("tiny-random-untimed", ears.untimed))
    ]
    yield from running(Stack(valkey, folder / "stack", [entry, *listening]))


@pytest.fixture
def client(stack: Stack) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{stack.url}/v1", api_key="none", max_retries=0, timeout=PATIENCE) as client:
        yield client


def seconds(audio: bytes) -> float:
    """How long the audio of a file lasts."""
    with av.open(io.BytesIO(audio)) as container:
        frames = list(container.decode(audio=0))
    return sum(frame.samples for frame in frames) / frames[0].sample_rate


def test_speech_is_made_whole(client: openai.OpenAI) -> None:
    made = client.audio.speech.create(model=MODEL, voice="alloy", input=TEXT, speed=2)
    assert made.response.headers["Content-Type"] == "audio/mpeg"
    assert made.response.headers["X-Job-ID"].startswith("job_")
    assert seconds(made.content) > 2


@pytest.mark.parametrize(
    ("format_", "type_"),
    [("wav", "audio/wav"), ("opus", "audio/ogg"), ("aac", "audio/aac"), ("flac", "audio/flac"), ("pcm", "audio/pcm")],
)
def test_every_format_has_its_type(client: openai.OpenAI, format_: Any, type_: str) -> None:
    with client.audio.speech.with_streaming_response.create(
        model=MODEL, voice={"id": "alba"}, input="Hello.", response_format=format_
    ) as response:
        assert response.headers["Content-Type"] == type_
        audio = b"".join(response.iter_bytes())
    assert len(audio) / 48_000 > 1 if format_ == "pcm" else seconds(audio) > 1


def test_audio_comes_before_the_text_is_spoken(client: openai.OpenAI, stack: Stack) -> None:
    with client.audio.speech.with_streaming_response.create(
        model=MODEL, voice="alba", input=TEXT * 40, response_format="wav"
    ) as response:
        job = response.headers["X-Job-ID"]
        pieces = response.iter_bytes()
        assert next(pieces)[:4] == b"RIFF"
        assert httpx.get(f"{stack.url}/v1/jobs/{job}").json()["status"] == "running"
    # Its client went away, so nobody wants the rest.
    eventually(lambda: httpx.get(f"{stack.url}/v1/jobs/{job}").json()["status"] == "cancelled")


def test_speech_comes_as_events(client: openai.OpenAI) -> None:
    with client.audio.speech.with_streaming_response.create(
        model=MODEL, voice="alba", input=TEXT, response_format="wav", stream_format="sse"
    ) as response:
        told = [json.loads(line[6:]) for line in response.iter_lines() if line.startswith("data: {")]
    assert {event["type"] for event in told[:-1]} == {"speech.audio.delta"} and len(told) > 2
    audio = b"".join(base64.b64decode(event["audio"]) for event in told[:-1])
    assert seconds(audio) > 1
    usage = told[-1]["usage"]
    assert told[-1]["type"] == "speech.audio.done" and usage["input_tokens"] == len(TEXT)
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]


def test_a_job_keeps_the_speech_and_its_wav_says_how_long_it_is(client: openai.OpenAI, stack: Stack) -> None:
    body = {"model": MODEL, "input": TEXT, "response_format": "wav"}
    made = httpx.post(f"{stack.url}/v1/jobs", json={"url": "/v1/audio/speech", "body": body}).json()
    eventually(lambda: httpx.get(f"{stack.url}/v1/jobs/{made['id']}").json()["status"] == "succeeded")
    answer = httpx.get(f"{stack.url}/v1/jobs/{made['id']}/result")
    assert answer.headers["Content-Type"] == "audio/wav"
    with wave.open(io.BytesIO(answer.content)) as file:
        assert file.getnframes() == (len(answer.content) - 44) // 2 > tiny.RATE
    told = [
        line for line in httpx.get(f"{stack.url}/v1/jobs/{made['id']}/events").text.splitlines() if "event:" in line
    ]
    assert told[0] == "event: started" and told[-1] == "event: done" and "event: audio_chunk" in told


def test_a_line_of_a_batch_holds_it_in_base64(client: openai.OpenAI) -> None:
    lines = [
        {"custom_id": "a", "method": "POST", "url": "/v1/audio/speech", "body": {"model": MODEL, "input": "Hello."}},
        {"custom_id": "b", "method": "POST", "url": "/v1/audio/speech",
         "body": {"model": MODEL, "input": "Hello.", "stream_format": "sse"}},
        {"custom_id": "c", "method": "POST", "url": "/v1/audio/speech",
         "body": {"model": MODEL, "input": "Hello.", "voice": "nobody"}},
    ]  # fmt: skip
    text = "\n".join(map(json.dumps, lines)).encode()
    sent = client.files.create(file=("lines.jsonl", text), purpose="batch")
    endpoint: Any = "/v1/audio/speech"
    batch = client.batches.create(input_file_id=sent.id, endpoint=endpoint, completion_window="24h")
    eventually(lambda: client.batches.retrieve(batch.id).status == "completed")
    ended = client.batches.retrieve(batch.id)
    assert ended.output_file_id is not None and ended.error_file_id is not None
    (line,) = [json.loads(one) for one in client.files.content(ended.output_file_id).text.splitlines()]
    body = line["response"]["body"]
    assert body["content_type"] == "audio/mpeg" and body["usage"]["input_tokens"] == 6
    assert seconds(base64.b64decode(body["audio"])) == pytest.approx(body["seconds"], abs=0.3)
    refused = [json.loads(one) for one in client.files.content(ended.error_file_id).text.splitlines()]
    errors = {one["custom_id"]: one["response"]["body"]["error"]["param"] for one in refused}
    assert errors == {"b": "stream_format", "c": "voice"}


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"voice": "nobody"}, "voice"),
        ({"voice": "../../etc/passwd"}, "voice"),
        ({"voice": "https://example.com/a.wav"}, "voice"),
        ({"voice": {"name": "alba"}}, "voice"),
        ({"instructions": "cheerfully"}, "instructions"),
        ({"input": ""}, "input"),
        ({"input": "a" * 4097}, "input"),
        ({"response_format": "ogg"}, "response_format"),
        ({"speed": 5}, "speed"),
        ({"speed": "2"}, "speed"),
        ({"stream_format": "json"}, "stream_format"),
    ],
)
@pytest.mark.parametrize("events", [False, True])
def test_what_cannot_be_honoured_is_named(
    client: openai.OpenAI, fields: dict[str, Any], param: str, events: bool
) -> None:
    body = {
        "model": MODEL,
        "voice": "alba",
        "input": "Hello.",
        **({"stream_format": "sse"} if events else {}),
        **fields,
    }
    with pytest.raises(openai.BadRequestError) as raised:
        client.audio.speech.create(**body)
    assert raised.value.param == param


def test_voices_are_listed(stack: Stack) -> None:
    listed = httpx.get(f"{stack.url}/v1/audio/voices").json()
    assert [voice["id"] for voice in listed["data"]] == [*tiny.VOICES, "alloy"]
    assert {voice["model"] for voice in listed["data"]} == {MODEL}
    assert httpx.get(f"{stack.url}/v1/audio/voices", params={"model": MODEL}).json() == listed
    assert httpx.get(f"{stack.url}/v1/audio/voices", params={"model": "nobody"}).status_code == 404
    assert httpx.get(f"{stack.url}/v1/models/{MODEL}").json()["voices"] == [*tiny.VOICES, "alloy"]


def test_a_model_that_speaks_does_nothing_else(client: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as raised:
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "hi"}])
    assert raised.value.status_code in (400, 404)


def test_the_command_writes_a_file_or_into_a_pipe(stack: Stack, tmp_path: Path) -> None:
    out = tmp_path / "hello.wav"
    assert mlxq(stack, "speak", "Hello.", "--out", out, "--voice", "alloy").code == 0
    assert seconds(out.read_bytes()) > 1
    again = mlxq(stack, "speak", "Hello.", "--out", out)
    assert again.code == 2 and "--overwrite replaces it" in again.err
    assert mlxq(stack, "speak", "--out", out, "--overwrite", stdin=b"Hello there.").code == 0
    assert mlxq(stack, "speak", "Hello.", "--out", tmp_path / "hello.txt").code == 2
    refused = mlxq(stack, "speak", "Hello.", "--out", tmp_path / "none.mp3", "--voice", "nobody")
    assert refused.code == 3 and "has no voice 'nobody'" in refused.err and not (tmp_path / "none.mp3").exists()


class TestOtherRecognisers:
    def test_times_of_words_are_told(self, client: openai.OpenAI) -> None:
        path, _ = recordings.librivox()[4]
        heard = client.audio.transcriptions.create(
            model="tiny-random-timed",
            file=path,
            response_format="verbose_json",
            timestamp_granularities=["word", "segment"],
        )
        assert heard.text and heard.segments and heard.words
        assert all(0 <= word.start <= word.end <= heard.duration for word in heard.words)
        assert heard.segments[0].start <= heard.words[0].start

    @pytest.mark.parametrize("model", ["tiny-random-timed", "tiny-random-untimed"])
    def test_every_format_is_written(self, client: openai.OpenAI, model: str) -> None:
        path, _ = recordings.librivox()[4]
        text = client.audio.transcriptions.create(model=model, file=path).text
        assert text
        assert client.audio.transcriptions.create(model=model, file=path, response_format="text").strip() == text
        for format_, sign in (("srt", "-->"), ("vtt", "WEBVTT")):
            written: Any = client.audio.transcriptions.create(model=model, file=path, response_format=format_)  # type: ignore[call-overload]
            assert sign in written
        told = list(client.audio.transcriptions.create(model=model, file=path, stream=True))
        assert told[-1].type == "transcript.text.done" and told[-1].text == text

    @pytest.mark.parametrize(
        ("fields", "param"),
        [
            ({"language": "en"}, "language"),
            ({"prompt": "word"}, "prompt"),
            ({"include": ["logprobs"]}, "include"),
            ({"response_format": "diarized_json"}, "response_format"),
            ({"response_format": "verbose_json", "timestamp_granularities": ["word"]}, "timestamp_granularities"),
        ],
    )
    def test_what_a_model_cannot_honour_is_named(
        self, client: openai.OpenAI, fields: dict[str, Any], param: str
    ) -> None:
        path, _ = recordings.librivox()[4]
        with pytest.raises(openai.BadRequestError) as raised:
            client.audio.transcriptions.create(model="tiny-random-untimed", file=path, **fields)
        assert raised.value.param == param
