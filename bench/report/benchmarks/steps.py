"""A model as fast as a small one on a fast Mac: an engine that only sleeps, 2 ms a step, behind the stack and by
itself in process. Tokens ÷ seconds while all streams run.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.report.fakes import Alone, Served
from bench.report.measurement import TOKENS, Measurement
from bench.report.plan import Plan
from bench.stacks import served
from tests.support.servers import fake

STEP = 0.002
TOKENS_EACH = 512
CASES = {"1": 1, "8": 8, "16": 16, "32": 32}


def measure(plan: Plan) -> Iterator[Measurement]:
    """The rates of both."""
    tokens = 64 if plan.quick else TOKENS_EACH
    with served([fake(step_ms=1000 * STEP)]) as stack:
        hop = Served(stack.url, STEP)
        hop.rate(8, 2)  # the first calls open connections
        for streams in plan.cases("steps", CASES):
            title = f"{streams} streams" if streams > 1 else "1 stream"
            for number, system in plan.turns([hop, Alone(STEP)]):
                yield Measurement("steps", title, TOKENS, system.name, number, system.rate(streams, tokens))
