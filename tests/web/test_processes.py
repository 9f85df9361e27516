"""Several web processes answer at one address as one: what is made through one of them is seen through the others."""

from __future__ import annotations

import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx
import psutil
import pytest
import yaml
from websockets.sync.client import connect

from tests.support.servers import PATIENCE, Stack, Valkey, eventually, fake
from tests.web.bodies import CHAT, ENDLESS, chat

ADMIN = "the-admin-key-of-this-test"
KEYS = "/v1/admin/keys"
CALLS = 8
MODELS = [fake(slots=16, step_ms=5)]


@pytest.fixture(scope="module")
def stack(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    variables = {"MLXQ_WEB_PROCESSES": "2", "MLXQ_WEB_THREADS": str(CALLS), "MLXQ_ADMIN_KEY": ADMIN}
    stack = Stack(valkey, tmp_path_factory.mktemp("processes"), MODELS, **variables)
    try:
        stack.web.stop()
        stack.start_web(shows=True)
        yield stack.ready()
    finally:
        stack.stop()


def processes(stack: Stack) -> list[psutil.Process]:
    """The processes that answer."""
    found: list[psutil.Process] = eventually(
        lambda: len(children := psutil.Process(stack.web.pid).children()) == 2 and children
    )
    return found


def caller(stack: Stack, key: str = ADMIN) -> httpx.Client:
    """A client with one connection, so that one process answers all that it asks."""
    limits = httpx.Limits(max_connections=1, keepalive_expiry=None)
    return httpx.Client(base_url=stack.url, headers={"X-API-Key": key}, timeout=PATIENCE, limits=limits)


@contextmanager
def held(others: Sequence[psutil.Process]) -> Iterator[None]:
    """Meanwhile these processes do nothing."""
    for one in others:
        one.send_signal(signal.SIGSTOP)
    try:
        for one in others:
            eventually(lambda one=one: one.status() == psutil.STATUS_STOPPED)
        yield
    finally:
        for one in others:
            one.send_signal(signal.SIGCONT)


@contextmanager
def of_each(stack: Stack, key: str = ADMIN) -> Iterator[tuple[httpx.Client, httpx.Client]]:
    """A client of the one process and a client of the other."""
    first, second = processes(stack)
    with caller(stack, key) as one, caller(stack, key) as two:
        for client, others in ((one, [second]), (two, [first])):
            with held(others):
                assert client.get("/health").status_code == 200
        yield one, two


def test_one_of_them_says_when_calls_are_answered(stack: Stack) -> None:
    eventually(lambda: stack.web.log("mlxq is ready"))
    with of_each(stack) as clients:
        for client in clients:
            assert client.post(CHAT, json=chat()).status_code == 200
    assert len(stack.web.log("mlxq is ready")) == 1


@pytest.mark.parametrize("path", ["/ready", "/v1/models", "/v1/models/fake", "/v1/jobs", "/v1/batches", "/v1/files"])
def test_they_say_the_same(stack: Stack, path: str) -> None:
    with of_each(stack) as (one, two):
        assert one.get(path).json() == two.get(path).json()


def test_a_job_of_one_is_followed_and_ended_by_the_other(stack: Stack) -> None:
    with of_each(stack) as (one, two):
        job = one.post(CHAT, json=chat(tokens=ENDLESS), headers={"Prefer": "respond-async"}).json()["id"]
        with two.stream("GET", f"/v1/jobs/{job}/events") as followed:
            lines = followed.iter_lines()
            assert next(line for line in lines if line.startswith("event: ")) == "event: started"
            assert one.post(f"/v1/jobs/{job}/cancel").status_code == 200
            assert [line for line in lines if line.startswith("event: ")][-1] == "event: cancelled"


def test_a_websocket_of_one_tells_of_a_job_of_the_other(stack: Stack) -> None:
    first, second = processes(stack)
    with held([second]):
        socket = connect(stack.url.replace("http", "ws") + "/v1/jobs/stream", additional_headers={"X-API-Key": ADMIN})
    with socket, caller(stack) as client:
        with held([first]):
            job = client.post(CHAT, json=chat(), headers={"Prefer": "respond-async"}).json()["id"]
        socket.send(f'{{"type": "subscribe", "id": "{job}"}}')
        while '"end"' not in (heard := socket.recv(timeout=PATIENCE)):
            assert job in str(heard)


def test_calls_of_one_idempotency_key_are_one_job(stack: Stack) -> None:
    with of_each(stack) as clients:
        asked = [client.post(CHAT, json=chat(), headers={"Idempotency-Key": "same"}) for client in clients]
        assert asked[0].content == asked[1].content
        assert asked[0].headers["X-Job-ID"] == asked[1].headers["X-Job-ID"]


def test_a_key_s_calls_count_in_both_and_it_is_revoked_for_both(stack: Stack) -> None:
    with of_each(stack) as (admin, _):
        made = admin.post(KEYS, json={"label": "one call", "concurrent_requests": 1}).json()
    with of_each(stack, made["key"]) as (one, two):
        with one.stream("POST", CHAT, json=chat(tokens=ENDLESS, stream=True)) as streamed:
            next(streamed.iter_lines())
            refused = two.post(CHAT, json=chat())
            assert (refused.status_code, refused.json()["error"]["code"]) == (429, "concurrency_limit_exceeded")
        eventually(lambda: two.post(CHAT, json=chat()).status_code == 200)
        with caller(stack) as admin:
            assert admin.post(f"{KEYS}/{made['id']}/revoke").status_code == 200
        for client in (one, two):
            eventually(lambda client=client: client.get("/v1/models").status_code == 401)


def test_each_has_room_for_so_many_calls(stack: Stack) -> None:
    with of_each(stack) as (one, two):
        job = one.post(CHAT, json=chat(tokens=ENDLESS), headers={"Prefer": "respond-async"}).json()["id"]
        path, (first, second) = f"/v1/jobs/{job}/events", processes(stack)
        followers = [caller(stack) for _ in range(CALLS)]
        with held([second]):
            for follower in followers:
                assert follower.send(follower.build_request("GET", path), stream=True).status_code == 200
            assert one.get(path).status_code == 429
            assert one.get(f"/v1/jobs/{job}").status_code == 200
        assert first.is_running()
        with two.stream("GET", path) as followed:
            assert followed.status_code == 200
        for follower in followers:
            follower.close()
        assert two.post(f"/v1/jobs/{job}/cancel").status_code == 200


def test_both_serve_what_the_models_file_says_anew(stack: Stack) -> None:
    before = stack.settings.config.read_text()
    with of_each(stack) as clients:
        for models in (yaml.safe_dump({"models": [*MODELS, fake("new", on_demand=True)]}), before):
            stack.settings.config.write_text(models)
            stack.supervisor.signal(signal.SIGHUP)
            names = {model["served_model_name"] for model in yaml.safe_load(models)["models"]}
            for client in clients:
                eventually(
                    lambda client=client, names=names: {
                        model["id"] for model in client.get("/v1/models").json()["data"]
                    } == names
                )  # fmt: skip


def test_the_end_of_one_is_no_matter_of_the_other(stack: Stack) -> None:
    first, second = processes(stack)
    with of_each(stack) as (_, two), two.stream("POST", CHAT, json=chat(tokens=500, stream=True)) as streamed:
        lines = streamed.iter_lines()
        next(lines)
        first.kill()
        assert [line for line in lines if line][-1] == "data: [DONE]"
        assert second.is_running()
    eventually(lambda: first.pid not in {process.pid for process in processes(stack)})
    with of_each(stack) as clients:
        for client in clients:
            assert client.post(CHAT, json=chat()).status_code == 200
    assert len(stack.web.log("mlxq is ready")) == 1
