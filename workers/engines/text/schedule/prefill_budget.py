"""How much of the waiting prompts a step prefills: as much as pays, while nobody who reads an answer would notice."""

from __future__ import annotations

import math
from collections.abc import Sequence

_ALONE = 1.0  # seconds that a piece may take while nobody waits for tokens; a cancellation takes effect after it
_GAP = 0.5  # seconds between two tokens of an answer that nobody minds, or else
_USUAL = 2.0  # times the gap that there is without prefill
_PASSES = 20.0  # times as long as decoding as many rows a piece takes that spends a twentieth on what it has to read
_UNNOTICED = 0.1  # seconds that a piece may take however fast steps are
_LEAST = 16  # tokens a step, however slow the machine
_FIRST = 32.0  # tokens a second, before anything was measured
_FORGET = 0.5  # share of a new measurement
_FULL = 0.8  # share of what a piece might have been that it must have, to say that there is room for more
_REST = 0.25  # of a piece that is no piece of its own
_CHANGE = 2.0  # how far one step's measurement may move the next piece


class PrefillBudget:
    """Sizes the next piece of prefill by the rate of the last ones; `most` tokens at most.

    A piece reads all weights and what stands before its prompts, as a step of as many rows does, so small ones are
    slow; but one that takes twenty times as long is within a twentieth of what larger ones reach. People who wait for
    tokens bound it further: what decoding leaves of the gap between two tokens. A piece of one token a prompt is a step
    of as many rows, and takes as long; the rate is that of the tokens beyond. It is corrected and not computed, because
    they cost more where much stands before them.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._decode: dict[int, float] = {}  # seconds of decoding, by the rows
        self._rate = _FIRST  # tokens a second of pieces that were as long as they might be

    def chunk(self, lefts: Sequence[int], rows: int = 0, *, interactive: bool = True, seconds: float = math.inf) -> int:
        """Tokens that each of some prompts may prefill in the next step, in at most `seconds`.

        `lefts` are the tokens that they have left; `rows` decode beside them, which somebody waits for or nobody.
        """
        budget = max(self._allowed(len(lefts), rows, interactive, seconds), _LEAST) / len(lefts)
        pieces = max(1, math.ceil(max(lefts) / budget - _REST))
        return min(self._most, math.ceil(max(lefts) / pieces))

    def decoded(self, seconds: float, rows: int) -> None:
        """Learn from what decoding `rows` rows took of a step."""
        known = self._decode.get(rows, seconds)
        self._decode[rows] = known + _FORGET * (seconds - known)

    def prefilled(
        self, seconds: float, tokens: int, prompts: int = 1, rows: int = 0, *, interactive: bool = True
    ) -> None:
        """Learn from a piece of `tokens` of some prompts, padding included, that went before `rows` rows."""
        if tokens < _FULL * self._allowed(prompts, rows, interactive) and seconds <= self._aim(
            prompts, rows, interactive
        ):
            return  # a short prompt says nothing of a long one
        rate = max(tokens - prompts, 1) / max(seconds - self._reading(prompts, seconds), 1e-6)
        self._rate *= min(_CHANGE, max(1 / _CHANGE, rate / self._rate))

    def _allowed(self, prompts: int, rows: int, interactive: bool, seconds: float = math.inf) -> float:
        aim = min(seconds, self._aim(prompts, rows, interactive))
        return min(float(self._most), prompts + self._rate * (aim - self._reading(prompts, aim)))

    def _reading(self, prompts: int, seconds: float) -> float:
        """Seconds that a piece of `prompts` prompts spends on what it reads; at most half of what it takes in all."""
        return min(self._expected(prompts), seconds / 2)

    def _aim(self, prompts: int, rows: int, interactive: bool) -> float:
        """Seconds that a piece of `prompts` prompts may take beside `rows` rows."""
        decode = self._expected(rows)
        unnoticed = max(_GAP, _USUAL * decode) - decode if rows and interactive else max(_ALONE - decode, _ALONE / 2)
        pays = _PASSES * self._expected(prompts) if self._decode else math.inf
        return min(unnoticed, max(_UNNOTICED, pays))

    def _expected(self, rows: int) -> float:
        if not rows or not self._decode:
            return 0.0
        return self._decode[min(self._decode, key=lambda known: abs(known - rows))]
