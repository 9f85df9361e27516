"""How much of the waiting prompts a step prefills, so that running rows keep moving and cancellations are heard."""

from __future__ import annotations

_LEAST = 8  # tokens a prompt gets in a step, however slow the machine
_FIRST = 64  # tokens a step, before anything was measured
_FORGET = 0.5  # share of a new measurement


class Pace:
    """Measures prefill and sizes its next piece; a step's prefill stays near `target` seconds."""

    def __init__(self, most: int, target: float = 0.15) -> None:
        self._most, self._target = most, target
        self._decode = 0.0  # seconds of a step without prefill
        self._rate = _FIRST / target  # tokens a second

    def chunk(self, prompts: int) -> int:
        """Tokens that each of so many prompts may prefill in the next step."""
        budget = int(self._rate * self._target)
        return max(_LEAST, min(self._most, budget // max(1, prompts)))

    def took(self, seconds: float, prefilled: int) -> None:
        """Learn from a step that prefilled so many tokens, padding included."""
        if not prefilled:
            self._decode += _FORGET * (seconds - self._decode)
            return
        rate = prefilled / max(seconds - self._decode, 0.001)
        self._rate += _FORGET * (rate - self._rate)
