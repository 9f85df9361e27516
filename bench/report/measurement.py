"""What a benchmark yields, and what its figures are of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

OURS, IN_PROCESS = "mlxq", "in process"


@dataclass(frozen=True)
class Measurement:
    """One figure of one system in one round; its unit is the metric's."""

    benchmark: str
    case: str
    metric: str
    system: str
    round: int
    value: float


@dataclass(frozen=True)
class Metric:
    """How figures of a kind are shown: decimals, as a plot too, less is better, only if one of them is not 0."""

    digits: int = 1
    plotted: bool = False
    less: bool = True
    if_any: bool = False


TOKENS, TEXTS, LINES = "tokens/s", "texts/s", "lines/s"
FIRST_P50, FIRST_P95, GAP = "first token, p50, ms", "first token, p95, ms", "longest gap between two pieces, ms"
CALL_P50 = "a call, p50, ms"
ADDED_P50, ADDED_P99 = "added until the first token, p50, ms", "added until the first token, p99, ms"
DELAY_P95 = "delay of a token, p95, ms"
CPU, WAKEUPS, CPU_TOKEN = "% of a core", "wakeups/s", "CPU of all processes, ms a token"
STARTED, MEMORY = "seconds to the first answer", "memory, MiB"
LOST, REFUSED = "streams lost", "streams refused"

METRICS: Mapping[str, Metric] = {
    TOKENS: Metric(plotted=True, less=False),
    TEXTS: Metric(plotted=True, less=False),
    LINES: Metric(plotted=True, less=False),
    FIRST_P50: Metric(0, plotted=True),
    FIRST_P95: Metric(0),
    GAP: Metric(0),
    CALL_P50: Metric(0),
    ADDED_P50: Metric(plotted=True),
    ADDED_P99: Metric(),
    DELAY_P95: Metric(0, plotted=True),
    CPU: Metric(2),
    WAKEUPS: Metric(),
    CPU_TOKEN: Metric(3),
    STARTED: Metric(plotted=True),
    MEMORY: Metric(0, plotted=True),
    LOST: Metric(0, if_any=True),
    REFUSED: Metric(0, if_any=True),
}
