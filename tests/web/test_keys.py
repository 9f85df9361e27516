"""Stored keys open the API until they are revoked; their limits hold for all web processes together."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from redis import Redis
from simple_websocket import Client, ConnectionClosed

from tests.support.servers import Process, Stack, Valkey, eventually, fake, free_port, running
from tests.web.bodies import CHAT, chat
from web.http.access.keycache import FRESH

ADMIN = "the-admin-key-of-this-test"
KEYS = "/v1/admin/keys"
JOB = {"url": CHAT, "body": chat(tokens=5000, model="small")}


@pytest.fixture(scope="module")
def stack(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    models = [fake(slots=32, step_ms=5), fake("small", slots=1, step_ms=40)]
    variables = {"MLXQ_ADMIN_KEY": ADMIN, "MLXQ_API_KEYS": "alpha"}
    yield from running(Stack(valkey, tmp_path_factory.mktemp("keys"), models, **variables))


@pytest.fixture(scope="module")
def second(stack: Stack) -> Iterator[str]:
    """The URL of another web process on the same queue."""
    port = free_port()
    web = Process(stack.web.words, {**stack.env, "PORT": str(port)})
    url = f"http://127.0.0.1:{port}"
    try:
        eventually(lambda: _answers(url), 60)
        yield url
    finally:
        web.stop()


def _answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/ready").status_code == 200
    except httpx.TransportError:
        return False


@pytest.fixture
def admin(stack: Stack) -> Iterator[httpx.Client]:
    with caller(stack.url, ADMIN) as client:
        yield client


def caller(url: str, key: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60)


def make(admin: httpx.Client, **fields: Any) -> dict[str, Any]:
    made = admin.post(KEYS, json={"label": "test", **fields})
    assert made.status_code == 200, made.text
    return dict(made.json())


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def test_a_new_key_works_at_once_and_is_shown_once(stack: Stack, admin: httpx.Client) -> None:
    made = make(admin, label="alice", expires_in=3600, concurrent_requests=3)
    assert made["key"].startswith("sk-mlxq-") and len(made["key"]) > 40
    assert made["expires_at"] == made["created_at"] + 3600
    assert made["limits"] == {"concurrent_requests": 3, "requests_per_minute": None, "unfinished_jobs": None}
    with caller(stack.url, made["key"]) as alice:
        assert alice.post(CHAT, json=chat()).status_code == 200
        assert alice.get("/v1/jobs?include=sync").json()["data"][0]["owner"] == made["id"]
    listed = admin.get(KEYS)
    assert made["key"] not in listed.text
    (found,) = [key for key in listed.json()["data"] if key["id"] == made["id"]]
    assert (found["label"], found["status"], found["hint"]) == ("alice", "active", f"sk-mlxq-…{made['key'][-4:]}")
    assert made["created_at"] <= found["last_used_at"] <= time.time() + 1


def test_redis_holds_no_secret(stack: Stack, admin: httpx.Client) -> None:
    secret = make(admin)["key"].removeprefix("sk-mlxq-")
    redis = Redis.from_url(stack.settings.redis_url)
    kept = [redis.hgetall(key) for key in redis.scan_iter("stack:key:*")]
    assert kept and not any(secret.encode() in value for fields in kept for value in fields.values())


def test_keys_of_the_environment_and_stored_ones_work_beside_each_other(stack: Stack, admin: httpx.Client) -> None:
    stored = make(admin)["key"]
    for key in ("alpha", stored, ADMIN):
        with caller(stack.url, key) as client:
            assert client.get("/v1/models").status_code == 200
    with caller(stack.url, "sk-mlxq-" + "x" * 43) as client:
        assert code(client.get("/v1/models")) == (401, "invalid_api_key")
    configured = [key for key in admin.get(KEYS).json()["data"] if key["source"] == "environment"]
    assert len(configured) == 1 and configured[0]["label"] is None


def test_a_revoked_key_opens_nothing_within_seconds_in_every_process(
    stack: Stack, second: str, admin: httpx.Client
) -> None:
    made = make(admin)
    with caller(stack.url, made["key"]) as one, caller(second, made["key"]) as two:
        for client in (one, two):
            assert client.get("/v1/models").status_code == 200
        revoked = admin.post(f"{KEYS}/{made['id']}/revoke").json()
        assert revoked["status"] == "revoked" and revoked["revoked_at"] >= made["created_at"]
        began = time.monotonic()
        for client in (one, two):
            eventually(lambda client=client: client.get("/v1/models").status_code == 401)
        assert time.monotonic() - began < FRESH + 30  # not at once, but not minutes later either
        refused = one.get("/v1/models")
        assert code(refused) == (401, "invalid_api_key") and "revoked" in refused.json()["error"]["message"]
    again = admin.post(f"{KEYS}/{made['id']}/revoke").json()
    assert again["revoked_at"] == revoked["revoked_at"]


def test_an_expired_key_says_so(stack: Stack, admin: httpx.Client) -> None:
    made = make(admin, expires_in=1)
    with caller(stack.url, made["key"]) as client:
        refused = eventually(lambda: (found := client.get("/v1/models")).status_code == 401 and found)
        assert "expired" in refused.json()["error"]["message"]
    assert admin.get(f"{KEYS}/{made['id']}").json()["status"] == "expired"


@pytest.mark.parametrize("key", ["alpha", None])
def test_only_the_admin_key_opens_the_admin_s_routes(stack: Stack, admin: httpx.Client, key: str | None) -> None:
    with caller(stack.url, key or make(admin)["key"]) as client:
        refused = [
            client.post(KEYS, json={"label": "mine"}),
            client.get(KEYS),
            client.post(f"{KEYS}/key_0/revoke"),
            client.get("/v1/admin/queue"),
            client.get("/v1/jobs?owner=all"),
            client.get("/v1/jobs?owner=key_0"),
        ]
    assert {code(response) for response in refused} == {(403, "admin_key_required")}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "label"),
        ({"label": ""}, "label"),
        ({"label": "x", "expires_in": 0}, "expires_in"),
        ({"label": "x", "concurrent_requests": 0}, "concurrent_requests"),
        ({"label": "x", "requests_per_minute": "many"}, "requests_per_minute"),
        ({"label": "x", "requests_per_hour": 1}, "requests_per_hour"),
    ],
)
def test_a_wrong_wish_names_its_field(admin: httpx.Client, body: dict[str, Any], param: str) -> None:
    refused = admin.post(KEYS, json=body)
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, param)
    assert code(admin.post(f"{KEYS}/key_none/revoke")) == (404, "not_found")


def test_requests_a_minute_are_exact_over_two_processes(stack: Stack, second: str, admin: httpx.Client) -> None:
    key = make(admin, requests_per_minute=20)["key"]
    with caller(stack.url, key) as one, caller(second, key) as two, ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda at: (one, two)[at % 2].post(CHAT, json=chat()), range(40)))
        assert [answer.status_code for answer in answers].count(200) == 20
        refused = [answer for answer in answers if answer.status_code == 429]
        assert len(refused) == 20 and {code(answer) for answer in refused} == {(429, "rate_limit_exceeded")}
        assert all(1 <= int(answer.headers["Retry-After"]) <= 60 for answer in refused)
        served = [answer for answer in answers if answer.status_code == 200]
        assert {answer.headers["x-ratelimit-limit-requests"] for answer in answers} == {"20"}
        left = sorted(int(answer.headers["x-ratelimit-remaining-requests"]) for answer in served)
        assert left == list(range(20))
        assert {answer.headers["x-ratelimit-remaining-requests"] for answer in refused} == {"0"}
        assert all(
            0 < float(answer.headers["x-ratelimit-reset-requests"].removesuffix("s")) <= 60 for answer in answers
        )
        for path in ("/v1/models", "/v1/jobs"):  # who only asks is not counted
            assert one.get(path).status_code == 200


def test_requests_at_the_same_time_are_exact_over_two_processes(stack: Stack, second: str, admin: httpx.Client) -> None:
    key = make(admin, concurrent_requests=3)["key"]
    body = chat(tokens=200)
    with caller(stack.url, key) as one, caller(second, key) as two, ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda at: (one, two)[at % 2].post(CHAT, json=body), range(12)))
        assert [answer.status_code for answer in answers].count(200) == 3
        refused = [answer for answer in answers if answer.status_code != 200]
        assert {code(answer) for answer in refused} == {(429, "concurrency_limit_exceeded")}
        assert {answer.headers["Retry-After"] for answer in refused} == {"1"}
        assert [one.post(CHAT, json=chat()).status_code for _ in range(4)] == [200] * 4  # every place is free again


def test_a_stream_counts_until_its_last_byte_and_until_its_client_leaves(stack: Stack, admin: httpx.Client) -> None:
    key = make(admin, concurrent_requests=1)["key"]
    with caller(stack.url, key) as client:
        with client.stream("POST", CHAT, json=chat(tokens=2000, stream=True)) as stream:
            next(stream.iter_lines())
            assert code(client.post(CHAT, json=chat())) == (429, "concurrency_limit_exceeded")
            job = stream.headers["X-Job-ID"]
            assert client.get(f"/v1/jobs/{job}").status_code == 200  # asking and ending are always possible
        eventually(lambda: client.post(CHAT, json=chat()).status_code == 200)


def test_a_websocket_counts_while_it_is_open(stack: Stack, admin: httpx.Client) -> None:
    key = make(admin, concurrent_requests=1)["key"]
    headers = {"Authorization": f"Bearer {key}"}
    socket = Client(stack.url.replace("http", "ws") + "/v1/jobs/stream", headers=headers)
    socket.send(json.dumps({"type": "ping"}))
    assert json.loads(socket.receive(timeout=60)) == {"type": "pong"}
    with caller(stack.url, key) as client:
        assert code(client.post(CHAT, json=chat())) == (429, "concurrency_limit_exceeded")
        socket.close()
        eventually(lambda: client.post(CHAT, json=chat()).status_code == 200)
    with pytest.raises(ConnectionClosed):
        socket.send("{}")


def test_a_websocket_of_a_revoked_key_follows_nothing_new(stack: Stack, admin: httpx.Client) -> None:
    made = make(admin)
    headers = {"Authorization": f"Bearer {made['key']}"}
    socket = Client(stack.url.replace("http", "ws") + "/v1/jobs/stream", headers=headers)

    def refused() -> bool:
        socket.send(json.dumps({"type": "subscribe", "id": "job_none"}))
        return bool(json.loads(socket.receive(timeout=60))["error"]["code"] == "invalid_api_key")

    assert not refused()
    admin.post(f"{KEYS}/{made['id']}/revoke")
    eventually(refused)
    socket.close()


def test_unfinished_jobs_are_exact_and_make_room_as_they_end(stack: Stack, admin: httpx.Client) -> None:
    key = make(admin, unfinished_jobs=5)["key"]
    with caller(stack.url, key) as client, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post("/v1/jobs", json=JOB), range(16)))
        made = [answer.json()["id"] for answer in answers if answer.status_code == 202]
        refused = [answer for answer in answers if answer.status_code != 202]
        assert len(made) == 5 and {code(answer) for answer in refused} == {(429, "job_limit_exceeded")}
        assert all(1 <= int(answer.headers["Retry-After"]) <= 120 for answer in refused)
        assert client.post(CHAT, json=chat()).status_code == 200  # who waits for the answer makes no job that counts
        for job in made[:2]:
            assert client.post(f"/v1/jobs/{job}/cancel").status_code == 200
        again = [client.post("/v1/jobs", json=JOB) for _ in range(3)]
        assert [answer.status_code for answer in again] == [202, 202, 429]
        for job in [*made[2:], *(answer.json()["id"] for answer in again[:2])]:
            client.post(f"/v1/jobs/{job}/cancel")


def test_keys_of_the_environment_have_no_limits_and_no_headers_of_them(stack: Stack) -> None:
    with caller(stack.url, "alpha") as client:
        answer = client.post(CHAT, json=chat())
    assert answer.status_code == 200 and not any(name.startswith("x-ratelimit") for name in answer.headers)


def test_the_admin_sees_and_ends_jobs_of_every_owner_and_reads_none(stack: Stack, admin: httpx.Client) -> None:
    made = make(admin)
    with caller(stack.url, made["key"]) as client, caller(stack.url, "alpha") as alpha:
        theirs = client.post("/v1/jobs", json=JOB).json()["id"]
        others = alpha.post("/v1/jobs", json=JOB).json()["id"]
        everybody = [job["id"] for job in admin.get("/v1/jobs?owner=all&limit=100").json()["data"]]
        assert everybody == sorted(everybody, reverse=True) and {theirs, others} <= set(everybody)
        first = admin.get("/v1/jobs?owner=all&limit=1").json()
        assert (first["data"][0]["id"], first["has_more"]) == (others, True)
        assert admin.get(f"/v1/jobs?owner=all&limit=1&after={others}").json()["data"][0]["id"] == theirs
        assert [job["id"] for job in admin.get(f"/v1/jobs?owner={made['id']}").json()["data"]] == [theirs]
        assert client.get(f"/v1/jobs?owner={made['id']}").status_code == 200
        assert admin.get(f"/v1/jobs/{theirs}").json()["owner"] == made["id"]
        assert admin.get(f"/v1/jobs/{theirs}/events").status_code == 404
        queue = {entry["id"]: entry for entry in admin.get("/v1/admin/queue").json()["data"]}
        assert queue["small"]["slots"] == 1 and sum(queue["small"]["queued"].values()) + queue["small"]["claimed"] >= 2
        for job in (theirs, others):
            assert admin.post(f"/v1/jobs/{job}/cancel").json()["status"] == "cancelled"
        assert admin.get(f"/v1/jobs/{theirs}/result").status_code == 404
        assert admin.delete(f"/v1/jobs/{theirs}").json()["deleted"]
        assert client.get(f"/v1/jobs/{theirs}").status_code == 404
        assert alpha.get(f"/v1/jobs/{others}").json()["status"] == "cancelled"
    refused = admin.get("/v1/jobs?owner=all&idempotency_key=k")
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "owner")
