"""Drafts out of the text itself: what followed the last time that its last tokens stood there.

Saxena, "Prompt Lookup Decoding" (2023). It needs no second model, and pays where an answer repeats what its prompt or
itself says: code that is changed, documents that are quoted, records of one form.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable, Sequence
from typing import NamedTuple
from weakref import WeakKeyDictionary

from workers.engines.text.schedule.rows import Row
from workers.engines.text.speculation.costs import Costs
from workers.engines.text.speculation.drafter import room

ROWS = 4  # that are decoded together at most: a step of many is not waiting for the weights
_NGRAMS = (6, 3)  # last tokens that are looked for, the longest that stand somewhere count
_GAIN = 1.1  # times as many tokens a second must be expected
_LIKELY = 0.5  # that a draft is right, before anything is known of a text
_FORGET = 0.15  # share of one more draft in that
_BYTES = 4  # of a token


class Text:
    """A row's tokens, where they were said before, and how likely what followed there follows again."""

    def __init__(self, count: int) -> None:
        self._count, self._bytes = count, bytearray()
        self.likely = _LIKELY
        self.guess: list[int] = []

    def read(self, tokens: Sequence[int]) -> None:
        """Take a row's tokens, of which it has read the first; learn from those that it had guessed."""
        new = tokens[len(self._bytes) // _BYTES :]
        for guess, token in zip(self.guess, new, strict=False):
            self.likely += _FORGET * ((guess == token) - self.likely)
            if guess != token:
                break
        self._bytes += array("I", new).tobytes()
        self.guess = self._following()

    def after(self, token: int) -> list[int]:
        """What may follow its tokens and one more."""
        if self.guess[:1] == [token]:
            return self.guess[1:]
        self._bytes += array("I", [token]).tobytes()
        following = self._following()
        del self._bytes[-_BYTES:]
        return following

    def expected(self, drafts: int) -> float:
        """How many tokens a step brings on average that checks `drafts` drafts."""
        return sum(self.likely**at for at in range(drafts + 1)) if self.guess else 1.0

    def _following(self) -> list[int]:
        for length in _NGRAMS:
            if (behind := self._before(length)) is not None:
                run = array("I", bytes(self._bytes[behind : behind + (self._count + 1) * _BYTES]))
                # What stands at the end already goes on as it did: the text goes round in a circle.
                return [run[at % len(run)] for at in range(self._count + 1)]
        return []

    def _before(self, length: int) -> int | None:
        """Where the last `length` tokens stood the last time before, as the byte behind them."""
        if len(self._bytes) <= length * _BYTES:
            return None
        last = bytes(self._bytes[-length * _BYTES :])
        at = self._bytes.rfind(last, 0, len(self._bytes) - _BYTES)
        while at > 0 and at % _BYTES:  # bytes of two neighbours
            at = self._bytes.rfind(last, 0, at + len(last) - 1)
        return at + len(last) if at >= 0 else None


class _Step(NamedTuple):
    """A step of the batch: when it began, for how many rows, and how many drafts it checked since when."""

    number: int
    began: float
    rows: int
    drafts: int = 0
    checking: float = 0.0


class PromptLookup:
    """Drafts as many tokens as pay, `count` at most: by how often they are right, and by what checking them takes.

    `clock` is in seconds.
    """

    def __init__(self, count: int, costs: Costs, clock: Callable[[], float] = time.perf_counter) -> None:
        self.count, self._costs, self._clock = count, costs, clock
        self._texts: WeakKeyDictionary[Row, Text] = WeakKeyDictionary()
        self._drafts = 0
        self._last, self._before = _Step(-1, 0.0, 0), _Step(-1, 0.0, 0)

    def ready(self, rows: Sequence[Row], step: int, chunk: int) -> bool:
        """Whether drafts are expected to pay in this step; what it reads costs nothing worth a piece."""
        self._measure(_Step(step, self._clock(), len(rows)))
        if len(rows) > ROWS:
            return False
        texts = [self._text(row) for row in rows]
        self._drafts = self._paying([(text, room(row)) for text, row in zip(texts, rows, strict=True)])
        return self._drafts > 0

    def drafts(self, rows: Sequence[Row], firsts: Sequence[int]) -> list[list[int]]:
        """What followed each row's last tokens the last time."""
        self._last = self._last._replace(drafts=self._drafts, checking=self._clock())
        most = [min(self._drafts, room(row)) for row in rows]
        return [self._texts[row].after(first)[:own] for row, first, own in zip(rows, firsts, most, strict=True)]

    def _text(self, row: Row) -> Text:
        if row not in self._texts:
            self._texts[row] = Text(self.count)
        text = self._texts[row]
        text.read(row.tokens)
        return text

    def _paying(self, texts: Sequence[tuple[Text, int]]) -> int:
        """How many drafts a row bring most tokens a second, 0 where none bring more than none."""
        most = min(self.count, max((left for text, left in texts if text.guess), default=0))
        if not most or not self._costs.measured(len(texts)):
            return 0
        best, chosen = _GAIN, 0
        for drafts in range(1, most + 1):
            tokens = sum(text.expected(min(drafts, left)) for text, left in texts) / len(texts)
            if (gain := tokens / self._costs.factor(len(texts), drafts)) > best:
                best, chosen = gain, drafts
        if not chosen:
            self._costs.too_dear(len(texts))
        return chosen

    def _measure(self, now: _Step) -> None:
        """Learn from the step that is over, if it was all that was done since it began."""
        last, before = self._last, self._before
        if last.number == now.number - 1 and last.rows == now.rows:
            if last.drafts:
                self._costs.checked(last.rows, last.drafts, now.began - last.checking)
            elif before.number == last.number - 1 and before.rows == last.rows and not before.drafts:
                # After drafts were checked the next logits are there already, so that step says nothing.
                self._costs.plain(last.rows, now.began - last.began)
        self._before, self._last = last, now
