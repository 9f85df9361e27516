"""What a server costs while nobody asks anything of it: ours as `honcho start` runs it, with three models; mlx-lm's
with its one. CPU time as a part of one core, and how often any thread woke (voluntary context switches). The
manager's own processes, whose poll of 0.1 s is not ours to change, are told apart.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil

from bench.report import peers
from bench.report.measurement import CPU, OURS, WAKEUPS, Measurement
from bench.report.plan import Plan
from bench.stacks import answered, launched
from tests.support.servers import fake

MODELS = 3
SETTLED = 15.0  # seconds from readiness until it counts: the first passes after a start have more to do
WINDOW = 10.0  # seconds a round
MANAGER = "the process manager"
CASES = {"all": "all processes but the manager's", "each": "each"}


class Spent(NamedTuple):
    """What a process has used so far, with all its threads."""

    cpu: float  # seconds
    wakeups: int


@dataclass(frozen=True)
class Idle:
    """A server at rest, and the process that all of it is found by."""

    name: str
    pid: int

    def window(self, seconds: float) -> dict[str, tuple[float, float]]:
        """Per cent of a core and wakeups a second by what the processes are for."""
        root = psutil.Process(self.pid)
        family = [root, *root.children(recursive=True)]
        before = {process.pid: spent(process) for process in family}
        began = time.monotonic()
        time.sleep(seconds)
        passed = time.monotonic() - began
        found: defaultdict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
        for process in family:
            now, then, (cpu, woken) = spent(process), before[process.pid], found[role(process)]
            woken += (now.wakeups - then.wakeups) / passed
            found[role(process)] = (cpu + 100 * (now.cpu - then.cpu) / passed, woken)
        return dict(found)


def spent(process: psutil.Process) -> Spent:
    """CPU and wakeups of a process since its start."""
    times = process.cpu_times()
    threads = Path(f"/proc/{process.pid}/task")
    if not threads.exists():
        return Spent(times.user + times.system, process.num_ctx_switches().voluntary)
    switches = (line for each in threads.iterdir() for line in (each / "status").read_text().splitlines())
    woken = sum(int(line.split()[1]) for line in switches if line.startswith("voluntary_ctxt_switches"))
    return Spent(times.user + times.system, woken)


def role(process: psutil.Process) -> str:
    """What a process is for."""
    words = " ".join(process.cmdline())
    for sign, name in (
        ("honcho", MANAGER),
        ("workers.worker", "a worker"),
        ("gunicorn", "web"),
        ("web.batches", "batches"),
        ("workers.redis_server", "redis"),
        ("valkey", "redis"),
        ("redis", "redis"),
        ("workers", "supervisor"),
    ):
        if sign in words:
            return name
    return "the server"


@contextmanager
def _ours() -> Iterator[Idle]:
    with launched([fake(f"fake-{number}") for number in range(MODELS)]) as stack:
        body = {"model": "fake-0", "messages": [{"role": "user", "content": "word"}], "max_tokens": 2}
        # The reader of events begins with the first answer, and stays.
        answered(stack.url, "/v1/chat/completions", body)
        yield Idle(OURS, stack.pid)


@contextmanager
def _theirs() -> Iterator[Idle]:
    with peers.MLX_LM.started() as server:
        yield Idle(server.name, server.pid)


def measure(plan: Plan) -> Iterator[Measurement]:
    """Windows of both in turn, while both are up."""
    with ExitStack() as entered:
        systems = plan.start(entered, [(OURS, _ours), (peers.MLX_LM.name, _theirs)])
        time.sleep(1.0 if plan.quick else SETTLED)
        chosen = plan.cases("rest", CASES)
        for number, system in plan.turns(systems):
            found = system.window(1.0 if plan.quick else WINDOW)
            counted = {name: both for name, both in found.items() if name != MANAGER}
            whole = (sum(cpu for cpu, _ in counted.values()), sum(woken for _, woken in counted.values()))
            rows = {CASES["all"]: whole} if CASES["all"] in chosen else {}
            if CASES["each"] in chosen and len(found) > 1:
                rows |= found
            for case, (cpu, woken) in rows.items():
                yield Measurement("rest", case, CPU, system.name, number, cpu)
                yield Measurement("rest", case, WAKEUPS, system.name, number, woken)
