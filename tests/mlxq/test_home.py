"""A home is its owner's, has one stack, and is missed when it is gone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis

from mlxq import configuration, home
from mlxq.settings import Settings, local_redis
from tasks import app
from tests.support.servers import ROOT

HOLDS = """
import sys
from pathlib import Path
from mlxq import home
home.enter(Path(sys.argv[1]))
print(home.hold(Path(sys.argv[1]), "web", "http://here"), flush=True)
sys.stdin.read()
"""


def holding(folder: Path) -> subprocess.Popen[str]:
    words = [sys.executable, "-c", HOLDS, str(folder)]
    process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "True\n"
    return process


def test_a_role_is_one_process_s_until_it_ends_however_it_ends(tmp_path: Path) -> None:
    assert home.holder(tmp_path, "web") is None
    with holding(tmp_path) as process:
        assert home.holder(tmp_path, "web") == f"process {process.pid} http://here"
        assert not home.hold(tmp_path, "web") and home.holder(tmp_path, "redis") is None
        process.kill()
    assert home.holder(tmp_path, "web") is None
    holding(tmp_path).communicate("")


def test_a_home_that_is_deleted_or_replaced_is_missed(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    assert home.missing(folder) is None  # never entered
    home.enter(folder)
    assert home.missing(folder) is None
    shutil.rmtree(folder)
    assert str(folder) in (home.missing(folder) or "")
    folder.mkdir()
    (folder / "identity").touch()
    assert home.missing(folder) is not None


def test_a_home_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match=r"file/var \(MLXQ_HOME\) cannot be used"):
        home.enter(tmp_path / "file" / "var")


def test_only_what_is_ours_is_closed_to_others(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir(mode=0o755)
    for path in (tmp_path / "blobs" / "one", tmp_path / "notes"):
        path.touch(0o644)
        path.chmod(0o644)
    (tmp_path / "batches").symlink_to(tmp_path / "notes")
    tmp_path.chmod(0o755)
    home.enter(tmp_path)
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path, *tmp_path.rglob("*"))}
    assert (modes[tmp_path.name], modes["blobs"], modes["one"], modes["notes"]) == (0o700, 0o700, 0o600, 0o644)


@pytest.mark.parametrize("name", ["plain", "a b", "ü#?%25", "x" * 100])
def test_where_redis_listens_is_read_the_same_by_both_clients(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    (tmp_path / "models.yaml").write_text("models: [{model_path: none, served_model_name: a, model_type: fake}]")
    environ = {"MLXQ_HOME": str(folder), "MLXQ_CONFIG": str(tmp_path / "models.yaml")}
    settings, _ = configuration.load(environ)
    assert configuration.load(environ)[0] == settings and "//:" not in repr(settings)
    ours = Redis.from_url(settings.redis_url).connection_pool.connection_kwargs
    with app.create(settings).connection_for_write() as connection:
        channel = connection.transport.Channel.__new__(connection.transport.Channel)
        channel.connection = type("Link", (), {"client": connection, "default_port": 6379})()
        kombu = channel._connparams()
    names = ("path", "db") if name != "x" * 100 else ("host", "port", "password", "db")
    assert {key: ours.get(key) for key in names} == {key: kombu[key] for key in names}
    assert len(name) == 100 or ours["path"] == str(folder / "redis.sock")


def test_a_path_that_is_too_long_for_a_socket_gives_a_port() -> None:
    assert local_redis(Path("/" + "x" * 91)).startswith("unix:///xxx")
    assert local_redis(Path("/" + "x" * 92)).startswith("redis://127.0.0.1:2")
    assert local_redis(Path("/home"), 7) == "redis://127.0.0.1:7/0"
    assert Settings().redis_url == local_redis(Path("var"))
