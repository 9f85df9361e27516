"""What a realtime socket refuses, and how it says so; what it holds at most; whose its utterances are."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import numpy as np
import pytest
from simple_websocket import ConnectionClosed
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.support.servers import PATIENCE, Stack, Valkey, eventually, running
from web.realtime import session
from web.realtime.session import Session

ADMIN = "the-key-of-who-runs-this"
BEARER = {"Authorization": "Bearer alpha"}
SPOKEN = base64.b64encode(np.random.default_rng(0).normal(0, 3000, 4800).astype("<i2").tobytes()).decode()


@pytest.fixture(scope="module")
def stack(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One whose only model says something about any noise, with room for four sockets."""
    from tests.workers.engines.speech import tiny

    folder = tmp_path_factory.mktemp("realtime")
    tiny.save(folder / "ear", context=32)
    model = {"model_path": str(folder / "ear"), "served_model_name": "ear", "model_type": "whisper"}
    text = {"model_path": "none", "served_model_name": "fake", "model_type": "fake"}
    keys = {"MLXQ_API_KEYS": "alpha,beta", "MLXQ_ADMIN_KEY": ADMIN, "MLXQ_WEB_THREADS": "32"}
    yield from running(Stack(valkey, folder / "stack", [model, text], **keys))


def opened(stack: Stack, query: str = "?intent=transcription", key: str = "alpha") -> ClientConnection:
    address = stack.url.replace("http", "ws") + "/v1/realtime" + query
    return connect(address, additional_headers={"Authorization": f"Bearer {key}"})


@pytest.fixture
def ws(stack: Stack) -> Iterator[ClientConnection]:
    with opened(stack) as found:
        assert hear(found)["type"] == "session.created"
        yield found


def say(ws: ClientConnection, kind: str, **fields: Any) -> None:
    ws.send(json.dumps({"type": kind, **fields}))


def hear(ws: ClientConnection) -> dict[str, Any]:
    return dict(json.loads(ws.recv(timeout=PATIENCE)))


def update(**heard: Any) -> dict[str, Any]:
    return {"type": "session.update", "session": {"type": "transcription", "audio": {"input": heard}}}


def older(**session: Any) -> dict[str, Any]:
    return {"type": "transcription_session.update", "session": session}


INPUT = "session.audio.input"


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        (b"\x00", "invalid_json", None),
        ("{", "invalid_json", None),
        ("[]", "invalid_json", None),
        ("[" * 30_000, "invalid_json", None),
        ({}, "invalid_value", "type"),
        ({"type": 7}, "invalid_value", "type"),
        ({"type": "response.create"}, "invalid_value", "type"),
        ({"type": "conversation.item.create", "item": {}}, "invalid_value", "type"),
        ({"type": "session.update"}, "invalid_value", "session"),
        ({"type": "session.update", "session": 1}, "invalid_value", "session"),
        ({"type": "session.update", "session": {"type": "realtime"}}, "invalid_value", "session.type"),
        ({"type": "session.update", "session": {"include": ["words"]}}, "invalid_value", "session.include[0]"),
        (update(format={"type": "audio/mp3"}), "invalid_value", f"{INPUT}.format.type"),
        (update(format={"type": "audio/pcm", "rate": 16_000}), "invalid_value", f"{INPUT}.format.rate"),
        (update(transcription={"model": "none"}), "model_not_found", f"{INPUT}.transcription.model"),
        (update(transcription={"model": "fake"}), "model_not_found", f"{INPUT}.transcription.model"),
        (update(transcription={"langauge": "en"}), "unknown_parameter", f"{INPUT}.transcription.langauge"),
        (update(transcription={"languages": ["en"]}), "unsupported_parameter", f"{INPUT}.transcription.languages"),
        (update(turn_detection={"type": "semantic_vad"}), "invalid_value", f"{INPUT}.turn_detection.type"),
        (update(turn_detection={}), "invalid_value", f"{INPUT}.turn_detection.type"),
        (
            update(turn_detection={"type": "server_vad", "threshold": 2}),
            "invalid_value",
            f"{INPUT}.turn_detection.threshold",
        ),
        (
            update(turn_detection={"type": "server_vad", "silence_duration_ms": -1}),
            "invalid_value",
            f"{INPUT}.turn_detection.silence_duration_ms",
        ),
        (
            update(turn_detection={"type": "server_vad", "idle_timeout_ms": 5000}),
            "unsupported_parameter",
            f"{INPUT}.turn_detection.idle_timeout_ms",
        ),
        (older(input_audio_format="mp3"), "invalid_value", "session.input_audio_format"),
        (
            older(turn_detection={"type": "server_vad", "threshold": "x"}),
            "invalid_value",
            "session.turn_detection.threshold",
        ),
        (
            older(input_audio_transcription={"model": "none"}),
            "model_not_found",
            "session.input_audio_transcription.model",
        ),
        ({"type": "input_audio_buffer.append"}, "invalid_value", "audio"),
        ({"type": "input_audio_buffer.append", "audio": 7}, "invalid_value", "audio"),
        ({"type": "input_audio_buffer.append", "audio": "no Base64"}, "invalid_value", "audio"),
        ({"type": "input_audio_buffer.append", "audio": "é"}, "invalid_value", "audio"),
        ({"type": "input_audio_buffer.commit"}, "invalid_value", None),
    ],
    ids=lambda value: value if isinstance(value, str) and len(value) < 60 else "",
)
def test_what_is_wrong_is_told_with_its_field_and_the_socket_stays(
    ws: ClientConnection, message: Any, code: str, param: str | None
) -> None:
    named = {**message, "event_id": "mine"} if isinstance(message, dict) else message
    ws.send(json.dumps(named) if isinstance(named, dict) else named)
    told = hear(ws)
    assert told["type"] == "error" and told["event_id"]
    assert (told["error"]["code"], told["error"]["param"]) == (code, param) and told["error"]["message"]
    assert told["error"]["event_id"] == ("mine" if isinstance(message, dict) else None)
    say(ws, "input_audio_buffer.clear")
    assert hear(ws)["type"] == "input_audio_buffer.cleared"


def test_what_is_refused_changes_nothing_and_what_is_unknown_is_told(ws: ClientConnection) -> None:
    ws.send(json.dumps(update(turn_detection=None, transcription={"model": "none", "language": "en"})))
    assert hear(ws)["type"] == "error"
    ws.send(json.dumps(update(noise_reduction={"type": "near_field"}, sparkle=1)))
    told = hear(ws)
    assert told["ignored_fields"] == ["session.audio.input.sparkle"]
    heard = told["session"]["audio"]["input"]
    assert heard["transcription"] == {} and heard["format"] == {"type": "audio/pcm", "rate": 24_000}
    assert heard["turn_detection"] == {
        "type": "server_vad",
        "threshold": 0.5,
        "prefix_padding_ms": 300,
        "silence_duration_ms": 500,
    }


def test_the_format_stays_once_audio_has_come(ws: ClientConnection) -> None:
    ws.send(json.dumps(update(format={"type": "audio/pcma"})))
    assert hear(ws)["session"]["audio"]["input"]["format"] == {"type": "audio/pcma"}
    say(ws, "input_audio_buffer.append", audio=SPOKEN)
    ws.send(json.dumps(update(format={"type": "audio/pcmu"})))
    assert hear(ws)["error"]["param"] == f"{INPUT}.format"
    ws.send(json.dumps(update(format={"type": "audio/pcma"}, turn_detection=None)))
    assert hear(ws)["type"] == "session.updated"


@pytest.mark.parametrize(
    ("query", "status", "param"),
    [("?intent=conversation", 400, "intent"), ("?model=none", 404, "model"), ("?model=fake", 404, "model")],
)
def test_what_cannot_be_had_is_refused_before_there_is_a_socket(
    stack: Stack, query: str, status: int, param: str
) -> None:
    with pytest.raises(InvalidStatus) as caught:
        opened(stack, query)
    assert caught.value.response.status_code == status
    assert json.loads(caught.value.response.body)["error"]["param"] == param


def test_http_on_its_path_is_told_to_upgrade_and_a_key_is_needed(stack: Stack) -> None:
    assert httpx.get(f"{stack.url}/v1/realtime", headers=BEARER).status_code == 426
    with pytest.raises(InvalidStatus) as caught:
        opened(stack, key="none")
    assert caught.value.response.status_code == 401


def test_more_utterances_than_are_written_down_at_once_all_have_a_text(stack: Stack) -> None:
    count = 3 * session.AT_ONCE
    with opened(stack, key="beta") as ws:
        ws.send(json.dumps(update(turn_detection=None)))
        for _ in range(count):
            say(ws, "input_audio_buffer.append", audio=SPOKEN)
            say(ws, "input_audio_buffer.commit")
        ends: dict[str, str] = {}
        while len(ends) < count:
            event = hear(ws)
            if event["type"].endswith((".completed", ".failed", "error")):
                ends[event["item_id"]] = event["type"].rpartition(".")[2]
        assert set(ends.values()) == {"completed"}

    def jobs(key: str) -> int:
        answer = httpx.get(
            f"{stack.url}/v1/jobs?include=sync&limit=100", headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE
        )
        return len(answer.json()["data"])

    assert (jobs("beta"), jobs("alpha")) == (count, 0)


def test_an_utterance_is_a_request_of_a_key_that_is_valid_then(stack: Stack) -> None:
    with httpx.Client(base_url=stack.url, headers={"Authorization": f"Bearer {ADMIN}"}, timeout=PATIENCE) as admin:
        limits = {"concurrent_requests": 1, "requests_per_minute": 3}
        key = admin.post("/v1/admin/keys", json={"label": "speaker", **limits}).json()
        with opened(stack, key=key["key"]) as ws:
            ws.send(json.dumps(update(turn_detection=None)))

            def end() -> str:
                say(ws, "input_audio_buffer.append", audio=SPOKEN)
                say(ws, "input_audio_buffer.commit")
                while not (event := hear(ws))["type"].endswith((".completed", ".failed", "error")):
                    pass
                return str(event.get("error", {}).get("code", event["type"].rpartition(".")[2]))

            assert [end() for _ in range(3)] == ["completed", "completed", "rate_limit_exceeded"]
            admin.post(f"/v1/admin/keys/{key['id']}/revoke")
            eventually(lambda: end() == "invalid_api_key")


def test_sockets_are_bounded_and_make_room_when_they_close(stack: Stack) -> None:
    def room() -> ClientConnection | None:
        try:
            return opened(stack)
        except InvalidStatus as refused:
            assert refused.response.status_code == 429
            return None

    with ExitStack() as all_of_them:
        sockets = [all_of_them.enter_context(eventually(room)) for _ in range(4)]
        assert room() is None
        sockets.pop().close()
        all_of_them.enter_context(eventually(room))


class Silent:
    """A websocket whose client is there and says nothing."""

    thread = property(lambda self: self)

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.closed: tuple[int, str] | None = None

    def is_alive(self) -> bool:
        return True

    def receive(self, timeout: float) -> None:
        return None

    def send(self, data: str) -> None:
        self.sent.append(json.loads(data)["type"])

    def close(self, reason: int, message: str) -> None:
        self.closed = reason, message


def test_who_says_nothing_for_long_is_let_go() -> None:
    ws = Silent()
    nobody: Any = None
    with pytest.raises(ConnectionClosed):
        Session(ws, nobody, None, idle=0).run()
    assert ws.sent == ["session.created"] and ws.closed is not None and ws.closed[0] == 1000
