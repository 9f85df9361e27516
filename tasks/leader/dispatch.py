"""Which job of the bulk lanes goes to Celery next, and how many are there at once."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from tasks.leader import fair_share
from tasks.processes.presence import Presence
from tasks.redis.store import JobStore
from tasks.values.job import Lane

# Milliseconds: a lane's turn comes before an earlier lane's that was served later by this much.
LATER = {lane: 10_000 * place for place, lane in enumerate(Lane)}
HEADROOM = 2  # bulk jobs in a worker's hands beyond its slots, so that the next one is checked before a row is free


@dataclass
class Dispatcher:
    """Keeps a bounded window of the bulk lanes' jobs in Celery, turn by turn over their owners and batches."""

    store: JobStore
    presence: Presence
    leader: str

    def run(self, model: str) -> int:
        """Send as many waiting jobs as the model's live workers have room for; returns how many."""
        slots = sum(worker.slots + HEADROOM for worker in self.presence.workers(model))
        sent = 0
        while slots and (taken := self._next(model)):
            lane, turn, alone = taken
            going = self._take(model, lane, turn, slots, slots if alone else 1)
            if not going:
                if self.store.redis.zscore(self.store.keys.lanes(model), f"{lane}:{turn}") is not None:
                    return sent  # the window is full, or another leads
                continue
            self.store.send(model, *going)
            sent += len(going)
        return sent

    def _next(self, model: str) -> tuple[Lane, str, bool] | None:
        """The lane that is next, earlier ones first unless a later one has waited, and whose turn it is there.

        And whether nobody else waits, so that it may have several turns at once.
        """
        served: dict[Lane, dict[str, float]] = {}
        for member, when in self.store.redis.zrange(self.store.keys.lanes(model), 0, -1, withscores=True):
            lane, _, turn = member.decode().partition(":")
            served.setdefault(Lane(lane), {})[turn] = when
        if not served:
            return None
        first = min(served, key=lambda lane: min(served[lane].values()) + LATER[lane])
        return first, fair_share.following(served[first]), sum(map(len, served.values())) == 1

    def _take(self, model: str, lane: Lane, turn: str, slots: int, most: int) -> list[str]:
        """Give up to `most` jobs their places in the window; their ids."""
        keys = self.store.keys
        answer = self.store.scripts.run(
            "dispatch",
            [
                keys.waiting(model, lane, turn),
                keys.lanes(model),
                keys.window(model),
                keys.unclaimed(model),
                keys.leader(),
                keys.reply(self.leader),
            ],
            [f"{lane}:{turn}", slots, self.store.now(), self.leader, secrets.token_hex(8), most],
        )
        return answer.decode().split() if answer else []
