"""What has reached a worker and has no place in its batch: who is next, in the order of lanes and by turns."""

from __future__ import annotations

from collections.abc import Callable, Collection

from tasks.leader import fair_share
from tasks.values.job import PRIORITY_STEP, Lane
from workers.serving.event_writer import ClaimedJob

# Seconds: a lane goes before an earlier one when somebody in it has waited longer by that much. So people go first
# and bulk work never starves; and a row that got its place that way keeps it for as long.
HANDICAP = {Lane.INTERACTIVE: 0.0, Lane.JOBS: 30.0, Lane.BATCH: 120.0}
_KNOWN = 4096  # owners and batches whose last turn is remembered; one that is forgotten goes first the next time


class AdmissionQueue:
    """Rows that wait for a place, also those that were paused. Not for several threads; `clock` is in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.rows: list[ClaimedJob] = []
        self._served: dict[str, int] = {}
        self._count = 0

    def add(self, row: ClaimedJob) -> None:
        """Let a row wait from now on."""
        row.since = self._clock()
        self.rows.append(row)

    def following(self, lanes: Collection[Lane] = tuple(Lane), *, busy: bool = False) -> ClaimedJob | None:
        """The row of these lanes that is next.

        It is of the lane whose oldest row comes first, and in it of the owner or batch that was served longest ago.
        While others run (`busy`), a row that must run alone is passed over until it has waited for its handicap.
        """
        rows = [row for row in self.rows if row.lane in lanes and not (busy and self._passed(row))]
        if not rows:
            return None
        lane = min(rows, key=_order).lane
        rows = [row for row in rows if row.lane is lane]
        turn = fair_share.following({fair_share.key(row.claim.job): self._served.get(_turn(row), -1) for row in rows})
        of_owner = [row for row in rows if fair_share.key(row.claim.job) == turn]
        return min(of_owner, key=lambda row: (not row.paused, _place(row)))  # what was begun is ended first

    def _passed(self, row: ClaimedJob) -> bool:
        return row.claim.alone and self._clock() - row.since < HANDICAP[row.lane]

    def take(self, row: ClaimedJob) -> None:
        """Let a row go; its turn is over, and its place is its own for a while if somebody earlier was passed over."""
        self.rows.remove(row)
        if row.bulk and any(not other.bulk for other in self.rows):
            row.kept = self._clock() + HANDICAP[row.lane]
        if len(self._served) >= _KNOWN:
            self._served.clear()
        self._count += 1
        self._served[_turn(row)] = self._count

    def yielding(self, rows: Collection[ClaimedJob]) -> ClaimedJob | None:
        """The row that makes way for a person: of the last lane, the one that began last."""
        now = self._clock()
        bulk = [row for row in rows if row.bulk and row.kept <= now]
        return max(bulk, key=lambda row: (HANDICAP[row.lane], row.since), default=None)


def _order(row: ClaimedJob) -> float:
    return row.since + HANDICAP[row.lane]


def _place(row: ClaimedJob) -> float:
    return row.since - row.claim.job.priority * PRIORITY_STEP / 1000


def _turn(row: ClaimedJob) -> str:
    return f"{row.lane}:{fair_share.key(row.claim.job)}"
