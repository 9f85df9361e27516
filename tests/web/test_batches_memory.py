"""A large file, with LONG the largest there may be, costs neither the web tier, nor the runner, nor Redis its size."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from redis import Redis

from tests.support.rounds import rounds
from tests.support.servers import PATIENCE, Stack, Valkey, eventually, fake, running
from tests.web.bodies import CHAT, chat

MIB = 1 << 20
MOST = 64 * MIB
LINES = rounds(25_000, 50_000)


@pytest.fixture
def stack(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    yield from running(Stack(valkey, tmp_path_factory.mktemp("large"), [fake(step_ms=2)]))


@contextmanager
def growth(sizes: Callable[[], dict[str, int]]) -> Iterator[dict[str, int]]:
    """How far each size has gone beyond what it was, in bytes."""
    before, grown, over = sizes(), dict[str, int](), threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            for name, size in sizes().items():
                grown[name] = max(grown.get(name, 0), size - before[name])

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield grown
    finally:
        over.set()
        watcher.join()


def test_a_file_is_never_in_memory_as_a_whole(stack: Stack, tmp_path: Path) -> None:
    redis = Redis.from_url(stack.settings.redis_url)
    web = psutil.Process(stack.web.pid)
    tiers = {"web": [web, *web.children(recursive=True)], "runner": [psutil.Process(stack.runner.pid)]}
    path = tmp_path / "in.jsonl"
    with path.open("w") as file:
        for number in range(LINES):
            body = chat(f"w{number} " + "x" * 3950, 1)
            file.write(json.dumps({"custom_id": str(number), "method": "POST", "url": CHAT, "body": body}) + "\n")
    assert 1.4 * MOST < path.stat().st_size < 200 * MIB

    def sizes() -> dict[str, int]:
        resident = {name: sum(one.memory_info().rss for one in members) for name, members in tiers.items()}
        return {**resident, "redis": int(redis.info("memory")["used_memory_rss"])}

    with httpx.Client(base_url=stack.url, timeout=PATIENCE) as http:
        http.get("/v1/files")
        time.sleep(0.5)  # the processes settle
        with growth(sizes) as grown:
            with path.open("rb") as file:
                answer = http.post("/v1/files", files={"file": ("in.jsonl", file)}, data={"purpose": "batch"})
            made = {"input_file_id": answer.json()["id"], "endpoint": CHAT, "completion_window": "24h"}
            batch = f"/v1/batches/{http.post('/v1/batches', json=made).json()['id']}"
            eventually(lambda: http.get(batch).json()["request_counts"]["completed"] > 500, every=0.1)
            assert redis.dbsize() < 3 * stack.settings.batch_window + 100
            http.post(f"{batch}/cancel")
            eventually(lambda: http.get(batch).json()["status"] == "cancelled", every=0.1)
        counts = http.get(batch).json()["request_counts"]
    redis.close()
    print({name: f"+ {size / MIB:.1f} MiB" for name, size in grown.items()})  # noqa: T201
    assert counts["completed"] + counts["failed"] == counts["total"] == LINES
    assert all(size < MOST for size in grown.values()), grown
