"""Redis itself, killed and brought back from its append-only file with work running."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

import psutil
import pytest
from websockets.sync.client import connect

from tasks.values.job import Status
from tests.faults.clients import CHAT, Clients, body, expected
from tests.support.servers import PATIENCE, Stack, Valkey, eventually, fake, running


@pytest.fixture
def stack(own_valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(own_valkey, tmp_path_factory.mktemp("stack"), [fake(step_ms=40)])
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


def test_a_failover_costs_no_stream_and_no_thread(clients: Clients, own_valkey: Valkey) -> None:
    """A Redis that becomes a replica ends every call that waits (UNBLOCKED) and refuses every write (READONLY)."""
    streams = [clients.stream(f"f{number}", 120) for number in range(4)]
    job = clients.submit("polled", 120)
    eventually(lambda: all(stream.chunks for stream in streams))

    redis = clients.store.redis
    redis.replicaof("127.0.0.1", 1)
    try:
        refused = clients.http.post("/v1/jobs", json={"url": CHAT, "body": body("refused", 3)})
        assert refused.status_code == 503 and int(refused.headers["Retry-After"]) > 0
        assert "READONLY" in refused.json()["error"]["message"]
    finally:
        redis.replicaof("NO", "ONE")

    for number, stream in enumerate(streams):
        assert stream.wait().error is None and stream.text == expected(f"f{number}", 120)
    assert clients.ended(job).status is Status.SUCCEEDED
    assert len(clients.stream("after", 30).wait().chunks) > 1  # it comes word by word
    assert [clients.terminals(one) for one in [*(stream.job_id for stream in streams), job]] == [1] * 5
