"""Speech is written down while it is spoken, as the SDK's realtime client sends and hears it."""

from __future__ import annotations

import base64
import time
import wave
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import jiwer
import numpy as np
import openai
import pytest
from openai.resources.realtime.realtime import RealtimeConnection
from scipy.signal import resample_poly
from websockets.exceptions import ConnectionClosed

from tests.support import recordings
from tests.support.servers import PATIENCE, Stack, eventually
from tests.web.realtime.audio import encoded

MODEL = "whisper-tiny.en"
SPEED, PIECE = 4, 100  # times real time, and milliseconds that are sent at once
TRANSCRIBED = "conversation.item.input_audio_transcription"
NORMAL = jiwer.Compose(
    [jiwer.ToLowerCase(), jiwer.RemovePunctuation(), jiwer.Strip(), jiwer.ReduceToListOfListOfWords()]
)


def samples(number: int, rate: int) -> tuple[np.ndarray[Any, Any], str]:
    """One of the recordings at another rate, 16 bits, and its words."""
    path, words = recordings.librivox()[number]
    with wave.open(str(path)) as file:
        heard = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float64)
    return np.clip(resample_poly(heard, rate // 8000, 2), -32768, 32767).astype("<i2"), words


def silence(seconds: float, rate: int) -> np.ndarray[Any, Any]:
    return np.zeros(round(seconds * rate), "<i2")


@pytest.fixture
def client(real_stack: Stack) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{real_stack.url}/v1", api_key="none", max_retries=0)


@pytest.fixture
def connection(client: openai.OpenAI) -> Iterator[RealtimeConnection]:
    with client.realtime.connect(extra_query={"intent": "transcription"}) as opened:
        assert heard(opened).type == "session.created"
        yield opened


def heard(connection: RealtimeConnection) -> Any:
    """The next event; the SDK's own way to wait for it has no limit."""
    return connection.parse_event(connection._connection.recv(timeout=PATIENCE, decode=False))


def until(connection: RealtimeConnection, kind: str, count: int = 1) -> list[Any]:
    """Events up to so many of a kind."""
    events: list[Any] = []
    while sum(event.type == kind for event in events) < count:
        events.append(heard(connection))
    return events


def setup(connection: RealtimeConnection, format: str = "audio/pcm", **given: Any) -> Any:
    rate = {"rate": 24_000} if format == "audio/pcm" else {}
    sound = {"format": {"type": format, **rate}, "transcription": {"model": MODEL, "language": "en"}, **given}
    connection.session.update(session={"type": "transcription", "audio": {"input": sound}})  # type: ignore[typeddict-item]
    updated = heard(connection)
    assert updated.type == "session.updated", updated
    return updated.session


def send(connection: RealtimeConnection, audio: bytes, millisecond: int, speed: float = SPEED) -> None:
    for at in range(0, len(audio), PIECE * millisecond):
        piece = audio[at : at + PIECE * millisecond]
        connection.input_audio_buffer.append(audio=base64.b64encode(piece).decode())
        time.sleep(PIECE / 1000 / speed)


def about(event: Any) -> str:
    """The item that an event is about."""
    return str(event.item.id if hasattr(event, "item") else event.item_id)


def wrong(said: str, text: str) -> float:
    return float(jiwer.wer(said, text, reference_transform=NORMAL, hypothesis_transform=NORMAL))


@pytest.mark.parametrize("format", ["audio/pcm", "audio/pcmu", "audio/pcma"])
def test_every_sentence_is_written_down_when_its_speaker_pauses(connection: RealtimeConnection, format: str) -> None:
    rate = 24_000 if format == "audio/pcm" else 8000
    (first, said), (second, also) = samples(4, rate), samples(0, rate)
    shown = setup(connection, format, turn_detection={"type": "server_vad", "silence_duration_ms": 600})
    assert shown.audio.input.turn_detection.silence_duration_ms == 600
    together = np.concatenate([silence(0.5, rate), first, silence(1, rate), second, silence(1, rate)])
    send(connection, encoded(format, together), 48 if format == "audio/pcm" else 8)
    events = until(connection, f"{TRANSCRIBED}.completed", 2)
    kinds = Counter(event.type for event in events)
    assert kinds["input_audio_buffer.speech_started"] == kinds["input_audio_buffer.committed"] == 2
    started = [event for event in events if event.type == "input_audio_buffer.speech_started"]
    stopped = [event for event in events if event.type == "input_audio_buffer.speech_stopped"]
    assert 0 <= started[0].audio_start_ms <= 500
    pause = 500 + len(first) * 1000 // rate
    assert pause <= stopped[0].audio_end_ms <= started[1].audio_start_ms + 300 <= pause + 1300
    for event, words in zip(started, (said, also), strict=True):
        own = [one for one in events if about(one) == event.item_id]
        order = [one.type for one in own if not one.type.endswith(".delta")]
        assert order == [
            "input_audio_buffer.speech_started",
            "input_audio_buffer.speech_stopped",
            "input_audio_buffer.committed",
            "conversation.item.added",
            "conversation.item.done",
            f"{TRANSCRIBED}.completed",
        ]
        deltas = "".join(one.delta for one in own if one.type.endswith(".delta"))
        assert deltas == own[-1].transcript and wrong(words, own[-1].transcript) <= 0.1
        assert own[-1].usage.input_token_details.audio_tokens > 0
    committed = [event for event in events if event.type == "input_audio_buffer.committed"]
    assert [one.previous_item_id for one in committed] == [None, committed[0].item_id]


def test_what_is_committed_by_hand_is_written_down_whole(client: openai.OpenAI, real_stack: Stack) -> None:
    audio, said = samples(4, 24_000)
    with client.realtime.connect(model=MODEL, extra_query={"intent": "transcription"}) as connection:
        assert heard(connection).session.audio.input.transcription.model == MODEL
        wish = {"type": "transcription", "include": ["item.input_audio_transcription.logprobs"]}
        wish["audio"] = {"input": {"turn_detection": None}}
        connection.session.update(session=wish)  # type: ignore[arg-type]
        assert heard(connection).session.audio.input.turn_detection is None
        send(connection, silence(2, 24_000).tobytes(), 48, speed=100)
        connection.input_audio_buffer.clear()
        assert heard(connection).type == "input_audio_buffer.cleared"
        send(connection, audio.tobytes(), 48)
        connection.input_audio_buffer.commit()
        events = until(connection, f"{TRANSCRIBED}.completed")
        assert not any("speech" in event.type for event in events)
        assert wrong(said, events[-1].transcript) <= 0.1
        assert "".join(bytes(one.bytes).decode() for one in events[-1].logprobs).strip() == events[-1].transcript
    with httpx.Client(base_url=real_stack.url, timeout=PATIENCE) as http:
        job = http.get("/v1/jobs", params={"include": "sync", "limit": 1}).json()["data"][0]
        assert (job["endpoint"], job["model"], job["status"]) == ("/v1/audio/transcriptions", MODEL, "succeeded")


def test_the_older_session_s_names_are_understood(connection: RealtimeConnection) -> None:
    session = {
        "input_audio_format": "g711_ulaw",
        "input_audio_transcription": {"model": MODEL, "prompt": "Jane Austen"},
        "turn_detection": {"type": "server_vad", "threshold": 0.6},
        "input_audio_noise_reduction": {"type": "near_field"},
    }
    connection.send({"type": "transcription_session.update", "session": session})  # type: ignore[typeddict-item,misc]
    updated = heard(connection).to_dict()
    assert updated["type"] == "transcription_session.updated"
    assert updated["session"]["input_audio_format"] == "g711_ulaw"
    assert updated["session"]["input_audio_transcription"] == {"model": MODEL, "prompt": "Jane Austen"}
    assert updated["session"]["turn_detection"]["threshold"] == 0.6


def test_the_work_of_a_client_that_leaves_is_cancelled(client: openai.OpenAI, real_stack: Stack) -> None:
    sound, _ = samples(0, 24_000)
    long = np.concatenate([sound] * (60 * 24_000 // len(sound)))
    with httpx.Client(base_url=real_stack.url, timeout=PATIENCE) as http:

        def last() -> dict[str, Any]:
            return dict(http.get("/v1/jobs", params={"include": "sync", "limit": 1}).json()["data"][0])

        with client.realtime.connect(model=MODEL, extra_query={"intent": "transcription"}) as connection:
            assert heard(connection).type == "session.created"
            setup(connection, turn_detection=None)
            send(connection, long.tobytes(), 4800, speed=1000)
            connection.input_audio_buffer.commit()
            until(connection, "conversation.item.done")
            job = eventually(lambda: (one := last())["status"] in ("queued", "running") and one)
        eventually(lambda: http.get(f"/v1/jobs/{job['id']}").json()["status"] == "cancelled")


def test_an_utterance_that_the_model_refuses_has_failed_and_the_next_has_not(connection: RealtimeConnection) -> None:
    audio, said = samples(4, 24_000)
    setup(connection, turn_detection=None, transcription={"model": MODEL, "language": "de"})
    for language, end in (("de", "failed"), ("en", "completed")):
        setup(connection, transcription={"language": language})
        send(connection, audio.tobytes(), 48, speed=1000)
        connection.input_audio_buffer.commit()
        last = until(connection, f"{TRANSCRIBED}.{end}")[-1]
    assert wrong(said, last.transcript) <= 0.1


def test_a_message_that_is_too_large_ends_the_socket(connection: RealtimeConnection) -> None:
    connection.input_audio_buffer.append(audio="A" * (1 << 20))
    with pytest.raises(ConnectionClosed) as caught:
        heard(connection)
    assert caught.value.rcvd is not None and caught.value.rcvd.code == 1009
