"""A batch whose processes are killed one after the other: every line's record stands once, and the counts are right."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tasks.processes.presence import Presence
from tasks.redis import store as stores
from tests.faults.bulk import Batch, Faults, family, go_on, kill
from tests.faults.clients import CHAT, expected
from tests.support.servers import Stack, Valkey, eventually, fake, running


@pytest.fixture
def stack(own_valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    # So slow that a batch of 200 lines is under way through all that happens to it.
    models = [fake(slots=8, step_ms=200), fake("other", slots=2, step_ms=5)]
    folder = tmp_path_factory.mktemp("stack")
    yield from running(Stack(own_valkey, folder, models, MLXQ_WORKER_LEASE="1.5", MLXQ_BATCH_WINDOW="32"))


def started(stack: Stack, texts: dict[str, str]) -> Batch:
    """A batch of chats with three words for an answer."""
    body = {"model": "fake", "max_tokens": 3}
    bodies = {name: {**body, "messages": [{"role": "user", "content": text}]} for name, text in texts.items()}
    return Batch(stack.url, CHAT, bodies)


def test_whatever_is_killed_each_line_is_answered_once(stack: Stack, own_valkey: Valkey) -> None:
    texts = {f"r{number}": f"w{number}x" for number in range(200)}
    batch, faults = started(stack, texts), Faults(stack, own_valkey)
    go_on([batch], 10)
    eventually(lambda: faults.worker("fake"))
    go_on([batch], 10)
    for strike in (faults.runner, faults.web, faults.redis, faults.supervisor):
        strike()
        go_on([batch], 10)

    assert batch.seen()["status"] == "in_progress"
    kill(stack.runner.pid, *family(stack.web.pid), stack.supervisor.pid)  # as when the machine is switched off
    own_valkey.kill()
    for process in (stack.runner, stack.web, stack.supervisor):
        process.wait()
        process.stop()
    own_valkey.start()
    stack.start_supervisor()
    stack.start_web()
    stack.start_runner()

    found = batch.ended()
    assert found["status"] == "completed"
    assert found["request_counts"] == {"total": 200, "completed": 200, "failed": 0}
    output = batch.told(found["output_file_id"])
    said = {name: line["response"]["body"]["choices"][0]["message"]["content"] for name, line in output.items()}
    assert said == {name: expected(text, 3) for name, text in texts.items()}
    assert found["error_file_id"] is None and found["usage"]["output_tokens"] == 600
    eventually(lambda: not faults.left(batch))
    faults.close()


def test_a_line_that_kills_its_worker_is_set_aside_and_the_rest_goes_on(stack: Stack) -> None:
    lines = {f"r{number}": ("die" if number in (7, 40) else f"w{number}x") for number in range(60)}
    batch = started(stack, lines)
    found = batch.ended()
    assert (found["status"], found["request_counts"]) == ("completed", {"total": 60, "completed": 58, "failed": 2})
    errors = batch.told(found["error_file_id"])
    assert {name: line["response"]["status_code"] for name, line in errors.items()} == {"r7": 500, "r40": 500}
    assert {line["response"]["body"]["error"]["code"] for line in errors.values()} == {"poison"}
    assert set(batch.told(found["output_file_id"])) == set(lines) - set(errors)


def test_a_model_that_is_away_holds_up_no_other_batch(stack: Stack) -> None:
    """Its lines fill the window of a batch that came first and alone."""
    store = stores.connect(stack.settings)
    (worker,) = eventually(lambda: Presence(store).workers("fake"))
    batch = started(stack, {f"r{number}": f"w{number}x" for number in range(60)})
    os.kill(worker.pid, signal.SIGSTOP)
    try:
        body = {"model": "other", "max_tokens": 3, "messages": [{"role": "user", "content": "w"}]}
        assert Batch(stack.url, CHAT, {str(number): body for number in range(40)}).ended()["status"] == "completed"
        assert batch.seen()["status"] == "in_progress"
    finally:
        os.kill(worker.pid, signal.SIGCONT)
    assert batch.ended()["request_counts"]["completed"] == 60
    store.redis.close()
