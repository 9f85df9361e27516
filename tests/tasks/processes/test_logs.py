"""A person gets lines, a program and the file JSON; what cannot be logged does no harm."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers import PATIENCE, ROOT

CODE = """
import logging, sys, structlog
from tasks.processes import logs
from mlxq.settings import Settings
import os
logs.configure(Settings.from_env(os.environ))
sys.stdin.read()
log = structlog.get_logger()
log.debug("quiet")
log.info("ours", model="small")
logging.getLogger("theirs").warning("theirs")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("broken")
print("alive")
"""


def started(stderr: int, **env: str) -> subprocess.Popen[str]:
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    return subprocess.Popen(
        [sys.executable, "-c", CODE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        cwd=ROOT,
        env={**clean, "TERM": "xterm", **env},
    )


def logged(**env: str) -> str:
    """What a process without a terminal logs."""
    process = started(subprocess.PIPE, **env)
    told, errors = process.communicate(timeout=PATIENCE)
    assert told == "alive\n"
    return errors


def test_a_process_lives_on_when_nobody_reads_its_log_any_more() -> None:
    reading, writing = os.pipe()
    process = started(writing)
    os.close(writing)
    os.close(reading)
    told, _ = process.communicate(timeout=PATIENCE)
    assert told == "alive\n"


def test_a_program_gets_an_object_a_line() -> None:
    ours, theirs, broken = (json.loads(line) for line in logged().splitlines())
    assert (ours["event"], ours["level"], ours["model"]) == ("ours", "info", "small")
    assert (theirs["event"], theirs["logger"]) == ("theirs", "theirs")
    assert "ZeroDivisionError" in broken["exception"]


def test_a_person_at_a_terminal_gets_lines_with_colours() -> None:
    ours, theirs = pty.openpty()
    process = started(theirs)
    os.close(theirs)
    process.communicate(timeout=PATIENCE)
    text = os.read(ours, 1 << 16).decode()
    os.close(ours)
    assert "\x1b[" in text and "model" in text and not text.startswith("{")


@pytest.mark.parametrize(("env", "colours"), [({}, False), ({"FORCE_COLOR": "1"}, True)])
def test_what_a_process_manager_shows_is_told_by_it(env: dict[str, str], colours: bool) -> None:
    text = logged(MLXQ_LOG_FORMAT="console", **env)
    assert "ours" in text and "Traceback" in text and ("\x1b[" in text) == colours
    assert "\x1b[" not in logged(MLXQ_LOG_FORMAT="console", NO_COLOR="1", **env)


@pytest.mark.parametrize("form", ["console", "json"])
def test_the_file_holds_objects_whatever_a_person_sees(form: str, tmp_path: Path) -> None:
    path = tmp_path / "logs" / "app.log"
    logged(MLXQ_LOG_FORMAT=form, MLXQ_LOG_FILE=str(path), FORCE_COLOR="1")
    records = [json.loads(line) for line in path.read_text().splitlines()]
    assert [record["event"] for record in records] == ["ours", "theirs", "broken"]
    assert "\x1b[" not in path.read_text() and "ZeroDivisionError" in records[2]["exception"]


def test_the_level_decides_and_no_log_file_goes_before_log_file(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    env = {"MLXQ_LOG_FILE": str(path), "MLXQ_NO_LOG_FILE": "1"}
    assert '"quiet"' in logged(MLXQ_LOG_LEVEL="DEBUG", **env)
    assert logged(MLXQ_LOG_LEVEL="CRITICAL", **env) == ""
    assert not path.exists()
