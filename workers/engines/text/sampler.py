"""Draws the next tokens of a whole batch at once, each row by its own settings and its own random numbers.

Values travel as arrays, because MLX compiles or specialises anew for each constant. The order is that of vLLM and
transformers: penalties and bias, temperature, top_k, top_p, min_p, XTC.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import mlx.core as mx
import numpy as np

from workers.engines.text import elementwise, noise, penalties
from workers.engines.text.candidates import largest
from workers.engines.text.guide import Guide, allowed
from workers.engines.text.options import Options

CANDIDATES = 256  # tokens among which top_k and top_p are looked for at first
_WIDER = 8  # times as many, for rows whose top_p these do not reach
_COLDEST = 1e-4  # below it float32 leaves the likeliest token nothing to share, and its inverse overflows in the end


class Pick(NamedTuple):
    """A row whose next token is due: its settings, its prompt's length and its tokens so far.

    `guide` says which tokens are allowed, `forced` which one it must be.
    """

    options: Options
    prompt: int
    tokens: Sequence[int]
    guide: Guide | None = None
    forced: int | None = None

    @property
    def key(self) -> int:
        """The random key of this draw."""
        return noise.key(self.options.seed, self.options.choice, len(self.tokens) - self.prompt)


class Report(NamedTuple):
    """Natural log probabilities of some rows: of the drawn token (rows,), and of the likeliest (rows, n) with ids."""

    rows: list[int]
    drawn: Any
    ids: Any
    values: Any


class Sampler:
    """Draws tokens; `spared` are those that XTC leaves alone (line ends and ends of text)."""

    def __init__(self, spared: Iterable[int]) -> None:
        self._spared = mx.array(sorted(spared), mx.uint32)

    def draw(self, logits: Any, picks: Sequence[Pick]) -> Any:
        """The next token of each row: logits (rows, vocabulary) of any float type to uint32 (rows,)."""
        return _forced(self._drawn(logits, picks), picks)

    def _drawn(self, logits: Any, picks: Sequence[Pick]) -> Any:
        x = allowed(penalties.shaped(logits.astype(mx.float32), picks), picks)
        groups: dict[Callable[[Any, Sequence[Pick]], Any], list[int]] = {}
        for row, pick in enumerate(picks):
            groups.setdefault(self._way(pick.options), []).append(row)
        if len(groups) == 1:
            (way,) = groups
            return way(x, picks)
        drawn = [way(x[mx.array(rows)], [picks[row] for row in rows]) for way, rows in groups.items()]
        return _in_order(drawn, list(groups.values()))

    def _way(self, options: Options) -> Callable[[Any, Sequence[Pick]], Any]:
        if options.temperature < _COLDEST or options.top_k == 1:
            return _greedy
        if 0 < options.top_k <= CANDIDATES:
            return self._few
        return self._nucleus if options.top_p < 1 or options.top_k > 0 else self._all

    def _few(self, x: Any, picks: Sequence[Pick]) -> Any:
        values, tokens = largest(_tempered(x, picks), max(pick.options.top_k for pick in picks))
        values = _first(values, [pick.options.top_k for pick in picks])
        return self._choose(_within(values, mx.logsumexp(values, axis=-1, keepdims=True), picks), tokens, picks)

    def _nucleus(self, x: Any, picks: Sequence[Pick], count: int = CANDIDATES) -> Any:
        scaled = _tempered(x, picks)
        vocabulary = scaled.shape[-1]
        limits = [min(pick.options.top_k or vocabulary, vocabulary) for pick in picks]
        values, tokens = largest(scaled, count)
        values = _first(values, limits)
        if count >= vocabulary:
            total = mx.logsumexp(values, axis=-1, keepdims=True)
        else:
            total = elementwise.logsumexp(scaled)
            mass = np.array(mx.exp(values - total).sum(axis=-1))
            asked = [pick.options.top_p if pick.options.top_k == 0 else math.inf for pick in picks]
            if (short := mass < asked).any():
                return self._widened(x, picks, count, short)
        return self._choose(_within(values, total, picks), tokens, picks)

    def _widened(self, x: Any, picks: Sequence[Pick], count: int, short: Any) -> Any:
        """More candidates for rows so flat that their nucleus is larger, and for rows with a larger top_k."""
        parts = [(rows.nonzero()[0].tolist(), width) for rows, width in ((~short, count), (short, _WIDER * count))]
        return _in_order(
            [self._nucleus(x[mx.array(rows)], [picks[row] for row in rows], width) for rows, width in parts if rows],
            [rows for rows, _ in parts],
        )

    def _all(self, x: Any, picks: Sequence[Pick]) -> Any:
        return self._choose(_tempered(x, picks), mx.arange(x.shape[-1])[None], picks)

    def _choose(self, values: Any, tokens: Any, picks: Sequence[Pick]) -> Any:
        """The token that the noise makes the largest; what is out of question is -inf among the values."""
        keys = _column([pick.key for pick in picks], mx.uint32)
        if any(pick.options.min_p > 0 for pick in picks):
            floor = _column([_log(pick.options.min_p) for pick in picks])
            values = mx.where(values >= mx.max(values, axis=-1, keepdims=True) + floor, values, -mx.inf)
        if any(pick.options.xtc_probability > 0 for pick in picks):
            values = self._without_top_choices(values, tokens, picks, keys)
        best = mx.argmax(values + noise.gumbel(keys, tokens), axis=-1, keepdims=True)
        shape = (len(picks), tokens.shape[-1])
        return mx.take_along_axis(mx.broadcast_to(tokens, shape), best, axis=-1)[:, 0].astype(mx.uint32)

    def _without_top_choices(self, values: Any, tokens: Any, picks: Sequence[Pick], keys: Any) -> Any:
        """XTC: sometimes, all tokens above a threshold but the least likely of them are out (p-e-w, 2024)."""
        chances = _column([pick.options.xtc_probability for pick in picks])
        thresholds = _column([pick.options.xtc_threshold for pick in picks])
        likely = mx.softmax(values, axis=-1)
        least = mx.min(mx.where(likely > thresholds, likely, mx.inf), axis=-1, keepdims=True)
        out = likely > least
        if self._spared.size:
            out = out & ~(tokens[..., None] == self._spared).any(axis=-1)
        # No token has this number, so its noise is nobody else's.
        struck = noise.uniform(keys, mx.full((1, 1), 0xFFFFFFFF, mx.uint32)) < chances
        return mx.where(out & struck, -mx.inf, values)


def report(logits: Any, drawn: Any, wanted: Sequence[int | None]) -> Report | None:
    """What the rows that want it are told: the model's own probabilities, before penalties, bias and temperature."""
    rows = [row for row, count in enumerate(wanted) if count is not None]
    if not rows:
        return None
    x = logits[mx.array(rows)].astype(mx.float32)
    total = elementwise.logsumexp(x)
    values, ids = largest(x, max(1, *(wanted[row] or 0 for row in rows)))
    own = mx.take_along_axis(x, drawn[mx.array(rows)][:, None].astype(mx.int32), axis=-1) - total
    return Report(rows, own[:, 0], ids, values - total)


def _forced(drawn: Any, picks: Sequence[Pick]) -> Any:
    """What was drawn, but where a row's token is settled already."""
    rows = [row for row, pick in enumerate(picks) if pick.forced is not None]
    if rows:
        drawn[mx.array(rows)] = mx.array([picks[row].forced for row in rows], mx.uint32)
    return drawn


def _in_order(drawn: Sequence[Any], rows: Sequence[Sequence[int]]) -> Any:
    """Tokens of several parts of a batch, as the rows stand in it."""
    return mx.concatenate(list(drawn))[mx.array(np.argsort([row for part in rows for row in part]))]


def _greedy(x: Any, picks: Sequence[Pick]) -> Any:
    return mx.argmax(x, axis=-1).astype(mx.uint32)


def _tempered(x: Any, picks: Sequence[Pick]) -> Any:
    return x * _column([1 / pick.options.temperature for pick in picks])


def _first(values: Any, counts: Sequence[int]) -> Any:
    """Sorted values, those after the first `counts` of each row out of question."""
    return mx.where(mx.arange(values.shape[-1]) < _column(counts, mx.int32), values, -mx.inf)


def _within(values: Any, total: Any, picks: Sequence[Pick]) -> Any:
    """Sorted values, those out of question that come after top_p is reached (Holtzman et al., arXiv 1904.09751)."""
    likely = mx.exp(values - total)
    before = mx.cumsum(likely, axis=-1) - likely
    # The likeliest stays, whatever top_p and whatever rounding makes of the sum before it, which is nothing.
    kept = (before < _column([pick.options.top_p for pick in picks])) | (mx.arange(values.shape[-1]) == 0)
    return mx.where(kept, values, -mx.inf)


def _column(values: Sequence[float], dtype: Any = mx.float32) -> Any:
    return mx.array(list(values), dtype)[:, None]


def _log(x: float) -> float:
    return math.log(x) if x > 0 else -math.inf
