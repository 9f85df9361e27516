"""What drafts tokens, as the batch sees it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from workers.engines.text.schedule.rows import Row


class Drafter(Protocol):
    """Drafts up to `count` tokens of a row. Of the engine thread."""

    count: int

    def ready(self, rows: Sequence[Row], step: int, chunk: int) -> bool:
        """Whether to draft for rows that are decoded together, and alone, in this step of the batch.

        What it has to read before, it reads up to `chunk` tokens at a time.
        """
        ...

    def drafts(self, rows: Sequence[Row], firsts: Sequence[int]) -> list[list[int]]:
        """What may follow each row's tokens and the one of `firsts` that it has just drawn; perhaps nothing."""
        ...


def room(row: Row) -> int:
    """How many drafts a row may have: with the token before them they reach its limit, and nothing that is forced."""
    return 0 if row.forced else max(0, min(row.limit - row.generated, row.together) - 1)
