"""Models that share a memory which holds one of them: nobody notices but by waiting, whatever is killed."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psutil
import pytest
import yaml

from tasks.processes.presence import Presence
from tests.faults.bulk import Batch
from tests.faults.clients import CHAT, Clients, body, expected
from tests.support.rounds import rounds
from tests.support.servers import PATIENCE, Stack, Valkey, eventually, fake, running

MIB = 1 << 20


def on_demand(name: str, **options: float | str) -> dict[str, Any]:
    return fake(name, step_ms=5, slots=16, on_demand=True, options={"bytes": 6 * MIB, **options})


MODELS = [
    fake(step_ms=20, slots=32, options={"bytes": MIB}),
    on_demand("a", load_ms=200),
    on_demand("b", load_ms=200),
    on_demand("slow", load_ms=1500),
    {**on_demand("brief", bytes=MIB), "on_demand_idle_timeout": 1},
    on_demand("spoiled", bytes=MIB, load_error="no such weights"),
    {**on_demand("heavy", bytes=MIB, row_bytes=4 << 30), "memory_limit": 3 << 30},
]

SETTINGS = {"MLXQ_MEMORY_BUDGET": "10MiB", "MLXQ_WORKER_LEASE": "1.5", "MLXQ_DRAIN": "0.5"}


@pytest.fixture(scope="module")
def stack(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("on_demand")
    yield from running(Stack(valkey, folder, MODELS, **SETTINGS))


@pytest.fixture
def clients(stack: Stack) -> Iterator[Clients]:
    clients = Clients(stack)  # that one model cannot be loaded is no fault of the others
    yield clients
    clients.close()


def ask(clients: Clients, model: str, text: str = "word", tokens: int = 3, **headers: str) -> httpx.Response:
    return clients.http.post(CHAT, json={**body(text, tokens), "model": model}, headers=headers)


def content(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return str(answer.json()["choices"][0]["message"]["content"])


def state(clients: Clients, model: str) -> str:
    return str(clients.http.get(f"/v1/models/{model}").json()["state"])


def loads(stack: Stack) -> Counter[str]:
    return Counter(json.loads(line)["model"] for line in stack.supervisor.log('"worker started"'))


def process(stack: Stack, model: str) -> psutil.Process | None:
    """The process of a model, also while it loads."""
    children = psutil.Process(stack.supervisor.pid).children()
    return next((child for child in children if model in child.cmdline()), None)


def test_a_model_that_nobody_wants_is_not_loaded_and_the_stack_is_ready(clients: Clients) -> None:
    ready = clients.http.get("/ready").json()
    assert ready["states"] == {"fake": "ready"} | {model["served_model_name"]: "unloaded" for model in MODELS[1:]}


def test_people_and_batches_share_the_memory(stack: Stack, clients: Clients) -> None:
    before = loads(stack)
    lines = {f"{model}{number}": {**body(f"{model}{number}", 3), "model": model}
             for model in "ab" for number in range(20)}  # fmt: skip
    batches = [
        Batch(stack.url, CHAT, {name: line for name, line in lines.items() if line["model"] == model}) for model in "ab"
    ]
    number = rounds(200, 2000)

    with ThreadPoolExecutor(60) as pool:
        answers = pool.map(lambda at: content(ask(clients, "ab"[at % 2], f"n{at}")), range(number))
        assert list(answers) == [expected(f"n{at}", 3) for at in range(number)]

    for batch in batches:
        assert batch.ended()["request_counts"] == {"total": 20, "completed": 20, "failed": 0}
    loaded = loads(stack) - before
    assert loaded.keys() == {"a", "b"} and loaded.total() <= 12 * number / 200


def test_a_stream_outlives_the_turn_of_its_model(stack: Stack, clients: Clients) -> None:
    with ThreadPoolExecutor(2) as pool:
        stream = {**body("long", 600), "model": "a", "stream": True}
        long = pool.submit(lambda: clients.http.post(CHAT, json=stream).text)
        eventually(lambda: state(clients, "a") == "ready")
        other = pool.submit(lambda: content(ask(clients, "b")))  # it waits for the room of the first
        assert other.result(PATIENCE) == expected("word", 3)
        assert 'long600 "' in long.result(PATIENCE) and "[DONE]" in long.result()


def test_who_polls_sees_the_loading(clients: Clients) -> None:
    job = ask(clients, "slow", Prefer="wait=1").json()

    def told() -> dict[str, Any]:
        reason = clients.http.get(f"/v1/jobs/{job['id']}").json()["status_reason"]
        return dict(reason) if reason and reason["code"] == "model_loading" else {}

    reason = eventually(told)
    assert reason == {"code": "model_loading", "message": "the model 'slow' is being loaded (0 %)", "progress": 0}
    assert clients.ended(job["id"]).failure is None
    assert clients.http.get(f"/v1/jobs/{job['id']}").json()["status_reason"] is None


def test_an_idle_model_goes_in_time(stack: Stack, clients: Clients) -> None:
    assert content(ask(clients, "brief")) == expected("word", 3)
    assert state(clients, "brief") == "ready"
    eventually(lambda: state(clients, "brief") == "unloaded")
    assert process(stack, "brief") is None
    assert content(ask(clients, "brief")) == expected("word", 3)


def test_a_model_that_cannot_be_loaded_ends_who_waits_with_the_reason(clients: Clients) -> None:
    answer = ask(clients, "spoiled")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_unavailable")
    assert "no such weights" in answer.json()["error"]["message"]
    assert "no such weights" in ask(clients, "spoiled").json()["error"]["message"]


def test_one_that_is_killed_while_it_loads_is_loaded_again(stack: Stack, clients: Clients) -> None:
    Presence(clients.store).ask("slow", "unload")
    eventually(lambda: state(clients, "slow") == "unloaded")
    with ThreadPoolExecutor(4) as pool:
        answers = [pool.submit(ask, clients, "slow", f"n{number}") for number in range(4)]
        eventually(lambda: process(stack, "slow")).kill()
        assert [content(answer.result()) for answer in answers] == [expected(f"n{number}", 3) for number in range(4)]


def test_one_that_is_killed_while_it_goes_loses_nothing(stack: Stack, clients: Clients) -> None:
    Presence(clients.store).ask("a", "load")
    eventually(lambda: state(clients, "a") == "ready")
    jobs = [ask(clients, "a", f"j{number}", 300, Prefer="respond-async").json()["id"] for number in range(20)]
    eventually(lambda: clients.began(jobs[0]))
    Presence(clients.store).ask("a", "unload")
    eventually(lambda: state(clients, "a") == "unloading")
    going = process(stack, "a")
    assert going is not None
    going.kill()
    for number, job in enumerate(jobs):
        assert clients.ended(job).failure is None
        assert content(clients.http.get(f"/v1/jobs/{job}/result")) == expected(f"j{number}", 300)
        assert clients.terminals(job) == 1


def test_a_job_that_comes_while_its_model_goes_has_it_loaded_again(stack: Stack, clients: Clients) -> None:
    assert content(ask(clients, "a")) == expected("word", 3)
    job = ask(clients, "a", "runs", 200, Prefer="respond-async").json()["id"]
    eventually(lambda: clients.began(job))
    Presence(clients.store).ask("a", "unload")
    eventually(lambda: state(clients, "a") == "unloading")
    assert content(ask(clients, "a", "late")) == expected("late", 3)
    assert clients.ended(job).attempt == 1 and clients.ended(job).failure is None


def test_reading_the_models_file_anew_cuts_no_stream(stack: Stack, clients: Clients) -> None:
    worker = clients.worker_pid()
    changed = {**on_demand("b", load_ms=100), "aliases": ["bee"]}
    streams = [clients.stream(f"s{number}", 250) for number in range(16)]
    eventually(lambda: all(stream.chunks for stream in streams))
    before = stack.settings.config.read_text()
    kept = [model for model in MODELS if model["served_model_name"] not in ("b", "brief")]
    stack.settings.config.write_text(
        yaml.safe_dump({"models": [*kept, changed, on_demand("new"), on_demand("large", bytes=11 * MIB)]})
    )
    try:
        stack.supervisor.signal(signal.SIGHUP)

        def names() -> set[str]:
            return {model["id"] for model in clients.http.get("/v1/models").json()["data"]}

        eventually(lambda: "new" in names())
        assert "brief" not in names() and not any(stream.ended for stream in streams)
        eventually(lambda: state(clients, "large") == "broken")
        refused = ask(clients, "large")
        assert refused.status_code == 503 and "raise server.memory_budget" in refused.json()["error"]["message"]
        assert content(ask(clients, "new")) == expected("word", 3)
        assert content(ask(clients, "bee")) == expected("word", 3)
        for number, stream in enumerate(streams):
            assert stream.wait().text == expected(f"s{number}", 250) and stream.done and stream.error is None
        assert clients.worker_pid() == worker
        stack.settings.config.write_text("models: [")
        stack.supervisor.signal(signal.SIGHUP)
        eventually(lambda: stack.supervisor.log("what was served goes on"))
        assert content(ask(clients, "new")) == expected("word", 3)
    finally:
        stack.settings.config.write_text(before)
        stack.supervisor.signal(signal.SIGHUP)
        eventually(lambda: "brief" in names())


def test_a_job_that_takes_too_much_memory_is_told_so_and_others_go_on(stack: Stack, clients: Clients) -> None:
    """Once it may have been another's fault; so it is tried again, alone."""
    jobs = [heavy(clients, text) for text in ("fine", "swell", "more")]  # of three seconds, where half a one is left
    fine, swell, more = (clients.ended(job) for job in jobs)
    assert fine.failure is None and more.failure is None
    assert swell.failure is not None and swell.failure.code == "poison"
    assert "2 times while it ran this job, the last time because its process took" in swell.failure.message
    assert content(ask(clients, "heavy")) == expected("word", 3)


def heavy(clients: Clients, text: str) -> str:
    return str(ask(clients, "heavy", text, 600, Prefer="respond-async").json()["id"])
