"""What cannot be logged does no harm."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.servers import PATIENCE

CODE = """
import logging, sys, structlog
from tasks.processes import logs
logs.configure("INFO")
sys.stdin.read()
structlog.get_logger().info("ours")
logging.getLogger("theirs").warning("theirs")
print("alive")
"""


def test_a_process_lives_on_when_nobody_reads_its_log_any_more() -> None:
    reading, writing = os.pipe()
    process = subprocess.Popen(
        [sys.executable, "-c", CODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=writing, text=True
    )
    os.close(writing)
    os.close(reading)
    told, _ = process.communicate(timeout=PATIENCE)
    assert told == "alive\n"
