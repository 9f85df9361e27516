"""Draws the next tokens of a whole batch at once, each row by its own settings and its own random numbers.

Values travel as arrays, because MLX compiles or specialises anew for each constant. The order is that of vLLM and
transformers: penalties and bias, temperature, top_k, top_p, min_p, XTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import mlx.core as mx
import numpy as np

from workers.engines import elementwise
from workers.engines.text.sampling import inverse_transform, noise, penalties
from workers.engines.text.sampling.candidates import largest
from workers.engines.text.sampling.guide import allowed
from workers.engines.text.sampling.min_tokens import withheld
from workers.engines.text.sampling.options import Options
from workers.engines.text.sampling.pick import Pick

CANDIDATES = 256  # the largest top_k that is few
_NUCLEUS = 64  # tokens among which top_p is looked for at first
_WIDER = 8  # times as many, for rows whose top_p these do not reach
# No tokens have these numbers, so their noise is nobody else's: of XTC's chance, and of a draw among all tokens.
_CHANCE = mx.array([[0xFFFFFFFF]], mx.uint32)
PLACE = mx.array([[0xFFFFFFFE, 0xFFFFFFFD]], mx.uint32)
_COLDEST = 1e-4  # below it float32 leaves the likeliest token nothing to share, and its inverse overflows in the end


class Report(NamedTuple):
    """Natural log probabilities of some rows: of the drawn token (rows,), and of the likeliest (rows, n) with ids."""

    rows: list[int]
    drawn: Any
    ids: Any
    values: Any


class Sampler:
    """Draws tokens; `ends` are those that end a text, `spared` further ones that XTC leaves alone (line ends)."""

    def __init__(self, ends: Iterable[int], spared: Iterable[int] = ()) -> None:
        self._ends = frozenset(ends)
        self._spared = mx.array(sorted({*self._ends, *spared}), mx.uint32)

    def draw(self, logits: Any, picks: Sequence[Pick]) -> Any:
        """The next token of each row: logits (rows, vocabulary) of any float type to uint32 (rows,)."""
        return _forced(self._drawn(logits, picks), picks)

    def _drawn(self, logits: Any, picks: Sequence[Pick]) -> Any:
        x = withheld(allowed(penalties.shaped(logits.astype(mx.float32), picks), picks), picks, self._ends)
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
        if options.top_k > 0:
            return self._few if options.top_k <= CANDIDATES else self._many
        return self._nucleus if options.top_p < 1 else self._all

    def _few(self, x: Any, picks: Sequence[Pick]) -> Any:
        values, tokens = largest(_tempered(x, picks), max(pick.options.top_k for pick in picks))
        likely = elementwise.softmax(_first(values, [pick.options.top_k for pick in picks]))
        return self._among(_within(likely, picks), tokens, picks)

    def _many(self, x: Any, picks: Sequence[Pick]) -> Any:
        """Apart from those with few candidates, whom these would hold up."""
        return self._few(x, picks)

    def _nucleus(self, x: Any, picks: Sequence[Pick]) -> Any:
        scaled = _tempered(x, picks)
        return self._widened(scaled, elementwise.logsumexp(scaled), picks, _NUCLEUS)

    def _widened(self, scaled: Any, total: Any, picks: Sequence[Pick], count: int) -> Any:
        """One of the likeliest `count` where top_p lies within them; more for rows so flat that it does not."""
        values, tokens = largest(scaled, count)
        likely = mx.exp(values - total)
        short = np.array(likely.sum(axis=-1)) < [pick.options.top_p for pick in picks]
        if count >= scaled.shape[-1] or not short.any():
            return self._among(_within(likely, picks), tokens, picks)
        flat, other = short.nonzero()[0].tolist(), (~short).nonzero()[0].tolist()
        wide = mx.array(flat)
        drawn = [self._widened(scaled[wide], total[wide], [picks[row] for row in flat], _WIDER * count)]
        if other:
            some, theirs = mx.array(other), [picks[row] for row in other]
            drawn.append(self._among(_within(likely[some], theirs), tokens[some], theirs))
        return _in_order(drawn, [flat, other][: len(drawn)])

    def _all(self, x: Any, picks: Sequence[Pick]) -> Any:
        """By one number a row: noise for a whole vocabulary would cost more than many a model's step."""
        likely = elementwise.softmax(_tempered(x, picks))
        left = self._left(likely, mx.arange(x.shape[-1])[None], picks)
        return inverse_transform.drawn(left, noise.uniform(_keys(picks), PLACE))[:, 0].astype(mx.uint32)

    def _among(self, likely: Any, tokens: Any, picks: Sequence[Pick]) -> Any:
        """By each candidate's own noise: how many there are beside it, and in which order, changes nothing."""
        left = self._left(likely, tokens, picks)
        best = mx.argmax(mx.log(left) + noise.gumbel(_keys(picks), tokens), axis=-1, keepdims=True)
        return mx.take_along_axis(tokens, best, axis=-1)[:, 0].astype(mx.uint32)

    def _left(self, likely: Any, tokens: Any, picks: Sequence[Pick]) -> Any:
        """Probabilities (rows, n), 0 for what min_p and XTC leave out."""
        if any(pick.options.min_p > 0 for pick in picks):
            floor = mx.max(likely, axis=-1, keepdims=True) * _column([pick.options.min_p for pick in picks])
            likely = mx.where(likely >= floor, likely, 0)
        if any(pick.options.xtc_probability > 0 for pick in picks):
            likely = self._without_top_choices(likely, tokens, picks)
        return likely

    def _without_top_choices(self, likely: Any, tokens: Any, picks: Sequence[Pick]) -> Any:
        """XTC: sometimes, all tokens above a threshold but the least likely of them are out (p-e-w, 2024)."""
        chances = _column([pick.options.xtc_probability for pick in picks])
        thresholds = _column([pick.options.xtc_threshold for pick in picks])
        shares = likely / mx.sum(likely, axis=-1, keepdims=True)
        least = mx.min(mx.where(shares > thresholds, shares, mx.inf), axis=-1, keepdims=True)
        out = shares > least
        if self._spared.size:
            out = out & ~(tokens[..., None] == self._spared).any(axis=-1)
        return mx.where(out & (noise.uniform(_keys(picks), _CHANCE) < chances), 0, likely)


def report(logits: Any, drawn: Any, wanted: Sequence[int | None]) -> Report | None:
    """What the rows that want it report: the model's own probabilities, before penalties, bias and temperature."""
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


def _within(likely: Any, picks: Sequence[Pick]) -> Any:
    """Sorted probabilities, 0 after top_p is reached (Holtzman et al., arXiv 1904.09751)."""
    before = mx.cumsum(likely, axis=-1) - likely
    # The likeliest stays, whatever top_p and whatever rounding makes of the sum before it, which is nothing.
    kept = (before < _column([pick.options.top_p for pick in picks])) | (mx.arange(likely.shape[-1]) == 0)
    return mx.where(kept, likely, 0)


def _keys(picks: Sequence[Pick]) -> Any:
    return _column([pick.key for pick in picks], mx.uint32)


def _column(values: Sequence[float], dtype: Any = mx.float32) -> Any:
    return mx.array(list(values), dtype)[:, None]
