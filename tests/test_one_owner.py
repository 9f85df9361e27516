"""A home has one stack: a second one is refused and touches nothing, and what a killed one left is no obstacle."""

from __future__ import annotations

import shutil
import signal
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from tests.support.local import LOCALS, Local
from tests.support.servers import Process, eventually, free_port


def family(process: Process) -> list[psutil.Process]:
    return [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]


def same(one: list[psutil.Process]) -> bool:
    return all(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in one)


@pytest.mark.parametrize(("words", "env"), LOCALS)
def test_a_second_stack_is_refused_and_the_first_goes_on(words: list[str], env: dict[str, str], tmp_path: Path) -> None:
    local = Local(tmp_path, words, **env)
    first = local.start()
    try:
        job, everyone = local.submit(60), family(first)
        other = str(free_port())
        for more in ({}, {"PORT": other, "MLXQ_PORT": other, "MLXQ_REDIS_PORT": str(free_port())}):
            second = local.run(**more)
            assert second.wait(30) == 1
            second.stop()
            (told,) = second.log("another mlxq has the folder")
            assert "MLXQ_HOME=" in told and f"http://127.0.0.1:{local.port}" in told
            assert not second.log("model ready") and not second.log("mlxq is ready")
            assert local.ready() and same(everyone)
        interrupted = local.run()
        interrupted.signal(signal.SIGINT)
        assert interrupted.wait(30) != 0
        interrupted.stop()
        eventually(lambda: local.status(job) == "succeeded")
        assert same(everyone)
    finally:
        first.stop()


def test_launching_one_model_leaves_the_file_of_the_stack_that_runs(tmp_path: Path) -> None:
    words, env = LOCALS[1].values
    local = Local(tmp_path, words, **env)  # type: ignore[arg-type]
    first = local.start()
    try:
        local.words = ["mlxq.cli", "launch", "--model-path", "starter:all-minilm-l6-v2", "--model-type", "embeddings"]
        second = local.run()
        assert second.wait(30) == 1
        second.stop()
        assert second.log("another mlxq has the folder")
        assert not (tmp_path / "var" / "launch.yaml").exists() and local.ready()
    finally:
        first.stop()


@pytest.mark.parametrize(("words", "env"), LOCALS)
def test_after_everything_was_killed_a_start_goes_on(words: list[str], env: dict[str, str], tmp_path: Path) -> None:
    local = Local(tmp_path, words, **env)
    killed = local.start()
    job = local.submit(60)
    eventually(lambda: local.status(job) == "running")
    everyone = family(killed)
    server = [one for one in everyone if "redis_server" in "".join(one.cmdline())]
    for one in everyone:  # all but Redis itself, which nobody is left to end
        with suppress(psutil.NoSuchProcess):
            if not server or one.ppid() not in [each.pid for each in server]:
                one.kill()
    killed.wait()
    killed.stop()
    process = local.start()
    try:
        eventually(lambda: local.status(job) == "succeeded", within=60)
    finally:
        process.stop()


def test_two_homes_run_side_by_side(tmp_path: Path) -> None:
    words, env = LOCALS[0].values
    stacks = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        stacks.append(Local(tmp_path / name, words, **env))  # type: ignore[arg-type]
    processes = [stacks[0].start()]
    try:
        processes.append(stacks[1].start())
        job = stacks[0].submit(3)
        eventually(lambda: stacks[0].status(job) == "succeeded")
        assert stacks[1].http.get(f"/v1/jobs/{job}").status_code == 404
    finally:
        for process in processes:
            process.stop()


def test_all_of_a_home_is_its_owner_s_and_its_loss_is_told(tmp_path: Path) -> None:
    words, env = LOCALS[0].values
    local, home = Local(tmp_path, words, **env), tmp_path / "var"  # type: ignore[arg-type]
    process = local.start()
    try:
        line = '{"custom_id":"1","method":"POST","url":"/v1/chat/completions","body":%s}'
        body = '{"model":"fake","messages":[{"role":"user","content":"word"}],"max_tokens":3}'
        sent = {"file": ("in.jsonl", line % body)}
        file = local.http.post("/v1/files", files=sent, data={"purpose": "batch"}).json()["id"]
        made = {"input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h"}
        batch = local.http.post("/v1/batches", json=made).json()["id"]
        eventually(lambda: local.http.get(f"/v1/batches/{batch}").json()["status"] == "completed")
        assert {path.name for path in home.iterdir()} >= {"blobs", "batches", "redis", "redis.sock"}
        assert [path for path in (home, *home.rglob("*")) if path.lstat().st_mode & 0o077] == []

        everyone = family(process)
        shutil.rmtree(home)
        refused = eventually(lambda: None if (found := local.http.get("/ready")).is_success else found)
        assert refused.status_code == 503 and str(home) in refused.json()["error"]["message"]
        assert local.http.get("/health").is_success and same(everyone)
    finally:
        process.stop(20)
