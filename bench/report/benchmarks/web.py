"""Many streams at once of an engine that says a word of each every 200 ms. A token's delay is how much later it came
than at an even pace through the stream's promptest token; CPU is that of all processes of the stack.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

import psutil

from bench.client import streams
from bench.report.fakes import body, spoken
from bench.report.measurement import CPU_TOKEN, DELAY_P95, FIRST_P50, FIRST_P95, LOST, OURS, REFUSED, Measurement
from bench.report.plan import Plan
from bench.stacks import more_files, served
from bench.summary import percentile
from tests.support.servers import fake

STEP_MS = 200
WORDS = 30
ROWS = 1024
CASES = {"100": 100, "300": 300, "1000": 1000}


def measure(plan: Plan) -> Iterator[Measurement]:
    """Ours alone: nobody else has an engine that can be made to sleep."""
    more_files()
    words = 5 if plan.quick else WORDS
    model = fake(step_ms=STEP_MS, slots=ROWS, queue_size=2 * ROWS)
    with served([model]) as stack:
        streams(stack.url, [body(2)] * 8)  # the first calls open connections
        for count in plan.cases("web", CASES):
            for number in range(plan.rounds):
                for metric, value in _round(stack.url, count, words).items():
                    yield Measurement("web", f"{count:,} streams", metric, OURS, number, value)


def _round(url: str, count: int, words: int) -> dict[str, float]:
    before = _cpu()
    heard = streams(url, [body(words)] * count)
    spent = _cpu() - before
    refused = sum(one.status not in (0, 200) for one in heard)
    said = spoken([one for one in heard if one.whole])
    whole = [one for one in said if len(one) == words]
    found = {LOST: float(count - refused - len(whole)), REFUSED: float(refused)}
    if whole:
        first = [1000 * one.first for one in heard if one.whole]
        found[FIRST_P50], found[FIRST_P95] = percentile(first, 0.5), percentile(first, 0.95)
        found[DELAY_P95] = 1000 * percentile(delays(whole), 0.95)
        found[CPU_TOKEN] = 1000 * spent / sum(map(len, said))
    return found


def delays(streams: Sequence[Sequence[float]]) -> list[float]:
    """Seconds that each token came later than at the median stream's pace through its own stream's promptest one."""
    pace = statistics.median((one[-1] - one[0]) / max(1, len(one) - 1) for one in streams)
    late = []
    for one in streams:
        shifts = [moment - at * pace for at, moment in enumerate(one)]
        late += [shift - min(shifts) for shift in shifts]
    return late


def _cpu() -> float:
    """Seconds that the stack's processes, all below this one, have used."""
    return sum(sum(one.cpu_times()[:2]) for one in psutil.Process().children(recursive=True))
