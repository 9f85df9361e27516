"""A process is gone when its lock is free, or when it was watched to be silent: never because a clock says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tasks.processes.alive import Processes, Silence, processes
from tests.support.servers import ROOT

ENTER = """
import sys, time
from pathlib import Path
from tasks.processes.alive import Processes
here = Processes(Path(sys.argv[1]))
here.enter("other")
print("entered", flush=True)
time.sleep(60)
"""


def test_a_process_that_is_killed_is_gone_and_until_then_it_lives(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ENTER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None and child.stdout.readline() == "entered\n"
    here = Processes(tmp_path)
    assert not here.gone("other") and here.lives("other")
    child.kill()
    child.wait()
    child.stdout.close()
    assert here.gone("other")
    assert not here.lives("other") and not here.gone("other")


def test_of_a_process_of_another_home_nothing_is_known(tmp_path: Path) -> None:
    here = Processes(tmp_path)
    assert not here.gone("elsewhere") and not here.lives("elsewhere")


def test_who_leaves_is_gone(tmp_path: Path) -> None:
    here, other = Processes(tmp_path), Processes(tmp_path)
    here.enter("me")
    here.enter("me")
    assert not here.gone("me") and not other.gone("me")
    here.leave("me")
    assert other.gone("me")


def test_files_of_processes_that_ended_long_ago_are_removed(tmp_path: Path) -> None:
    here, other = Processes(tmp_path), Processes(tmp_path)
    for name in ("there", "long gone", "just gone"):
        here.enter(name)
    here.leave("long gone")
    here.leave("just gone")
    folder = tmp_path / "processes"
    for name in ("there", "long gone"):
        os.utime(folder / f"{name}.lock", (1, 1))
    other.sweep()
    assert {path.stem for path in folder.iterdir()} == {"there", "just gone"}


def test_a_home_has_one_value_in_a_process(tmp_path: Path) -> None:
    assert processes(tmp_path) is processes(tmp_path)


def test_silence_counts_what_was_watched_and_begins_anew_with_every_sign_of_life() -> None:
    silence = Silence()
    assert silence.look(0.0, {"a": 1.0}) == {"a": 0.0}
    assert silence.look(0.5, {"a": 1.0}) == {"a": 0.5}
    assert silence.look(1.0, {"a": 1.0, "b": 7.0}) == {"a": 1.0, "b": 0.0}
    assert silence.look(1.5, {"a": 2.0, "b": 7.0}) == {"a": 0.0, "b": 0.5}
    assert silence.look(2.0, {"b": 7.0}) == {"b": 1.0}


def test_a_watcher_that_was_stopped_counts_little_of_the_time_that_it_missed() -> None:
    silence = Silence()
    silence.look(0.0, {"a": 1.0})
    assert silence.look(28_800.0, {"a": 1.0}) == {"a": 1.0}


def test_what_could_not_be_heard_is_forgotten() -> None:
    silence = Silence()
    for now in range(5):
        silence.look(float(now), {"a": 1.0})
    silence.forget()
    assert silence.look(5.0, {"a": 1.0}) == {"a": 0.0}
