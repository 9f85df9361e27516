"""How much of the waiting prompts a step prefills, so that running rows keep moving and cancellations are heard."""

from __future__ import annotations

import math

_LEAST = 16  # tokens a step, however slow the machine
_FIRST = 32  # tokens a step, before anything was measured
_SHARE = 2.0  # times the seconds of decoding that prefill may take beyond its target
_FORGET = 0.5  # share of a new measurement
_FULL = 0.8  # share of the budget that a piece must use to say that there is room for more
_CHANGE = 2.0  # how far one step's measurement may move the next piece


class Pace:
    """Sizes the next piece of prefill by what the last one took, so that a step stays near `target` seconds.

    Prefill gets what decoding leaves of a step, and in any case twice what decoding takes or `target`, whichever is
    less: a piece reads all weights, as a token does, so prompts in small pieces take several times as long. The size is
    corrected and not computed from a rate, because a piece costs more than in proportion when it is small and when much
    stands before it.
    """

    def __init__(self, most: int, target: float = 0.2) -> None:
        self._most, self._target = most, target
        self._decode: dict[int, float] = {}  # seconds of a step without prefill, by the rows that it decoded
        self._budget = float(min(_FIRST, most))  # tokens a step

    def chunk(self, prompts: int, share: float = 1.0) -> int:
        """Tokens that each of so many prompts may prefill in the next step, in a share of its time."""
        budget = max(share * self._budget, min(self._budget, float(_LEAST)))
        return min(self._most, math.ceil(budget / max(1, prompts)))

    def decoded(self, seconds: float, rows: int) -> None:
        """Learn from a step that only decoded."""
        known = self._decode.get(rows, seconds)
        self._decode[rows] = known + _FORGET * (seconds - known)

    def prefilled(self, seconds: float, tokens: int, rows: int) -> None:
        """Learn from a step that prefilled so many tokens, padding included, beside so many decoding rows."""
        decode = self._expected(rows)
        if decode > seconds:  # measured when the batch was another: no step takes less than its decoding
            decode = self._decode[rows] = seconds
        aim = max(self._target - decode, min(_SHARE * decode, self._target))
        spent = max(seconds - decode, aim / _CHANGE)
        if spent <= aim and tokens < _FULL * self._budget:
            return  # a short prompt says nothing of a long one
        factor = min(_CHANGE, max(1 / _CHANGE, aim / spent))
        self._budget = min(float(self._most), max(float(_LEAST), self._budget * factor))

    def _expected(self, rows: int) -> float:
        if not rows or not self._decode:
            return 0.0
        return self._decode[min(self._decode, key=lambda known: abs(known - rows))]
