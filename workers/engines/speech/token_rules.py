"""Which token comes next: Whisper's rules for timestamps and the tokens that it never says, a row at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402 - after OpenBLAS

LATEST_START = 1.0  # seconds within which the first segment of a window begins
Numbers = NDArray[np.float32]


class Token(NamedTuple):
    """A token and its natural log probability among those that were allowed."""

    id: int
    logprob: float


class Looked(NamedTuple):
    """What is looked at of a row's logits: the likeliest text token, its logit, all text's, the end's, and timestamps'.

    `texts` is the logsumexp over all text tokens.
    """

    best: int
    top: float
    texts: float
    end: float
    times: Numbers


class TokenRules:
    """The rules of a model; `tokenizer` is mlx-whisper's, a timestamp stands for `precision` seconds.

    As in openai/whisper's decoding.py: timestamps come in pairs, do not decrease, begin a window, and are taken when
    all of them together are likelier than any text.
    """

    def __init__(self, tokenizer: Any, precision: float) -> None:
        self.end, self.times = tokenizer.eot, tokenizer.timestamp_begin
        self._latest = round(LATEST_START / precision)
        silent = range(self.end + 1, self.times)  # languages, tasks and other marks
        never = np.zeros(self.times, np.float32)
        never[[*tokenizer.non_speech_tokens, *silent]] = -np.inf
        self._never = mx.array(never)

    def look(self, logits: mx.array) -> tuple[mx.array, list[Looked]]:
        """Logits (rows, tokens) without the tokens that are never said, and what is looked at of each row."""
        text, times = logits[:, : self.times] + self._never, logits[:, self.times :]
        best, top, total = text.argmax(-1), text.max(-1), mx.logsumexp(text, -1)
        mx.eval(best, top, total, text, times)
        ends = np.array(text[:, self.end])
        rows = zip(np.array(best), np.array(top), np.array(total), ends, np.array(times), strict=True)
        return text, [Looked(int(a), float(b), float(c), float(d), e) for a, b, c, d, e in rows]

    def greedy(self, tokens_before: Sequence[int], looked: Looked) -> Token:
        """The likeliest of the tokens that may follow what a row has said."""
        text, only_end, times = self._allowed(tokens_before, looked)
        best, top, total = (self.end, looked.end, looked.end) if only_end else looked[:3]
        if not text:
            top = total = -np.inf
        at = int(times.argmax())
        mass = np.logaddexp(total, _logsumexp(times))
        if times[at] > top:
            return Token(self.times + at, float(times[at] - mass))
        return Token(int(best), float(top - mass))

    def sampled(
        self,
        tokens_before: Sequence[int],
        looked: Looked,
        text: Numbers,
        temperature: float,
        random: np.random.Generator,
    ) -> Token:
        """One of the tokens that may follow, drawn at a temperature; `text` are the logits of the row's text tokens."""
        allowed, only_end, times = self._allowed(tokens_before, looked)
        if only_end or not allowed:
            end = text[self.end]
            text = np.full_like(text, -np.inf)
            text[self.end] = end if allowed else -np.inf
        logits = np.concatenate([text, times]).astype(np.float64)
        weights = np.exp((logits - logits.max()) / temperature)
        token = int(random.choice(len(weights), p=weights / weights.sum()))
        return Token(token, float(logits[token] - _logsumexp(logits)))

    def _allowed(self, tokens_before: Sequence[int], looked: Looked) -> tuple[bool, bool, Numbers]:
        """Whether text may follow, whether of it only the end, and the logits of the timestamps that may."""
        times = looked.times.copy()
        if not tokens_before:
            times[self._latest + 1 :] = -np.inf
            return False, False, times
        last_is_time = tokens_before[-1] >= self.times
        before_is_time = len(tokens_before) < 2 or tokens_before[-2] >= self.times
        if last_is_time and before_is_time:
            times[:] = -np.inf
            return True, False, times
        latest = max((token for token in tokens_before if token >= self.times), default=None)
        if latest is not None:  # a segment is not empty, so its end is later than its beginning
            times[: latest - self.times + (0 if last_is_time else 1)] = -np.inf
        dominated = _logsumexp(looked.times) > looked.top and bool(np.isfinite(times).any())
        return not dominated, last_is_time, times


def _logsumexp(values: NDArray[Any]) -> float:
    top = values.max()
    if not np.isfinite(top):
        return float(top)
    return float(top + np.log(np.exp(values - top).sum()))
