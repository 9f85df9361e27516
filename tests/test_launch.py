"""The local stack as a user starts and ends it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.mlxq import mlx_openai_server as theirs
from tests.support import starter
from tests.support.local import LOCALS, Local
from tests.support.servers import PATIENCE, ROOT, Process, eventually


@pytest.mark.parametrize(("words", "env"), LOCALS)
def test_an_interrupt_ends_everything_and_loses_nothing(words: list[str], env: dict[str, str], tmp_path: Path) -> None:
    local = Local(tmp_path, words, **env)
    process = local.start()
    running, waiting = local.submit(100), local.submit(3)
    eventually(lambda: local.status(running) == "running" and local.status(waiting) != "queued")
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    assert len(family) >= 6  # the manager, web and its worker, redis and its server, supervisor, a model's process

    process.signal(signal.SIGINT)
    process.wait()
    _, left = psutil.wait_procs(family, timeout=PATIENCE)

    assert not left
    process = local.start()
    try:
        eventually(lambda: local.status(running) == "succeeded" and local.status(waiting) == "succeeded")
    finally:
        process.stop()


@pytest.mark.parametrize(("words", "env"), LOCALS)
def test_a_manager_that_is_killed_leaves_nothing_behind(words: list[str], env: dict[str, str], tmp_path: Path) -> None:
    local = Local(tmp_path, words, **env)
    process = local.start()
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    foreground = [one for one in family if os.getpgid(one.pid) == os.getpgid(process.pid)]
    assert len(foreground) < len(family)
    for one in foreground:  # what a closed terminal would end; a hangup may be ignored where tests run
        one.kill()
    _, left = psutil.wait_procs(family, timeout=PATIENCE)
    process.stop()
    assert not left


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--config", "nowhere.yaml"], "nowhere.yaml: no such file"),
        (["--host", "0.0.0.0"], "MLXQ_API_KEYS"),  # noqa: S104
        (["--served-model-name", "alone"], "--model-path"),
        (["--model-path", "x", "--model-type", "paintings"], "--model-type"),
    ],
)
def test_what_cannot_be_launched_is_said_before_anything_starts(words: list[str], told: str, tmp_path: Path) -> None:
    local = Local(tmp_path, [])
    options = words if "--config" in words or "--model-path" in words else ["--config", str(local.config), *words]
    if "--served-model-name" in words:
        options = words
    process = Process([sys.executable, "-m", "mlxq.cli", "launch", *options], local.env)
    assert process.wait() != 0
    process.stop()
    assert any(told in line for line in process.lines), process.lines


@pytest.mark.parametrize("option", ["--tool-call-parser", "--reasoning-parser"])
def test_a_format_that_nobody_knows_ends_the_launch_with_the_list_of_those_there_are(
    option: str, tmp_path: Path
) -> None:
    local = Local(tmp_path, [])
    words = ["--model-path", str(tmp_path), "--served-model-name", "mine", "--port", str(local.port), option, "qwen9"]
    command = [sys.executable, "-m", "mlxq.cli", "launch", "--enable-auto-tool-choice", *words]
    done = subprocess.run(
        command, env=local.env, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 2
    assert f"{option} must be one of " in done.stderr and "none" in done.stderr and "not 'qwen9'" in done.stderr
    assert option != "--reasoning-parser" or "qwen3_moe" in done.stderr


def test_redis_on_a_taken_port_is_explained(tmp_path: Path, valkey: object) -> None:
    local = Local(tmp_path, [])
    env = {**local.env, "MLXQ_REDIS_PORT": str(valkey.port)}  # type: ignore[attr-defined]
    process = Process([sys.executable, "-m", "workers.redis_server"], env)
    assert process.wait() == 1
    process.stop()
    assert process.log("MLXQ_REDIS_PORT")


def test_the_procfile_starts_what_launch_starts() -> None:
    from mlxq.cli.commands.launch import PROCESSES

    lines = dict(line.split(": ", 1) for line in (ROOT / "Procfile").read_text().splitlines())
    assert lines == {name: "exec python -m " + " ".join(words) for name, words in PROCESSES.items()}


# Two of the reference README's commands, with a small model; tests/mlxq/test_drop_in.py has all of them.
MEMORY = theirs.COMMANDS[12].words
COMMANDS = [f"{MEMORY} --log-file {{folder}}/logs/app.log --debug", "--config {memory} --no-log-file"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_reference_server_serves_what_it_served(command: str, tmp_path: Path) -> None:
    model = starter.folder("smollm2-135m-instruct")
    (tmp_path / "memory").write_text(theirs.MEMORY.format(model=model))
    words = shlex.split(command.format(model=model, memory=tmp_path / "memory", folder=tmp_path))
    local = Local(tmp_path, ["mlxq.cli", "launch", *words, "--port", "{port}"])
    process = local.start()
    try:
        said = {"model": str(model), "messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 4}
        answer = local.http.post("/v1/chat/completions", json=said).json()
        assert answer["usage"]["completion_tokens"] > 0, answer
        assert local.http.get("/v1/queue/stats").json()["queue_stats"]["batch_stats"]["prefill_batch_size"] == 1
    finally:
        process.stop()
    log = tmp_path / "logs" / "app.log"
    assert log.exists() == ("--log-file" in command)
    if log.exists():
        records = [json.loads(line) for line in log.read_text().splitlines()]
        (prompt,) = (record["text"] for record in records if record["event"] == "prompt" and "hello" in record["text"])
        assert prompt.startswith("<|im_start|>")
