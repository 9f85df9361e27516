"""What the whole way from HTTP through Redis to the engine and back adds: an engine that only sleeps, 20 ms a step,
behind the stack and by itself in process. First tokens are those of calls that join, at any moment, while all other
streams run.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.report.fakes import Alone, Served
from bench.report.measurement import ADDED_P50, ADDED_P99, FIRST_P50, FIRST_P95, OURS, TOKENS, Measurement
from bench.report.plan import Plan
from bench.stacks import served
from bench.summary import percentile
from tests.support.servers import fake

STEP = 0.02
PROBES, TOKENS_EACH = 400, 128
CASES = {"1": 1, "8": 8, "32": 32}


def measure(plan: Plan) -> Iterator[Measurement]:
    """First tokens and rates of both, and the difference of the former."""
    probes, tokens = (10, 32) if plan.quick else (PROBES, TOKENS_EACH)
    with served([fake(step_ms=1000 * STEP)]) as stack:
        hop = Served(stack.url, STEP)
        hop.rate(8, 2)  # the first calls open connections
        for streams in plan.cases("hop", CASES):
            title = f"{streams} streams" if streams > 1 else "1 stream"
            first: dict[str, list[float]] = {}
            for number, system in plan.turns([hop, Alone(STEP)]):
                first[system.name] = [1000 * one for one in system.first_tokens(streams, probes)]
                for metric, value in (
                    (FIRST_P50, percentile(first[system.name], 0.5)),
                    (FIRST_P95, percentile(first[system.name], 0.95)),
                    (TOKENS, system.rate(streams, tokens)),
                ):
                    yield Measurement("hop", title, metric, system.name, number, value)
                if len(first) == 2:  # both have had their turn in this round
                    ours, alone = first.pop(OURS), first.popitem()[1]
                    for metric, share in ((ADDED_P50, 0.5), (ADDED_P99, 0.99)):
                        added = percentile(ours, share) - percentile(alone, share)
                        yield Measurement("hop", title, metric, OURS, number, added)
