"""Answers that are spoken through the real OpenAI SDK: whole, streamed, as a job, as a line of a batch, and gone on."""

from __future__ import annotations

import base64
import io
import json
import wave
from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletion

from tests.support.servers import PATIENCE, Stack, Valkey, eventually, running
from tests.workers.engines.text import tiny as text
from tests.workers.engines.vision import zoo

BIAS = {str(token): 100 for token in range(256, 516)}  # pairs of letters, so that answers are words
ASKED: dict[str, Any] = {
    "model": "omni",
    "messages": [{"role": "user", "content": "Say something."}],
    "modalities": ["text", "audio"],
    "audio": {"voice": "ethan", "format": "wav"},
    "temperature": 0,
    "max_tokens": 8,
    "seed": 1,
    "logit_bias": BIAS,
}


@pytest.fixture(scope="module")
def stack(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    root = tmp_path_factory.mktemp("omni")
    models = [
        {
            "model_path": str(zoo.save(root / "omni", "qwen3_omni_moe")),
            "served_model_name": "omni",
            "model_type": "multimodal",
        },
        {"model_path": str(text.save(root / "text", text.model(heads=2))), "served_model_name": "text"},
    ]
    yield from running(Stack(valkey, root / "stack", models))


@pytest.fixture
def client(stack: Stack) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{stack.url}/v1", api_key="none", max_retries=0, timeout=PATIENCE) as client:
        yield client


@pytest.fixture
def answer(client: openai.OpenAI) -> ChatCompletion:
    made = client.chat.completions.create(**ASKED)
    assert isinstance(made, ChatCompletion)
    return made


def samples(wav: str) -> bytes:
    """Those of a WAV in base64, 16 bits each at 24 kHz."""
    with wave.open(io.BytesIO(base64.b64decode(wav))) as file:
        assert (file.getframerate(), file.getnchannels()) == (24_000, 1)
        return bytes(file.readframes(file.getnframes()))


def test_an_answer_has_its_audio_and_its_transcript(answer: ChatCompletion, client: openai.OpenAI) -> None:
    message, usage = answer.choices[0].message, answer.usage
    assert message.audio is not None and message.content is None
    written = client.chat.completions.create(**{**ASKED, "modalities": ["text"], "audio": openai.omit})
    assert message.audio.transcript == written.choices[0].message.content != ""
    assert usage is not None and usage.completion_tokens_details is not None
    spoken = usage.completion_tokens_details.audio_tokens or 0
    assert spoken == usage.completion_tokens - 8 > 0 and len(samples(message.audio.data)) > 24_000 // 50


def test_a_stream_adds_up_to_the_answer(answer: ChatCompletion, client: openai.OpenAI) -> None:
    whole = answer.choices[0].message.audio
    assert whole is not None
    chunks = client.chat.completions.create(**{**ASKED, "audio": {"voice": "ethan", "format": "pcm16"}, "stream": True})
    deltas: list[Any] = [choice.delta for chunk in chunks for choice in chunk.choices]
    sounds = [delta.audio for delta in deltas if getattr(delta, "audio", None)]
    assert "".join(sound.transcript or "" for sound in sounds) == whole.transcript
    assert base64.b64decode("".join(sound.data or "" for sound in sounds)) == samples(whole.data)
    assert sum(bool(sound.id) for sound in sounds) == sum(bool(sound.expires_at) for sound in sounds) == 1


@pytest.mark.parametrize("shape", ["as it came", "by its id"])
def test_a_conversation_goes_on_behind_what_was_spoken(
    shape: str, answer: ChatCompletion, client: openai.OpenAI
) -> None:
    audio = answer.choices[0].message.audio
    assert audio is not None
    turn = answer.choices[0].message.to_dict() if shape == "as it came" else {"audio": {"id": audio.id}}
    written = {"role": "assistant", "content": audio.transcript}
    asked, plain = (
        {**ASKED, "messages": [*ASKED["messages"], one, {"role": "user", "content": "And then?"}]}
        for one in ({"role": "assistant", **turn}, written)
    )
    told = [client.chat.completions.create(**one).choices[0].message.audio for one in (asked, plain)]
    assert told[0] is not None and told[1] is not None and told[0].transcript == told[1].transcript


def test_an_id_that_stands_for_nothing_is_refused(client: openai.OpenAI) -> None:
    turns = [*ASKED["messages"], {"role": "assistant", "audio": {"id": "audio_nothing"}}, *ASKED["messages"]]
    with pytest.raises(openai.BadRequestError) as refusal:
        client.chat.completions.create(**{**ASKED, "messages": turns})
    assert refusal.value.param == "messages[1].audio.id"


def test_a_job_and_a_line_of_a_batch_hold_the_same(answer: ChatCompletion, client: openai.OpenAI, stack: Stack) -> None:
    expected = answer.choices[0].message.audio
    assert expected is not None
    made = httpx.post(f"{stack.url}/v1/jobs", json={"url": "/v1/chat/completions", "body": ASKED}).json()
    line = {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": ASKED}
    sent = client.files.create(file=("lines.jsonl", json.dumps(line).encode()), purpose="batch")
    batch = client.batches.create(input_file_id=sent.id, endpoint="/v1/chat/completions", completion_window="24h")
    eventually(lambda: httpx.get(f"{stack.url}/v1/jobs/{made['id']}").json()["status"] == "succeeded")
    eventually(lambda: client.batches.retrieve(batch.id).status == "completed")
    output = client.batches.retrieve(batch.id).output_file_id
    assert output is not None
    bodies = [
        httpx.get(f"{stack.url}/v1/jobs/{made['id']}/result").json(),
        json.loads(client.files.content(output).text)["response"]["body"],
    ]
    for body in bodies:
        audio = body["choices"][0]["message"]["audio"]
        assert (audio["data"], audio["transcript"]) == (expected.data, expected.transcript)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"model": "text"}, "modalities"),
        ({"model": "text", "stream": True}, "modalities"),
        ({"audio": {"voice": "alloy", "format": "wav"}}, "audio.voice"),
        ({"audio": {"voice": "ethan", "format": "ogg"}}, "audio.format"),
        ({"audio": openai.omit}, "audio"),
        ({"n": 2}, "n"),
        ({"store": True}, "store"),
    ],
)
def test_what_cannot_be_spoken_is_refused_by_name(client: openai.OpenAI, fields: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as refusal:
        client.chat.completions.create(**{**ASKED, "logit_bias": openai.omit, **fields})
    assert refusal.value.param == param


def test_the_voices_are_listed(client: openai.OpenAI, stack: Stack) -> None:
    shown = {model["id"]: model for model in httpx.get(f"{stack.url}/v1/models").json()["data"]}
    assert shown["omni"]["voices"] == ["chelsie", "ethan", "aiden"] and "voices" not in shown["text"]
    listed = httpx.get(f"{stack.url}/v1/audio/voices", params={"model": "omni"}).json()["data"]
    assert [voice["id"] for voice in listed] == ["chelsie", "ethan", "aiden"]
