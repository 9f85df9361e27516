"""Continuous batching of one text model: what waits, what is prefilled, what speaks, and what fits in memory."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import mlx.core as mx
import structlog

from workers.engines.text.cache import kv
from workers.engines.text.cache.prompt_cache import NOTHING, PromptCache
from workers.engines.text.cache.radix import shared
from workers.engines.text.sampling.sampler import Sampler
from workers.engines.text.schedule import bulk_throttle
from workers.engines.text.schedule.bulk_throttle import BulkThrottle
from workers.engines.text.schedule.decode import Generated, Group
from workers.engines.text.schedule.groups import Groups, Turn
from workers.engines.text.schedule.outcome import Prefilled, Ready, Unseen
from workers.engines.text.schedule.prefill import Piece
from workers.engines.text.schedule.prefill_budget import PrefillBudget
from workers.engines.text.schedule.prefills import Prefills
from workers.engines.text.schedule.rows import PromptGroup, Row
from workers.engines.text.speculation import Draft

AHEAD = 256  # tokens of an answer that are counted on when it is admitted; who says more may have to pause
_SHARED = 128  # tokens that a prompt must share with one under way for waiting to pay
_TIDY = 512  # steps between two looks at MLX's own cache of buffers
log = structlog.get_logger()


class Batch:
    """Every sequence of a model. `room` may be asked from any thread, all else is the engine thread's."""

    def __init__(
        self,
        model: Any,
        caches: kv.Kv,
        sampler: Sampler,
        prompts: PromptCache,
        *,
        slots: int,
        prompts_at_once: int,
        chunk: int,
        max_kv_bytes: float,
        draft: Draft | None = None,
    ) -> None:
        self._kv, self._sampler, self._prompts = caches, sampler, prompts
        self._draft = draft
        self._slots, self._at_once, self._max_bytes = slots, prompts_at_once, max_kv_bytes
        self._waiting: deque[PromptGroup] = deque()
        self._groups, self._bulk_throttle = Groups(model, caches, slots), BulkThrottle(slots)
        self._prefills = Prefills(model, caches)
        self._ready: list[PromptGroup] = []
        self._steps = 0
        self.prefill_budget = PrefillBudget(chunk)

    @property
    def rows(self) -> list[Row]:
        """Every sequence that has not ended, in no order."""
        return [row for source in self._waiting for row in source.sequences] + self._active

    @property
    def nbytes(self) -> int:
        """Bytes in the KV caches of who is prefilled and who speaks."""
        held = [group.caches for group in self._groups.all] + [prefill.caches for prefill in self._prefills.all]
        return sum(map(kv.nbytes, held))

    @property
    def _active(self) -> list[Row]:
        return [*(row for source in self._prefills.sources for row in source.sequences), *self._groups.rows]

    def room(self, wanted: Sequence[tuple[int, int, int]]) -> bool:
        """Whether more answers fit beside those under way: triples of their number, prompt and limit in tokens."""
        free = self._slots - len(self.rows) - sum(rows for rows, _, _ in wanted)
        needed = sum(rows * self._needed(prompt, limit) for rows, prompt, limit in wanted)
        return free >= 0 and needed + self._reserved(self.rows) <= self._max_bytes

    def _needed(self, length: int, left: int) -> float:
        """Bytes to count on for a row of so many tokens that may say so many more; it is padded to its neighbours."""
        return self._kv.size(max(length + min(left, AHEAD), self._groups.width))

    def _reserved(self, rows: Sequence[Row]) -> float:
        counted = sum(self._kv.size(len(row.tokens) + min(row.limit - row.said, AHEAD)) for row in rows)
        return max(counted, float(self.nbytes))

    def add(self, source: PromptGroup) -> None:
        """Let a prompt wait for its turn; its sequences follow when it is prefilled."""
        self._waiting.append(source)

    def step(self) -> list[Generated | Prefilled | Ready | Unseen]:
        """A piece of the prompts that wait, and one token of every sequence whose turn it is."""
        self._steps += 1
        unseen = self._look()
        self._make_room()
        self._groups.requantise()
        self._begin()
        turn = self._turn()
        began = time.monotonic()
        # Prompts go first: what is said is told at once, and who is through is fed in the same step.
        prefilled, piece = self._advance(turn)
        if (draft := self._drafting()) is not None:
            spoken, plain = self._groups.all[0].speculate(self._sampler, draft), False
        else:
            spoken, plain = [said for group in self._groups.speaking(turn) for said in group.step(self._sampler)], True
        self._learn(time.monotonic() - began, piece, spoken if plain else [])
        if self._steps % _TIDY == 0:
            mx.clear_cache()
        ready, self._ready = [Ready(source) for source in self._ready], []
        return [*spoken, *prefilled, *ready, *unseen]

    def _turn(self) -> Turn:
        """What bulk work there is in this step."""
        people = [row for row in self._active if not row.bulk]
        if people:
            self._bulk_throttle.meet()
        self._groups.divide(self._bulk_throttle.most)
        if not self._bulk_throttle.about:
            return Turn(None, math.inf)
        bulk = [group for group in self._groups.all if group.bulk]
        if self._bulk_throttle.stands(awaited=any(row.said == 0 for row in people)):
            # What of it is still being computed is no part of what people's prompts take.
            mx.eval([group.logits for group in bulk if group.logits is not None])
            return Turn([], 0.0)
        if not bulk and not self._prefills.bulk:
            return Turn([], 0.0)
        turn = self._bulk_throttle.turn(len(bulk) + self._prefills.bulk)
        return Turn([], bulk_throttle.BRIEF) if turn == len(bulk) else Turn([bulk[turn]], 0.0)

    def _learn(self, seconds: float, piece: Piece | None, spoken: Sequence[Generated]) -> None:
        bulk = [one.row.bulk for one in spoken]
        if piece:
            heard = not all(bulk)
            self.prefill_budget.prefilled(piece.seconds, piece.tokens, piece.prompts, len(bulk), heard=heard)
            seconds -= piece.seconds
        if spoken:
            self.prefill_budget.decoded(seconds, len(bulk))
        if spoken and not piece:
            self._bulk_throttle.took(seconds, bulk)

    def _drafting(self) -> Draft | None:
        """The draft model, while a single sequence speaks and nobody waits: with company, a batch is the faster way."""
        speaking = [row for group in self._groups.all for row in group.rows]
        busy = self._waiting or self._prefills.all or len(self._groups.all) > 1
        if self._draft is None or busy or len(speaking) != 1:
            return None
        (row,) = speaking
        if row.guide is not None or row.forced:  # what is allowed next depends on what was said
            return None
        alone = not self._groups.all[0].joining and self._kv.trimmable(len(row.tokens) + self._draft.count + 1)
        return (
            self._draft
            if alone and self._draft.ready(row, self.prefill_budget.chunk([len(row.tokens) + 1], 1))
            else None
        )

    def end(self, rows: Sequence[Row]) -> None:
        """Forget these sequences; what they said is kept in the prompt cache while there is room."""
        for group in self._groups.all:
            for row in group.everybody:
                if row in rows:
                    self._keep(group, row)
        self._groups.leave(rows)
        for source in [*self._waiting, *self._prefills.sources]:
            source.sequences = [row for row in source.sequences if row not in rows]
        self._waiting = deque(source for source in self._waiting if source.sequences)
        self._prefills.tidy()

    def pause(self, rows: Sequence[Row]) -> list[PromptGroup]:
        """Forget these sequences for now; adding what this returns lets them go on, from the prompt cache if it can."""
        paused = [source for source in [*self._waiting, *self._prefills.sources] if source.sequences[0] in rows]
        again = [source.anew(source.sequences) for source in paused]
        again += [row.anew() for row in self._groups.rows if row in rows]
        for prefill in self._prefills.all:
            for source in prefill.sources:
                if source in paused and self._prompts.wants(source.done):
                    self._prompts.add(source.owner, source.ids[: source.done], prefill.caches_of(source))
        self.end(rows)
        return again

    def _keep(self, group: Group, row: Row) -> None:
        if self._prompts.wants(len(row.tokens)):
            entering = any(joining is row for joining in group.joining)
            self._prompts.add(row.owner, row.key[:-1] if entering else row.key, group.caches_of(row))

    def _look(self) -> list[Unseen]:
        """Let the first prompt that could begin, had it seen what it shows, look at a piece of that."""
        for source in self._waiting:
            # Before it was looked up, nobody knows what a cache has seen of it.
            if source.shown is not None and source.restoring is NOTHING and source.blind:
                try:
                    source.shown.look(source.done)
                except Exception as error:  # of this prompt alone
                    self._waiting.remove(source)
                    return [Unseen(source, error)]
                break
        return []

    def _begin(self) -> None:
        """Take prompts that wait, people's first, in their order, as far as there is room."""
        chosen: list[PromptGroup] = []
        for source in sorted(self._waiting, key=lambda source: source.bulk):
            before = [other for other in [*self._prefills.sources, *chosen] if source.bulk or not other.bulk]
            if len(before) >= self._at_once or not self._fits(source, chosen):
                break
            if self._comes_later(source, chosen, before) or source.blind:
                continue
            self._waiting.remove(source)
            if source.left:
                chosen.append(source)
            else:
                self._speak(source)
        self._prefills.begin(chosen)

    def _fits(self, source: PromptGroup, chosen: Sequence[PromptGroup]) -> bool:
        here = [*self._active, *(row for other in chosen for row in other.sequences)]
        free = self._slots - len(here)
        if free <= 0:
            return False
        if len(source.sequences) > free:
            # The rest waits its turn; by then the prompt stands in the prompt cache.
            rest = source.anew(source.sequences[free:])
            source.sequences = source.sequences[:free]
            self._waiting.insert(self._waiting.index(source) + 1, rest)
        needed = sum(self._needed(len(row.tokens), row.limit - row.said) for row in source.sequences)
        return not here or needed + self._reserved(here) <= self._max_bytes

    def _comes_later(self, source: PromptGroup, chosen: Sequence[PromptGroup], before: Sequence[PromptGroup]) -> bool:
        """Look the prompt up; True when more will soon be in the cache: from a file, or from one that goes before."""
        if source.scored is None and self._restoring(source, idle=not self._active and not chosen):
            return True
        hit = None if source.scored is not None else self._prompts.longest(source.owner, source.ids)
        reused = hit.length if hit else 0
        if any(self._will_have(other, source, reused) for other in before):
            return True
        if (mark := self._prompts.parting(source.owner, source.ids, reused)) is not None:
            source.marks.add(mark)
        if hit:
            source.caches, source.done, source.cached = self._kv.settled(hit.caches()), reused, reused
        return False

    def _will_have(self, other: PromptGroup, source: PromptGroup, reused: int) -> bool:
        """Whether a prompt under way will leave much more of this one in the cache than there is."""
        common = shared(source.ids, other.ids)
        if other.owner != source.owner or common - reused < _SHARED:
            return False
        if not self._kv.trimmable(len(other.tokens)):
            if other.done >= common:
                return False
            other.marks.add(common)
        return True

    def _restoring(self, source: PromptGroup, idle: bool) -> bool:
        if source.restoring is None:
            source.restoring = self._prompts.restore(source.owner, source.ids)
        if not idle and not source.restoring.done():
            return True
        self._prompts.take(source.restoring.result())
        source.restoring = NOTHING
        return False

    def _advance(self, turn: Turn) -> tuple[list[Prefilled], Piece | None]:
        """A piece of the prompts whose turn it is, and what it took."""
        prefill = self._prefills.next(self._steps, bulk=turn.seconds > 0)
        if prefill is None:
            return [], None
        sources = list(prefill.sources)
        beside = [row.bulk for group in self._groups.speaking(turn) for row in group.rows]
        seconds = turn.seconds if prefill.bulk else math.inf
        lefts = [source.left for source in sources]
        chunk = self.prefill_budget.chunk(lefts, len(beside), heard=not all(beside), seconds=seconds)
        through, piece = prefill.step(chunk, [one.logits for one in self._groups.all if one.logits is not None])
        if not self._seat(through, prefill.batch):
            for source in through:
                self._speak(source)
        for source in prefill.sources:
            if source.done in source.marks:
                self._prompts.add(source.owner, source.ids[: source.done], prefill.caches_of(source))
        self._prefills.tidy()
        return [Prefilled(source, source.done, len(source.tokens)) for source in sources], piece

    def _speak(self, source: PromptGroup) -> None:
        """Let the sequences of a prefilled prompt go on by themselves."""
        caches = self._left(source)
        for row in source.sequences:
            self._groups.enter(row, caches)

    def _seat(self, sources: Sequence[PromptGroup], batch: list[Any] | None) -> bool:
        """Let prompts that were prefilled together, one sequence each, go on in the caches that they share already."""
        if batch is None or any(len(source.sequences) != 1 or source.bulk for source in sources):
            return False
        rows, kinds = [source.sequences[0] for source in sources], {kv.kind(source.caches or ()) for source in sources}
        if len(kinds) > 1 or not self._groups.seat(rows, batch, kinds.pop()):
            return False
        for source in sources:
            self._left(source)
        return True

    def _left(self, source: PromptGroup) -> list[Any]:
        """Keep what a prefilled prompt leaves to later ones; its caches, which nobody else holds any more."""
        caches, source.caches = source.caches or self._kv.fresh(), None  # so that who goes on alone can write to them
        if source.done > source.cached and self._prompts.wants(source.done):
            self._prompts.add(source.owner, source.ids[:-1], caches)
        self._ready.append(source)
        for row in source.sequences:
            row.cached = min(source.cached, row.prompt) if row.said == 0 else row.cached
        return caches

    def _make_room(self) -> None:
        """Let the sequences that came last wait, bulk ones first, while the caches take more than they may."""
        while len(speaking := self._groups.rows) > 1 and (held := self.nbytes) > self._max_bytes:
            last = max(speaking, key=lambda row: (row.bulk, row.number))
            log.info("a sequence pauses: the KV caches are full", job_id=last.job, tokens=len(last.tokens), bytes=held)
            paused = self.pause([last])
            self._waiting.extendleft(paused)
