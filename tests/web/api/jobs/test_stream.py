"""A websocket follows any number of jobs, goes on where it was left, and costs no more than it may."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import httpx
import pytest
from redis import Redis
from simple_websocket import Client
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.support.servers import PATIENCE, Stack, Valkey, eventually, fake, running
from tests.web.api.jobs.test_batches import create, request, upload
from tests.web.api.jobs.test_batches import ended as batch_ended
from tests.web.api.jobs.test_jobs import ended, frames, submit
from tests.web.bodies import chat

KEYS = {"MLXQ_API_KEYS": "alpha,beta", "MLXQ_WEB_THREADS": "32"}  # room for four sockets


def address(stack: Stack) -> str:
    return stack.url.replace("http", "ws") + "/v1/jobs/stream"


@pytest.fixture
def ws(fake_stack: Stack) -> Iterator[ClientConnection]:
    with connect(address(fake_stack), max_queue=None) as found:
        yield found


@pytest.fixture(scope="module")
def keyed(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(valkey, tmp_path_factory.mktemp("keyed"), [fake(slots=8, step_ms=2)], **KEYS)
    yield from running(stack)


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def say(ws: ClientConnection, **message: Any) -> None:
    ws.send(json.dumps(message))


def hear(ws: ClientConnection) -> dict[str, Any]:
    return dict(json.loads(ws.recv(timeout=PATIENCE)))


def until_end(ws: ClientConnection, *jobs: str) -> list[dict[str, Any]]:
    """Everything up to the last job's end."""
    left, heard = set(jobs), []
    while left:
        heard.append(hear(ws))
        if heard[-1]["type"] == "end":
            left.remove(heard[-1]["id"])
    return heard


def told(heard: list[dict[str, Any]], job: str) -> list[tuple[str, str]]:
    return [(one["event_id"], one["event"]["type"]) for one in heard if one["type"] == "event" and one["id"] == job]


def test_many_jobs_are_followed_on_one_socket_as_each_would_be_alone(ws: ClientConnection, http: httpx.Client) -> None:
    jobs = [submit(http, chat(f"word{number}", tokens=20))["id"] for number in range(5)]
    for job in jobs:
        say(ws, type="subscribe", id=job)
    heard = until_end(ws, *jobs)
    assert [one["id"] for one in heard if one["type"] == "subscribed"] == jobs
    for number, job in enumerate(jobs):
        assert told(heard, job) == frames(http.get(f"/v1/jobs/{job}/events"))
        text = "".join(
            one["event"]["text"] for one in heard if one["id"] == job and one.get("event", {}).get("type") == "delta"
        )
        assert text.startswith(f"word{number}1 word{number}2")
    assert {one["status"] for one in heard if one["type"] == "end"} == {"succeeded"}


def test_it_goes_on_after_an_event_id(ws: ClientConnection, http: httpx.Client) -> None:
    job = submit(http, chat(tokens=5))["id"]
    say(ws, type="subscribe", id=job)
    whole = told(until_end(ws, job), job)
    say(ws, type="subscribe", id=job, after="1-4")
    assert told(until_end(ws, job), job) == whole[4:]
    say(ws, type="subscribe", id=job, after=whole[-1][0])
    assert told(until_end(ws, job), job) == []


def test_a_job_is_told_from_its_record_when_its_stream_has_gone(
    ws: ClientConnection, http: httpx.Client, fake_stack: Stack
) -> None:
    job = submit(http, chat(tokens=3))["id"]
    ended(http, job)
    redis = Redis.from_url(fake_stack.settings.redis_url)
    assert redis.delete(f"stack:evt:{job}")
    say(ws, type="subscribe", id=job)
    heard = until_end(ws, job)
    assert [kind for _, kind in told(heard, job)] == ["delta", "done"]
    assert told(heard, job) == frames(http.get(f"/v1/jobs/{job}/events"))


def test_a_job_that_is_left_is_told_no_more(ws: ClientConnection, http: httpx.Client) -> None:
    left, kept = (submit(http, chat(tokens=5000))["id"] for _ in range(2))
    say(ws, type="subscribe", id=left)
    say(ws, type="subscribe", id=kept)
    say(ws, type="unsubscribe", id=left)
    while hear(ws) != {"type": "unsubscribed", "id": left}:
        pass
    for job in (left, kept):
        http.post(f"/v1/jobs/{job}/cancel")
    heard = until_end(ws, kept)
    assert told(heard, left) == [] and heard[-1] == {"type": "end", "id": kept, "status": "cancelled"}
    say(ws, type="unsubscribe", id="job_never")
    assert hear(ws) == {"type": "unsubscribed", "id": "job_never"}


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        ("{", "invalid_json", None),
        ("[]", "invalid_json", None),
        (b"{}", "invalid_json", None),
        ('{"type": "listen"}', "invalid_value", "type"),
        ('{"id": "job_1"}', "invalid_value", "type"),
        ('{"type": "subscribe"}', "invalid_value", "id"),
        ('{"type": "subscribe", "id": 7}', "invalid_value", "id"),
        ('{"type": "subscribe", "id": "job_1", "after": "x"}', "invalid_value", "after"),
        ('{"type": "subscribe", "id": "job_1", "since": 1}', "unknown_parameter", "since"),
        ('{"type": "subscribe", "id": "job_none"}', "not_found", None),
        ('{"type": "subscribe", "id": "batch_none"}', "not_found", None),
        ("[" * 30_000, "invalid_json", None),
    ],
)
def test_what_cannot_be_understood_is_said_and_the_socket_stays(
    ws: ClientConnection, message: str | bytes, code: str, param: str | None
) -> None:
    ws.send(message)
    answer = hear(ws)
    assert answer["type"] == "error"
    assert (answer["error"]["code"], answer["error"]["param"]) == (code, param) and answer["error"]["message"]
    say(ws, type="ping")
    assert hear(ws) == {"type": "pong"}


def test_a_message_beyond_all_measure_ends_the_socket(ws: ClientConnection) -> None:
    ws.send("x" * 100_000)
    with pytest.raises(ConnectionClosed) as caught:
        hear(ws)
    assert caught.value.rcvd is not None and caught.value.rcvd.code == 1009


def test_a_socket_follows_so_many_jobs_and_no_more(ws: ClientConnection, http: httpx.Client) -> None:
    running_jobs = [submit(http, chat(tokens=5000))["id"] for _ in range(257)]
    try:
        for job in running_jobs:
            say(ws, type="subscribe", id=job, after="9-0")
        heard = []
        while not heard or heard[-1]["type"] != "error":
            heard.append(hear(ws))
        assert heard[-1]["id"] == running_jobs[-1] and "256" in heard[-1]["error"]["message"]
    finally:
        for job in running_jobs:
            http.post(f"/v1/jobs/{job}/cancel")


def test_a_job_that_is_deleted_meanwhile_is_said_to_be_gone(
    ws: ClientConnection, http: httpx.Client, fake_stack: Stack
) -> None:
    job = submit(http, chat(tokens=5000))["id"]
    say(ws, type="subscribe", id=job)
    assert hear(ws)["type"] == "subscribed"
    redis = Redis.from_url(fake_stack.settings.redis_url)
    http.post(f"/v1/jobs/{job}/cancel")
    redis.delete(f"stack:evt:{job}", f"stack:job:{job}")
    heard = [hear(ws)]
    while heard[-1]["type"] == "event":
        heard.append(hear(ws))
    assert heard[-1]["type"] in ("error", "end")
    say(ws, type="subscribe", id=job)
    assert hear(ws)["error"]["code"] == "not_found"


def test_another_websocket_client_understands_it_too(fake_stack: Stack, http: httpx.Client) -> None:
    client = Client(address(fake_stack))
    job = submit(http)["id"]
    client.send(json.dumps({"type": "subscribe", "id": job}))
    kinds = []
    while "end" not in kinds:
        kinds.append(json.loads(client.receive(timeout=PATIENCE))["type"])
    assert kinds == ["subscribed", *["event"] * 5, "end"]
    client.close()


def test_http_on_its_path_is_told_to_upgrade(http: httpx.Client) -> None:
    response = http.get("/v1/jobs/stream")
    assert (response.status_code, response.json()["error"]["code"]) == (426, "upgrade_required")
    assert response.headers["Upgrade"] == "websocket"


HANDSHAKE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"Sec-WebSocket-Version": ""}, 400, "invalid_request"),
        ({"Sec-WebSocket-Version": "12"}, 426, "upgrade_required"),
        ({"Sec-WebSocket-Key": None}, 400, "invalid_request"),
    ],
)
def test_a_handshake_that_is_none_is_told_what_is_missing(
    http: httpx.Client, changed: dict[str, str | None], status: int, code: str
) -> None:
    headers = {name: value for name, value in {**HANDSHAKE, **changed}.items() if value is not None}
    answer = http.get("/v1/jobs/stream", headers=headers)
    assert answer.status_code == status and answer.json()["error"]["code"] == code
    assert answer.headers["Sec-WebSocket-Version"] == "13"
    assert "Sec-WebSocket" in answer.json()["error"]["message"]


def test_a_key_is_needed_and_sees_its_own_jobs_only(keyed: Stack) -> None:
    with pytest.raises(InvalidStatus) as caught:
        connect(address(keyed))
    assert caught.value.response.status_code == 401
    with httpx.Client(base_url=keyed.url, headers=bearer("alpha")) as http:
        job = submit(http)["id"]
    with connect(address(keyed), additional_headers=bearer("beta")) as ws:
        say(ws, type="subscribe", id=job)
        assert hear(ws)["error"]["code"] == "not_found"
    with connect(address(keyed), additional_headers=bearer("alpha")) as ws:
        say(ws, type="subscribe", id=job)
        assert until_end(ws, job)[-1]["status"] == "succeeded"


def opened(stack: Stack, stack_of: ExitStack) -> ClientConnection | None:
    try:
        return stack_of.enter_context(connect(address(stack), additional_headers=bearer("alpha")))
    except InvalidStatus as refused:
        assert refused.response.status_code == 429 and refused.response.headers["Retry-After"]
        return None


def test_sockets_are_bounded_and_make_room_when_they_close(keyed: Stack) -> None:
    with ExitStack() as all_of_them:
        sockets = [eventually(lambda: opened(keyed, all_of_them)) for _ in range(4)]
        assert opened(keyed, all_of_them) is None
        assert httpx.get(f"{keyed.url}/v1/models", headers=bearer("alpha")).status_code == 200
        for _ in range(12):  # again and again: no thread is lost
            sockets.pop().close()
            sockets.append(eventually(lambda: opened(keyed, all_of_them)))


def test_a_client_that_vanishes_gives_its_place_back(keyed: Stack) -> None:
    with ExitStack() as all_of_them:
        for _ in range(8):
            eventually(lambda: opened(keyed, all_of_them)).socket.shutdown(socket.SHUT_RDWR)


def test_a_client_that_does_not_read_is_let_go_and_goes_on_later(keyed: Stack) -> None:
    with httpx.Client(base_url=keyed.url, headers=bearer("alpha"), timeout=PATIENCE) as http, socket.socket() as slow:
        jobs = [submit(http, chat("long" * 3000, tokens=300))["id"] for _ in range(4)]
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", keyed.port))
        slow.sendall(
            b"GET /v1/jobs/stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer alpha\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert b" 101 " in slow.recv(64)
        for job in jobs:
            message = json.dumps({"type": "subscribe", "id": job}).encode()
            slow.sendall(bytes([0x81, 0x80 | len(message), 0, 0, 0, 0]) + message)  # a text frame, masked with zeros
        for job in jobs:
            assert ended(http, job)["status"] == "succeeded"  # nobody waits for it
        eventually(lambda: keyed.web.log("is let go"))
        with connect(address(keyed), additional_headers=bearer("alpha")) as ws:
            say(ws, type="subscribe", id=jobs[0], after="1-5")
            heard = told(until_end(ws, jobs[0]), jobs[0])
        assert heard[0][0] == "1-6" and heard[-1][1] == "done"


def until_ended(ws: ClientConnection, batch: str) -> list[dict[str, Any]]:
    """The batch as it was told, up to its end."""
    heard = [one for one in until_end(ws, batch) if one["id"] == batch]
    assert [one["type"] for one in heard] == ["subscribed", *["event"] * len(heard[1:-1]), "end"]
    assert heard[-1]["status"] == heard[-2]["event"]["status"]
    return [one["event"] for one in heard[1:-1]]


def test_a_batch_is_followed_as_it_stands_until_it_ends(ws: ClientConnection, http: httpx.Client) -> None:
    lines = (request(str(number), chat(tokens=60, model="small")) for number in range(2))
    batch = create(http, upload(http, *lines)).json()["id"]
    say(ws, type="subscribe", id=batch)
    shown = until_ended(ws, batch)
    changed = [(one["status"], *one["request_counts"].values()) for one in shown]
    assert len(set(changed)) == len(changed) > 1
    assert shown[-1] == http.get(f"/v1/batches/{batch}").json() and shown[-1]["status"] == "completed"
    say(ws, type="subscribe", id=batch)
    assert until_ended(ws, batch) == shown[-1:]


def test_a_batch_and_a_job_are_followed_on_one_socket(ws: ClientConnection, http: httpx.Client) -> None:
    job, batch = submit(http)["id"], create(http, upload(http, "no JSON")).json()["id"]
    say(ws, type="subscribe", id=batch)
    say(ws, type="subscribe", id=job)
    heard = until_end(ws, batch, job)
    assert {one["id"]: one["status"] for one in heard if one["type"] == "end"} == {batch: "failed", job: "succeeded"}
    say(ws, type="subscribe", id=batch, after="1-2")
    error = hear(ws)["error"]
    assert (error["code"], error["param"]) == ("invalid_value", "after")


def test_a_batch_is_left_and_is_its_owner_s(keyed: Stack) -> None:
    with httpx.Client(base_url=keyed.url, headers=bearer("alpha")) as http:
        batch = create(http, upload(http, request("a", chat(tokens=5000)))).json()["id"]
        with connect(address(keyed), additional_headers=bearer("beta")) as ws:
            say(ws, type="subscribe", id=batch)
            assert hear(ws)["error"]["code"] == "not_found"
        with connect(address(keyed), additional_headers=bearer("alpha")) as ws:
            say(ws, type="subscribe", id=batch)
            say(ws, type="unsubscribe", id=batch)
            while hear(ws) != {"type": "unsubscribed", "id": batch}:
                pass
            http.post(f"/v1/batches/{batch}/cancel")
            batch_ended(http, batch)
            say(ws, type="ping")
            assert hear(ws) == {"type": "pong"}
