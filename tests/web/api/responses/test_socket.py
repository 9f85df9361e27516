"""A websocket has responses made one after the other, as streams tell them, and goes on from what was not stored."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from simple_websocket import Client
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from tasks.redis import store as stores
from tasks.values import responses as values
from tasks.values.requests import ChatRequest
from tests.support.servers import PATIENCE, Stack, Valkey, eventually, fake, running
from tests.web.api.responses.test_responses import LOOK, URL, asks, events, made, said
from tests.web.bodies import ENDLESS
from tests.web.test_keys import ADMIN, make

ENDS = ("response.completed", "response.incomplete", "response.failed", "error")


def address(stack: Stack) -> str:
    return stack.url.replace("http", "ws") + URL


@pytest.fixture
def ws(fake_stack: Stack) -> Iterator[ClientConnection]:
    with connect(address(fake_stack), max_queue=None) as found:
        yield found


@pytest.fixture(scope="module")
def keyed(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """One with an admin key, and bodies of 100,000 bytes."""
    settings = {"MLXQ_ADMIN_KEY": ADMIN, "MLXQ_MAX_BODY_BYTES": "100000"}
    yield from running(Stack(valkey, tmp_path_factory.mktemp("keyed"), [fake(slots=8, step_ms=2)], **settings))


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def say(ws: ClientConnection, *args: Any, **more: Any) -> None:
    ws.send(json.dumps({"type": "response.create", **asks(*args, **more)}))


def hear(ws: ClientConnection) -> list[dict[str, Any]]:
    """The events up to the end of a response."""
    heard = [dict(json.loads(ws.recv(timeout=PATIENCE)))]
    while heard[-1]["type"] not in ENDS:
        heard.append(dict(json.loads(ws.recv(timeout=PATIENCE))))
    return heard


def answered(ws: ClientConnection, *args: Any, **more: Any) -> dict[str, Any]:
    say(ws, *args, **more)
    response: dict[str, Any] = hear(ws)[-1]["response"]
    return response


def refused(ws: ClientConnection, *args: Any, **more: Any) -> tuple[int, str, str | None]:
    say(ws, *args, **more)
    (error,) = hear(ws)
    return error["status"], error["error"]["code"], error["error"]["param"]


def test_it_tells_the_events_that_a_stream_tells(ws: ClientConnection, http: httpx.Client) -> None:
    more: dict[str, Any] = {"tools": [LOOK], "tool_choice": "required", "reasoning": {"summary": "auto"}}
    say(ws, tokens=20, **more)
    heard = hear(ws)
    stream = events(http.post(URL, json=asks(tokens=20, stream=True, **more)).text)
    assert [one["type"] for one in heard] == [one["type"] for one in stream]
    assert [one["sequence_number"] for one in heard] == list(range(len(heard)))
    response = heard[-1]["response"]
    assert http.get(f"{URL}/{response['id']}").json() == response


def read(ws: ClientConnection, stack: Stack, *args: Any, **more: Any) -> list[tuple[str, str]]:
    """The turns that a model reads for a response, which does not end: then a record holds them no more."""
    say(ws, *args, tokens=ENDLESS, **more)
    response = json.loads(ws.recv(timeout=PATIENCE))["response"]
    record = stores.connect(stack.settings).find(values.job_of(response["id"]))
    assert record is not None and isinstance(record.job.payload, ChatRequest)
    return [(turn.role, turn.content) for turn in record.job.payload.messages]


def test_several_responses_go_on_from_each_other_also_where_none_is_stored(
    ws: ClientConnection, http: httpx.Client, fake_stack: Stack
) -> None:
    first = answered(ws, "one", store=False)
    second = answered(ws, "two", store=False, previous_response_id=first["id"])
    assert http.get(f"{URL}/{first['id']}").status_code == 404
    assert http.post(URL, json=asks(previous_response_id=first["id"])).status_code == 400
    turns = [("user", "one"), ("assistant", said(first)), ("user", "two"), ("assistant", said(second))]
    assert read(ws, fake_stack, "three", previous_response_id=second["id"]) == [*turns, ("user", "three")]


def test_what_was_not_stored_is_known_to_its_own_connection_only(ws: ClientConnection, fake_stack: Stack) -> None:
    first = answered(ws, store=False)
    with connect(address(fake_stack)) as other:
        assert refused(other, previous_response_id=first["id"]) == (400, "invalid_value", "previous_response_id")
    assert answered(ws, previous_response_id=first["id"])["status"] == "incomplete"


def test_it_goes_on_from_what_was_made_elsewhere(ws: ClientConnection, http: httpx.Client) -> None:
    stored = made(http, "one")
    assert answered(ws, "two", previous_response_id=stored["id"])["previous_response_id"] == stored["id"]


def test_messages_that_come_together_are_answered_in_their_order(ws: ClientConnection) -> None:
    for number in range(3):
        say(ws, f"word{number}-", stream_id=f"lane{number}")
    for number in range(3):
        heard = hear(ws)
        assert {one["stream_id"] for one in heard} == {f"lane{number}"}
        assert said(heard[-1]["response"]).startswith(f"word{number}-1 ")


@pytest.mark.parametrize("later", ["three", None])
def test_what_is_read_ahead_is_answered_later(ws: ClientConnection, fake_stack: Stack, later: str | None) -> None:
    first = answered(ws, "one")
    say(ws, "two", previous_response_id=first["id"], generate=False, max_output_tokens=9, stream_id="a")
    heard = hear(ws)
    assert [one["type"] for one in heard] == ["response.created", "response.in_progress", "response.completed"]
    assert [(one["sequence_number"], one["stream_id"]) for one in heard] == [(0, "a"), (1, "a"), (2, "a")]
    ready = heard[-1]["response"]
    assert (ready["output"], ready["usage"]["output_tokens"], ready["max_output_tokens"]) == ([], 0, 9)
    assert ready["store"] is True and ready["usage"]["input_tokens"] > 0
    assert answered(ws, "other", previous_response_id=ready["id"])["output"]  # it may be gone on from again
    turns = [("user", "one"), ("assistant", said(first)), ("user", "two"), ("user", later)]
    assert read(ws, fake_stack, later, previous_response_id=ready["id"]) == [turn for turn in turns if turn[1]]


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        ("{", "invalid_json", None),
        ("[]", "invalid_json", None),
        (b"{}", "invalid_json", None),
        ("[" * 30_000, "invalid_json", None),
        ("{}", "invalid_value", "type"),
        ({"type": "response.steer"}, "invalid_value", "type"),
        ({"type": "response.create"}, "invalid_value", "model"),
        ({"stream_id": 7}, "invalid_value", "stream_id"),
        ({"stream_id": "x" * 101}, "invalid_value", "stream_id"),
        ({"generate": "no"}, "invalid_value", "generate"),
        ({"generate": False, "conversation": "conv_1"}, "invalid_value", "conversation"),
        ({"generate": False, "model": "none"}, "model_not_found", "model"),
        ({"model": "none"}, "model_not_found", "model"),
        ({"temperature": 9}, "invalid_value", "temperature"),
        ({"stream": False}, "invalid_value", "stream"),
        ({"background": True}, "invalid_value", "background"),
        ({"input": [{"type": "nothing"}]}, "invalid_value", "input[0].type"),
        ({"previous_response_id": "resp_none"}, "invalid_value", "previous_response_id"),
        ({"previous_response_id": ["resp_none"]}, "invalid_value", "previous_response_id"),
        ({"tools": [{"type": "web_search"}]}, "invalid_value", "tools[0].type"),
        ({"input": "x" * 70_000, "max_output_tokens": 0}, "invalid_value", "max_output_tokens"),
    ],
)
def test_what_cannot_be_made_is_an_error_and_the_socket_stays(
    ws: ClientConnection, message: Any, code: str, param: str | None
) -> None:
    if isinstance(message, dict) and message.get("type") is None:
        message = {"type": "response.create", **asks(), **message}
    ws.send(json.dumps(message) if isinstance(message, dict) else message)
    (error,) = hear(ws)
    assert (error["type"], error["error"]["code"], error["error"]["param"]) == ("error", code, param)
    assert 400 <= error["status"] < 500 and error["error"]["message"]
    assert answered(ws)["output"]


@pytest.mark.parametrize("more", [{}, {"generate": False}], ids=["answering", "reading ahead"])
def test_a_job_that_comes_to_nothing_is_told(ws: ClientConnection, more: dict[str, Any]) -> None:
    assert refused(ws, "refuse", **more) == (400, "invalid_value", "input")
    say(ws, "fail", **more)
    last = hear(ws)[-1]
    assert last["type"] == ("error" if more else "response.failed")
    assert answered(ws)["output"]


@pytest.mark.parametrize("more", [{}, {"generate": False}], ids=["answering", "reading ahead"])
def test_a_client_that_leaves_ends_what_is_made_for_it(
    fake_stack: Stack, http: httpx.Client, more: dict[str, Any]
) -> None:
    with connect(address(fake_stack)) as busy, connect(address(fake_stack)) as ws:
        say(busy, tokens=ENDLESS, model="small", metadata={"who": "busy"})  # `small` answers one at a time
        eventually(lambda: under_way(http, "busy") == ["running"])
        say(ws, tokens=5, model="small", metadata={"who": "leaver"}, **more)
        eventually(lambda: under_way(http, "leaver") == ["queued"])
        ws.close()
        eventually(lambda: under_way(http, "leaver") == ["cancelled"])
        busy.close()
    eventually(lambda: "running" not in under_way(http, "busy"))


def under_way(http: httpx.Client, who: str) -> list[str]:
    query = {"metadata[who]": who, "include": "sync", "limit": "1"}
    return [job["status"] for job in http.get("/v1/jobs", params=query).json()["data"]]


def test_another_websocket_client_understands_it_too(fake_stack: Stack) -> None:
    client = Client(address(fake_stack))
    client.send(json.dumps({"type": "response.create", **asks()}))
    kinds = [""]
    while kinds[-1] not in ENDS:
        kinds.append(json.loads(client.receive(timeout=PATIENCE))["type"])
    assert kinds[1] == "response.created" and kinds[-1] == "response.incomplete"
    client.close()


def test_http_on_its_path_is_told_to_upgrade(http: httpx.Client) -> None:
    response = http.get(URL)
    assert (response.status_code, response.json()["error"]["code"]) == (426, "upgrade_required")


def test_a_message_larger_than_a_body_may_be_ends_the_socket(keyed: Stack) -> None:
    with connect(address(keyed), additional_headers=bearer(ADMIN)) as ws:
        assert refused(ws, "x" * 90_000, temperature=9)[1] == "invalid_value"
        ws.send("x" * 200_000)
        with pytest.raises(ConnectionClosed) as caught:
            hear(ws)
    assert caught.value.rcvd is not None and caught.value.rcvd.code == 1009


def test_every_response_counts_for_its_key_until_it_is_revoked(keyed: Stack) -> None:
    with httpx.Client(base_url=keyed.url, headers=bearer(ADMIN), timeout=PATIENCE) as admin:
        key = make(admin, requests_per_minute=2)
        with connect(address(keyed), additional_headers=bearer(key["key"])) as ws:
            assert answered(ws)["output"] and answered(ws)["output"]
            say(ws)
            (error,) = hear(ws)
            assert (error["status"], error["error"]["code"]) == (429, "rate_limit_exceeded")
            assert int(error["error"]["headers"]["Retry-After"]) > 0
            admin.post(f"/v1/admin/keys/{key['id']}/revoke")
            eventually(lambda: refused(ws)[:2] == (401, "invalid_api_key"))
