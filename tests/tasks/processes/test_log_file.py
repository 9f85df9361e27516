"""A log file is appended to by all processes, and put aside by whichever finds it full."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlxq import home
from tasks.processes.log_file import LogFile
from tests.support.servers import PATIENCE, ROOT

LINE = f"{'x' * 99}\n"


def numbers(folder: Path) -> list[int]:
    """The numbers of lines in all files of a log, oldest file first."""
    files = [*sorted(folder.glob("app.log.[0-9]"), reverse=True), *folder.glob("app.log")]
    return [int(line) for file in files for line in file.read_text().split()]


def test_a_full_file_is_put_aside_and_the_oldest_goes(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "logs" / "app.log", limit=1000, kept=2)
    for _ in range(35):
        log.write(LINE)
    sizes = {path.name: path.stat().st_size for path in (tmp_path / "logs").iterdir()}
    assert sizes == {"app.log": 500, "app.log.1": 1000, "app.log.2": 1000, "app.log.lock": 0}
    assert (tmp_path / "logs" / "app.log").stat().st_mode & 0o077 == 0


def test_several_writers_lose_no_line(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom tasks.processes.log_file import LogFile\n"
        f"log = LogFile(Path({str(tmp_path / 'app.log')!r}), limit=2000, kept=9)\n"
        "for number in range(int(sys.argv[1]), 600, 3): log.write(f'{number:09}\\n')\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(first)], cwd=ROOT) for first in range(3)]
    assert [writer.wait(PATIENCE) for writer in writers] == [0, 0, 0]
    assert sorted(numbers(tmp_path)) == list(range(600))
    assert len(list(tmp_path.glob("app.log.[0-9]"))) >= 2


def test_a_file_that_was_deleted_or_put_aside_by_others_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    log = LogFile(path)
    log.write("1\n")
    path.rename(tmp_path / "app.log.1")
    log.write("2\n")
    path.unlink()
    log.write("3\n")
    assert path.read_text() == "3\n"


def test_a_lock_that_another_process_holds_keeps_nobody_from_writing(tmp_path: Path) -> None:
    path = tmp_path / "app.log"
    log = LogFile(path, limit=150)
    handle = home.locked(tmp_path / "app.log.lock")
    assert handle is not None
    for _ in range(3):
        log.write(LINE)
    assert path.stat().st_size == 300
    os.close(handle)
    log.write(LINE)
    assert not path.exists() and (tmp_path / "app.log.1").stat().st_size == 400


@pytest.mark.parametrize("at", ["file/app.log", "."])
def test_what_cannot_be_written_is_lost_and_does_no_harm(at: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    LogFile(tmp_path / at).write(LINE)
