"""What a step of decoding costs by itself, and with drafts to check."""

from __future__ import annotations

import statistics
from collections import defaultdict, deque

_STEPS = 5  # whose median counts
_AGAIN = 200  # steps for which drafts are too dear before they are measured anew


class Costs:
    """Seconds of steps by their number of rows, and how much more each draft that a row has makes of them."""

    def __init__(self) -> None:
        self._plain: defaultdict[int, deque[float]] = defaultdict(lambda: deque(maxlen=_STEPS))
        self._drafts: defaultdict[int, deque[float]] = defaultdict(lambda: deque(maxlen=_STEPS))
        self._too_dear = 0

    def plain(self, rows: int, seconds: float) -> None:
        """Learn from a step without drafts."""
        self._plain[rows].append(seconds)

    def checked(self, rows: int, drafts: int, seconds: float) -> None:
        """Learn from a step that checked `drafts` drafts a row."""
        if self._plain[rows]:
            plain = statistics.median(self._plain[rows])
            self._drafts[rows].append(max(0.0, seconds / plain - 1) / drafts)

    def too_dear(self, rows: int) -> None:
        """Note a step whose drafts would not have paid; after many of them the machine may be another one."""
        self._too_dear += 1
        if self._too_dear % _AGAIN == 0:
            self._drafts[rows].clear()

    def measured(self, rows: int) -> bool:
        """Whether it is known what a step takes without drafts."""
        return len(self._plain[rows]) == _STEPS

    def factor(self, rows: int, drafts: int) -> float:
        """How many times as long a step takes that checks `drafts` drafts a row; 1 until one was measured."""
        each = self._drafts[rows]
        return 1 + drafts * (statistics.median(each) if each else 0.0)
