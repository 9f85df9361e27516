"""Processes that tests start: each on a free port, ended by its own pid."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import yaml
from redis import Redis
from redis.exceptions import RedisError

from mlxq.settings import Settings
from tasks.batches.batches import Batches
from tasks.redis import store as stores
from tasks.values.errors import JobConflict
from workers import redis_server

ROOT = Path(__file__).parents[2]


def free_port() -> int:
    """A port that nobody listens on; none of those that a connection may be given before a server takes it."""
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


PATIENCE = 120.0  # seconds after which a test says that something hangs; never what a test is about


def eventually(holds: Callable[[], Any], within: float = PATIENCE, every: float = 0.02) -> Any:
    """Wait until `holds` is truthy and return what it returned."""
    until = time.monotonic() + within
    while not (found := holds()):
        assert time.monotonic() < until, f"still not so after {within} s"
        time.sleep(every)
    return found


class Valkey:
    """A real server with the settings of ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._databases = list(range(15, 0, -1))
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def url(self, database: int = 0) -> str:
        """Of one of its databases; 0 is for tests that need no processes of ours."""
        return f"redis://127.0.0.1:{self.port}/{database}"

    def lend(self) -> int:
        """An empty database that is nobody else's until it is given back."""
        database = self._databases.pop()
        Redis(port=self.port, db=database).flushdb()
        return database

    def give_back(self, database: int) -> None:
        self._databases.append(database)

    def start(self) -> None:
        self._process = subprocess.Popen(redis_server.command(self.port, self.folder))
        eventually(self._answers)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def _answers(self) -> bool:
        try:
            return bool(Redis(port=self.port, retry=None).ping())
        except RedisError:
            return False

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait()


class Process:
    """A child of the test, its standard error, and what else it `shows`, kept line by line."""

    def __init__(self, words: list[str], env: dict[str, str], shows: bool = False) -> None:
        self.lines: list[str] = []
        self.words = words
        to = (subprocess.PIPE, subprocess.STDOUT) if shows else (subprocess.DEVNULL, subprocess.PIPE)
        self._process = subprocess.Popen(words, env=env, cwd=ROOT, stdout=to[0], stderr=to[1], text=True)
        self._output = self._process.stdout or self._process.stderr
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._output is not None
        for line in self._output:
            self.lines.append(line.rstrip())

    def log(self, text: str) -> list[str]:
        return [line for line in self.lines if text in line]

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def ended(self) -> bool:
        return self._process.poll() is not None

    def wait(self, within: float = PATIENCE) -> int:
        return self._process.wait(within)

    def stop(self, within: float = PATIENCE) -> None:
        if not self.ended():
            self.signal(signal.SIGTERM)
        try:
            self.wait(within)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self.wait()
            raise
        finally:
            self._reader.join(5)
            assert self._output is not None
            if not self._reader.is_alive():  # a child of it may still hold the other end
                self._output.close()


def environment(settings: Settings, **more: str) -> dict[str, str]:
    """The variables that give a child process these settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MLXQ_", "REDIS_"))}
    return {
        **inherited,
        "REDIS_URL": settings.redis_url,
        "MLXQ_NAMESPACE": settings.namespace,
        "MLXQ_HOME": str(settings.home),
        "MLXQ_CONFIG": str(settings.config),
        "PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH")))),
        **more,
    }


def fake(name: str = "fake", *, slots: int = 32, step_ms: float = 10, **keys: Any) -> dict[str, Any]:
    """A catalogue entry of the fake engine."""
    options = {"step_ms": step_ms, **keys.pop("options", {})}
    return {
        "model_path": "none",
        "served_model_name": name,
        "model_type": "fake",
        "batch_completion_size": slots,
        "options": options,
        **keys,
    }


class Stack:
    """The web, the supervisor and the batches' runner on one Redis database, as `honcho start` runs them."""

    def __init__(self, valkey: Valkey, folder: Path, models: list[dict[str, Any]], **env: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        config = folder / "models.yaml"
        config.write_text(yaml.safe_dump({"models": models}))
        self.valkey, self._database = valkey, valkey.lend()
        redis_url = valkey.url(self._database)
        self.settings = Settings(redis_url=redis_url, namespace="stack", home=folder / "var", config=config)
        self.names = [model["served_model_name"] for model in models]
        self.port = free_port()
        self.env = environment(self.settings, PORT=str(self.port), **env)
        self.supervisor = self.start_supervisor()
        self.web = self.start_web()
        self.runner = self.start_runner()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start_supervisor(self) -> Process:
        self.supervisor = Process([sys.executable, "-m", "workers"], self.env)
        return self.supervisor

    def second_supervisor(self) -> Process:
        """Another one beside the first, with workers of its own, as on a second machine."""
        return Process([sys.executable, "-m", "workers"], self.env)

    def start_web(self, *, shows: bool = False) -> Process:
        words = ["-m", "gunicorn", "--config", "python:web.gunicorn", "web.wsgi:app"]
        self.web = Process([sys.executable, *words], self.env, shows)
        return self.web

    def start_runner(self) -> Process:
        self.runner = Process([sys.executable, "-m", "web.batches"], self.env)
        return self.runner

    def ready(self, within: float = 2 * PATIENCE) -> Stack:
        def answers() -> bool:
            try:
                return httpx.get(f"{self.url}/ready", timeout=PATIENCE).status_code == 200
            except httpx.TransportError:
                return False

        eventually(answers, within, every=0.1)
        return self

    @contextmanager
    def batches_held(self) -> Iterator[None]:
        """No batch goes on, or ends, until the block does."""
        self.runner.signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.runner.signal(signal.SIGCONT)

    def quieten(self) -> None:
        """Cancel what is under way, and wait until nothing is."""
        store = stores.connect(self.settings)
        batches, running, unfinished = Batches(store), store.keys.running(), store.keys.deadlines()

        def quiet() -> bool:
            ids = [one.decode() for one in store.redis.zrange(running, 0, -1)]
            for state in filter(None, batches.read(ids)):
                with suppress(JobConflict):  # it is about to end
                    batches.cancel(state.batch.id, state.batch.owner)
            jobs = [one.decode() for one in store.redis.zrange(unfinished, 0, -1)]
            for record in filter(None, store.read(jobs)):
                with suppress(JobConflict):
                    store.cancel(record.job.id, record.job.owner)
            return not ids and not jobs

        eventually(quiet)
        store.redis.close()

    def stop(self) -> None:
        """End all of it, whatever one of them does."""
        with ExitStack() as last:
            last.callback(self.valkey.give_back, self._database)
            last.callback(self.supervisor.stop)
            last.callback(self.runner.stop)
            last.callback(self.web.stop)


def running(stack: Stack, within: float = 2 * PATIENCE) -> Iterator[Stack]:
    """A started stack, stopped afterwards whatever happened."""
    try:
        yield stack.ready(within)
    finally:
        stack.stop()
