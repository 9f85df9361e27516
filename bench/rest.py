"""`python -m bench.rest`: what a stack costs while nobody asks anything of it, as `honcho start` runs it.

Of every process: CPU time as a part of one core, and how often it woke (voluntary context switches of all threads).
What honcho's own processes use is told apart; their 0.1 s poll is not ours to change.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import httpx
import psutil
import yaml
from rich.console import Console
from rich.table import Table

from tests.servers import Process, eventually, fake, free_port

SETTLED = 15.0  # seconds from readiness until it counts: the first passes after a start have more to do


class Spent(NamedTuple):
    """What a process has used so far."""

    cpu: float  # seconds
    wakeups: int


def role(process: psutil.Process) -> str:
    """What a process of the stack is called in the report."""
    words = " ".join(process.cmdline())
    if "honcho" in words:
        return "honcho"
    if "workers.worker" in words:
        return "worker " + words.split("workers.worker ")[1].split()[0]
    for sign, name in (
        ("gunicorn", "web, " + ("its master" if process.children() else "its server")),
        ("web.runner", "batches"),
        ("workers.redis_server", "redis"),
        ("server", "redis, its server"),
        ("workers", "workers"),
    ):
        if sign in words:
            return name
    return words[:40]


def spent(process: psutil.Process) -> Spent:
    """CPU and wakeups of a process with all its threads since its start."""
    times = process.cpu_times()
    threads = Path(f"/proc/{process.pid}/task")
    if not threads.exists():
        return Spent(times.user + times.system, process.num_ctx_switches().voluntary)
    switches = (line for each in threads.iterdir() for line in (each / "status").read_text().splitlines())
    woken = sum(int(line.split()[1]) for line in switches if line.startswith("voluntary_ctxt_switches"))
    return Spent(times.user + times.system, woken)


def measured(root: int, seconds: float) -> list[tuple[str, float, float]]:
    """Role, per cent of a core and wakeups a second of every process below this one, itself included."""
    family = [psutil.Process(root), *psutil.Process(root).children(recursive=True)]
    before = {process.pid: spent(process) for process in family}
    began = time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - began
    rows = []
    for process in family:
        now, then = spent(process), before[process.pid]
        rows.append((role(process), 100 * (now.cpu - then.cpu) / passed, (now.wakeups - then.wakeups) / passed))
    return rows


def report(rows: list[tuple[str, float, float]]) -> Table:
    """The rows as a table, honcho apart from the sum."""
    table = Table("process", "% of a core", "wakeups/s", title="at rest")
    for name, cpu, woken in rows:
        table.add_row(name, f"{cpu:.2f}", f"{woken:.1f}")
    ours = [row for row in rows if row[0] != "honcho"]
    table.add_section()
    table.add_row("all but honcho", f"{sum(row[1] for row in ours):.2f}", f"{sum(row[2] for row in ours):.1f}")
    return table


def main() -> None:
    """Start a stack of its own, let it come to rest, and measure it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=3, help="fake models")
    parser.add_argument("--seconds", type=float, default=20.0)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        config, port = Path(folder) / "models.yaml", free_port()
        config.write_text(yaml.safe_dump({"models": [fake(f"fake-{number}") for number in range(chosen.models)]}))
        path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
        env = {**os.environ, "PATH": path, "MLXQ_HOME": f"{folder}/var", "MLXQ_CONFIG": str(config), "PORT": str(port)}
        stack = Process([sys.executable, "-m", "honcho", "start"], env, shows=False)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as http:

                def ready() -> bool:
                    try:
                        return http.get("/ready").status_code == 200
                    except httpx.TransportError:
                        return False

                eventually(ready, 120, every=0.1)
                # The reader of events begins with the first answer, and stays.
                body = {"model": "fake-0", "messages": [{"role": "user", "content": "word"}], "max_tokens": 2}
                http.post("/v1/chat/completions", json=body).raise_for_status()
            time.sleep(SETTLED)
            Console().print(report(measured(stack.pid, chosen.seconds)))
        finally:
            stack.stop()


if __name__ == "__main__":
    main()
