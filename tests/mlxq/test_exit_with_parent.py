"""A process ends with the one that started it, whatever the system can tell of that."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.servers import PATIENCE, ROOT

# A process that starts another one and ends when its standard input does; the other one tells when it ends.
STARTS = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdin=subprocess.DEVNULL)
sys.stdin.read()
"""
ENDS = """
import os, select, signal, sys
{without}
from mlxq import exit_with_parent
signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b"ended\\n"), os._exit(0)))
exit_with_parent.watch_parent()
print("began", flush=True)
signal.pause()
"""


@pytest.mark.parametrize(
    "without", ["", "vars(os).pop('pidfd_open', None); vars(select).pop('kqueue', None)"], ids=["told", "looking"]
)
def test_a_process_ends_soon_after_its_parent(without: str) -> None:
    words = [sys.executable, "-c", STARTS, ENDS.format(without=without)]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "began\n"
        process.kill()
        process.wait(PATIENCE)
        assert process.stdout.readline() == "ended\n"
