"""Redis itself, killed and brought back from its append-only file with work running."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import psutil
import pytest
from websockets.sync.client import connect

from tasks.job import Status
from tests.faults.clients import Clients, expected
from tests.servers import PATIENCE, Stack, Valkey, eventually, fake, running


@pytest.fixture
def stack(own_valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(own_valkey, tmp_path_factory.mktemp("stack"), [fake(step_ms=40)], db=0)
    yield from running(stack)


def test_two_seconds_without_redis_cost_no_job_and_no_worker(clients: Clients, own_valkey: Valkey) -> None:
    worker = psutil.Process(clients.worker_pid())
    streams = [clients.stream(f"s{number}", 120) for number in range(4)]
    calls = [clients.call(f"c{number}", 120) for number in range(4)]
    jobs = [clients.submit(f"j{number}", 120) for number in range(4)]
    eventually(lambda: all(stream.chunks for stream in streams))
    socket = connect(clients.stack.url.replace("http", "ws") + "/v1/jobs/stream", legacy=True)
    socket.send(json.dumps({"type": "subscribe", "id": jobs[0]}))
    assert "subscribed" in socket.recv(timeout=PATIENCE)

    own_valkey.kill()
    time.sleep(2)
    own_valkey.start()

    for number, stream in enumerate(streams):
        assert stream.wait().error is None and stream.done
        assert stream.text == expected(f"s{number}", 120)
    for number, call in enumerate(calls):
        assert call.wait().status == 200
        assert call.text == expected(f"c{number}", 120)
    for number, job in enumerate(jobs):
        assert clients.ended(job).status is Status.SUCCEEDED
        answer = clients.http.get(f"/v1/jobs/{job}/result").json()
        assert answer["choices"][0]["message"]["content"] == expected(f"j{number}", 120)
    heard = [json.loads(socket.recv(timeout=PATIENCE))]
    while heard[-1]["type"] == "event":
        heard.append(json.loads(socket.recv(timeout=PATIENCE)))
    assert [each["event_id"] for each in heard[:-1]] == [f"1-{number}" for number in range(1, len(heard))]
    assert heard[-1] == {"type": "end", "id": jobs[0], "status": "succeeded"}
    socket.close()
    every = [*(call.job_id for call in [*streams, *calls]), *jobs]
    assert [clients.terminals(job) for job in every] == [1] * 12
    assert worker.is_running() and worker.pid == clients.worker_pid()
    assert clients.call("after", 3).wait().text == expected("after", 3)
