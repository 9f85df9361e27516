"""Which rows are decoded together: a model's groups, and which of them a row costs least in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from mlx.utils import tree_flatten

from workers.engines.text.adapters import Adapters
from workers.engines.text.cache import kv
from workers.engines.text.schedule.decode import Group
from workers.engines.text.schedule.rows import Row


class BulkWork(NamedTuple):
    """What bulk work there is in a step: the bulk groups that are decoded (None: all), and seconds for bulk prompts."""

    groups: Sequence[Group] | None
    seconds: float


class Groups:
    """The groups of one batch; bulk rows have groups of their own, of at most `most` rows.

    Requests may choose one of `adapters`, where there are any.
    """

    def __init__(self, model: Any, caches: kv.Kv, most: int, adapters: Adapters | None = None) -> None:
        self._model, self._adapters, self._kv, self.most = model, adapters, caches, most
        self._weights = sum(leaf.nbytes for _, leaf in tree_flatten(model.parameters()))
        self.all: list[Group] = []

    @property
    def rows(self) -> list[Row]:
        """Every row that is decoded, or is from the next step on."""
        return [row for group in self.all for row in group.all_rows]

    @property
    def width(self) -> int:
        """Tokens that every row of the widest group takes."""
        return max((group.width for group in self.all), default=0)

    def decoding(self, bulk_work: BulkWork) -> list[Group]:
        """The groups that are decoded in a step."""
        return [group for group in self.all if not group.bulk or bulk_work.groups is None or group in bulk_work.groups]

    def enter(self, row: Row, caches: Sequence[Any]) -> None:
        """Let a row join a group at its next step; its caches hold all its tokens but the last, and are copied."""
        self._cheapest(row, kv.kind(caches)).enter(row, kv.copied(caches))

    def join_batch(self, rows: Sequence[Row], batch: list[Any], kind: tuple[str, ...]) -> bool:
        """Let rows join a group in the caches that they share, all of whose rows they are, if one takes them all."""
        takes = [group for group in self.all if self._takes(group, rows, kind)]
        if not takes and any(group.kind == kind for group in self.all):
            return False
        (takes[0] if takes else self._new(kind, rows[0])).join_batch(rows, batch)
        return True

    def leave(self, rows: Sequence[Row]) -> None:
        """Go on without these rows."""
        for group in self.all:
            group.leave(rows)
        self._tidy()

    def requantise(self) -> None:
        """Move rows whose cache has become long enough to be quantised among such rows."""
        for group in list(self.all):
            if kv.quantised(group.kind):
                continue
            for row in [row for row in group.rows if self._kv.due(len(row.tokens))]:
                caches, logits = self._kv.settled(group.caches_of(row)), group.logits_of([row])
                group.leave([row])
                self._cheapest(row, kv.kind(caches)).adopt([row], [caches], logits)
        self._tidy()

    def divide(self, most: int) -> None:
        """Let no more than `most` bulk rows step together, in as few groups as that allows."""
        self.most = most
        for group in [group for group in self.all if group.bulk]:
            while len(group.rows) > most:
                self._move(group, group.rows[most : 2 * most], self._new(group.kind, group.rows[0]))
        for group in [group for group in self.all if group.bulk and not group.joining]:
            into = [other for other in self.all if other is not group and self._takes(other, group.rows, group.kind)]
            if into:
                self._move(group, group.rows, into[0])
                self._tidy()

    @staticmethod
    def _move(group: Group, rows: Sequence[Row], other: Group) -> None:
        caches, logits = [group.caches_of(row) for row in rows], group.logits_of(rows)
        rows = list(rows)
        group.leave(rows)
        other.adopt(rows, caches, logits)

    def _tidy(self) -> None:
        self.all = [group for group in self.all if group.all_rows]

    def _new(self, kind: tuple[str, ...], row: Row) -> Group:
        """A group for rows like this one."""
        self.all.append(Group(self._model, kind, bulk=row.bulk, adapters=self._adapters))
        return self.all[-1]

    def _cheapest(self, row: Row, kind: tuple[str, ...]) -> Group:
        """The group that a row costs least, or a new one when padding would cost more than reading the weights."""
        costs = [
            (self._padding([*group.all_rows, row]) - self._padding(group.all_rows), at)
            for at, group in enumerate(self.all)
            if self._takes(group, [row], kind)
        ]
        return self.all[min(costs)[1]] if costs else self._new(kind, row)

    def _takes(self, group: Group, rows: Sequence[Row], kind: tuple[str, ...]) -> bool:
        if not rows or not self._kv.mergeable:
            return False
        together = [*group.all_rows, *rows]
        adapters = {row.adapter for row in together}
        if (group.kind, group.bulk) != (kind, rows[0].bulk) or not (len(adapters) == 1 or self._mixes):
            return False
        return (not group.bulk or len(together) <= self.most) and self._padding(together) <= self._weights

    @property
    def _mixes(self) -> bool:
        return self._adapters is not None and self._adapters.mix

    def _padding(self, rows: Sequence[Row]) -> float:
        lengths = [len(row.tokens) for row in rows]
        return (max(lengths) * len(lengths) - sum(lengths)) * self._kv.bytes_per_token if lengths else 0.0
