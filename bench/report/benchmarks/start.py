"""Seconds from nothing to the first answer of one token, asked for again and again; ours as `honcho start` runs it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from bench.report import peers, weights
from bench.report.measurement import OURS, STARTED, Measurement
from bench.report.ours import entry
from bench.report.plan import Plan
from bench.stacks import answered, launched

CASES = {"text": "one text model"}
_BODY = {"model": weights.TEXT, "messages": [{"role": "user", "content": "word"}], "max_tokens": 1}


@dataclass(frozen=True)
class Starter:
    """Something that can be started again and again."""

    name: str
    start: Callable[[], AbstractContextManager[object]]

    def seconds(self) -> float:
        """One start, and its end; raises Absent where it is not installed."""
        began = time.monotonic()
        with self.start():
            return time.monotonic() - began


@contextmanager
def _ours() -> Iterator[None]:
    with launched([entry(weights.TEXT)]) as stack:
        answered(stack.url, "/v1/chat/completions", _BODY)
        yield


STARTERS = (
    Starter(OURS, _ours),
    *(
        Starter(peer.name, peer.started)
        for peer in (peers.MLX_LM, peers.MLX_VLM, peers.MLX_OPENAI_SERVER, peers.LLAMA_CPP)
    ),
)


def measure(plan: Plan) -> Iterator[Measurement]:
    """Everyone that is here, in turn; the first start of each, whose files are not yet in memory, does not count."""
    for case in plan.cases("start", CASES):
        here = [one for one in STARTERS if plan.attempt(one.name, one.seconds) is not None]
        for number, starter in plan.turns(here):
            yield Measurement("start", case, STARTED, starter.name, number, starter.seconds())
