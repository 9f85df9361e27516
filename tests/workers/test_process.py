"""A model's process is begun before the queue is there, imports meanwhile, and loads when it is told to."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mlxq.entries.fake import FakeEntry
from tasks.processes.presence import Presence
from tasks.redis.store import JobStore
from tests.support.servers import PATIENCE
from workers import process
from workers.process import Begun
from workers.supervision.child import Child

ENTRY = FakeEntry(model_path="none", served_model_name="a")
# Says what it is told after its Start, and ends with its pipe.
LISTENS = "import sys; sys.stdin.readline(); [print(line, end='', flush=True) for line in sys.stdin]"


def begun() -> Begun:
    words = [sys.executable, "-c", LISTENS]
    started = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.say(started, b"start")
    return Begun("its id", started)


def child(store: JobStore, first: Begun) -> Child:
    return Child(ENTRY, {}, Presence(store), PATIENCE, lambda: None, first)


def test_it_ends_with_its_pipe_and_asks_nobody_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")  # where nobody is
    monkeypatch.setenv("MLXQ_HOME", str(tmp_path))
    _, started = process.begin(ENTRY, {})
    assert started.stdin is not None
    started.stdin.close()
    assert started.wait(PATIENCE) == 0


def test_what_was_begun_is_told_to_load_and_nothing_else_is_started(store: JobStore) -> None:
    first = begun()
    one = child(store, first)
    one.load()
    one.turn()
    assert (one.worker_id, one.phase, Presence(store).model("a").state) == ("its id", "loading", "loading")
    assert first.process.stdout is not None
    assert first.process.stdout.readline() == b"load\n"
    one.stop()
    one.wait(PATIENCE)
    first.process.stdout.close()


@pytest.mark.parametrize("how", ["unload", "stop", "change"])
def test_what_was_begun_and_is_not_used_ends(store: JobStore, how: str) -> None:
    first = begun()
    one = child(store, first)
    if how == "change":
        one.change(FakeEntry(model_path="none", served_model_name="a", debug=True), {})
    else:
        getattr(one, how)()
    assert first.process.poll() is not None
    assert one.phase == "unloaded"
    assert first.process.stdout is not None
    first.process.stdout.close()


def test_one_that_ended_before_it_was_told_is_started_again(store: JobStore) -> None:
    first, over = begun(), threading.Event()
    first.process.kill()
    first.process.wait()
    one = Child(ENTRY, {}, Presence(store), PATIENCE, over.set, first)
    one.load()
    one.turn()
    assert over.wait(PATIENCE)
    one.turn()
    assert (one.phase, Presence(store).model("a").state) == ("loading", "restarting")
    assert first.process.stdout is not None
    first.process.stdout.close()
