"""What a call costs on its way to the model and back, in round trips: counts, never times."""

from __future__ import annotations

import pytest

from mlxq import configuration
from tests.support.servers import Stack
from tests.support.wire import counted
from tests.web.bodies import chat
from web.application import create_app

SOMETIMES = {"time", "zrangebyscore", "hmget", "scard", "zcard"}  # asked for once in half a second, or two


@pytest.mark.parametrize(
    ("path", "body"), [("/v1/embeddings", {"model": "fake", "input": "text"}), ("/v1/chat/completions", chat(tokens=9))]
)
def test_a_waiting_call_is_one_round_trip_to_ask_and_one_for_the_result(
    fake_stack: Stack, monkeypatch: pytest.MonkeyPatch, path: str, body: dict[str, object]
) -> None:
    app = create_app(*configuration.load(fake_stack.env))
    client = app.test_client()
    assert client.post(path, json=body).status_code == 200  # opens connections, loads scripts, looks at keys
    with counted(monkeypatch) as sent:
        assert client.post(path, json=body).status_code == 200
    app.extensions["mlxq"].followers.close()
    assert [name for name in sent if name not in SOMETIMES] == ["evalsha", "hget"]


def test_a_streamed_call_is_one_round_trip(fake_stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(*configuration.load(fake_stack.env))
    client, body = app.test_client(), chat(tokens=9, stream=True)
    assert client.post("/v1/chat/completions", json=body).get_data()
    with counted(monkeypatch) as sent:
        assert b"word9 " in client.post("/v1/chat/completions", json=body).get_data()
    app.extensions["mlxq"].followers.close()
    assert [name for name in sent if name not in SOMETIMES] == ["evalsha"]
