"""Continuous batching of one text model: what waits, what is prefilled, what is decoded, and what fits in memory."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import mlx.core as mx
import structlog

from workers.engines.text.adapters import Adapters
from workers.engines.text.cache import kv
from workers.engines.text.cache.prompt_cache import NOTHING, PromptCache
from workers.engines.text.sampling.sampler import Sampler
from workers.engines.text.schedule import bulk_throttle
from workers.engines.text.schedule.bulk_throttle import BulkThrottle
from workers.engines.text.schedule.decode import Generated, Group
from workers.engines.text.schedule.groups import BulkWork, Groups
from workers.engines.text.schedule.lookup import Lookup
from workers.engines.text.schedule.outcome import MediaFailed, Prefilled, Ready
from workers.engines.text.schedule.prefill import Piece
from workers.engines.text.schedule.prefill_budget import PrefillBudget
from workers.engines.text.schedule.prefill_queue import PrefillQueue
from workers.engines.text.schedule.rows import PromptGroup, Row
from workers.engines.text.speculation.drafter import Drafter

AHEAD = 256  # tokens of an answer that are counted on when it is admitted; a longer one may have to pause
_TIDY = 512  # steps between two looks at MLX's own cache of buffers
log = structlog.get_logger()


class Batch:
    """Every row of a model. `room` may be asked from any thread, all else is the engine thread's."""

    def __init__(
        self,
        model: Any,
        caches: kv.Kv,
        sampler: Sampler,
        prompt_cache: PromptCache,
        *,
        slots: int,
        prompts_at_once: int,
        chunk: int,
        max_kv_bytes: float,
        drafter: Drafter | None = None,
        adapters: Adapters | None = None,
    ) -> None:
        """Requests may choose one of `adapters`, where there are any."""
        self._kv, self._sampler, self._prompt_cache = caches, sampler, prompt_cache
        self._drafter, self._drafted = drafter, False
        self._slots, self._at_once, self._max_bytes = slots, prompts_at_once, max_kv_bytes
        self._waiting: deque[PromptGroup] = deque()
        self._groups, self._bulk_throttle = Groups(model, caches, slots, adapters), BulkThrottle(slots)
        self._prefill_queue, self._lookup = PrefillQueue(model, caches, adapters), Lookup(caches, prompt_cache)
        self._ready: list[PromptGroup] = []
        self._steps = 0
        self.prefill_budget = PrefillBudget(chunk)

    @property
    def rows(self) -> list[Row]:
        """Every row that has not ended, in no order."""
        return [row for prompt in self._waiting for row in prompt.rows] + self._active

    @property
    def nbytes(self) -> int:
        """Bytes in the KV caches of what is prefilled and what is decoded."""
        held = [group.caches for group in self._groups.all] + [prefill.caches for prefill in self._prefill_queue.all]
        return sum(map(kv.nbytes, held))

    @property
    def _active(self) -> list[Row]:
        return [*(row for prompt in self._prefill_queue.prompts for row in prompt.rows), *self._groups.rows]

    def has_room(self, wanted: Sequence[tuple[int, int, int]]) -> bool:
        """Whether more answers fit beside those under way: triples of their number, prompt and limit in tokens."""
        free = self._slots - len(self.rows) - sum(rows for rows, _, _ in wanted)
        needed = sum(rows * self._needed(prompt, limit) for rows, prompt, limit in wanted)
        return free >= 0 and needed + self._reserved(self.rows) <= self._max_bytes

    def _needed(self, length: int, left: int) -> float:
        """Bytes to count on for a row of `length` tokens that may grow by `left`; it is padded to its group."""
        return self._kv.size(max(length + min(left, AHEAD), self._groups.width))

    def _reserved(self, rows: Sequence[Row]) -> float:
        counted = sum(self._kv.size(len(row.tokens) + min(row.limit - row.generated, AHEAD)) for row in rows)
        return max(counted, float(self.nbytes))

    def add(self, prompt: PromptGroup) -> None:
        """Let a prompt wait for its turn; its rows follow when it is prefilled."""
        self._waiting.append(prompt)

    def step(self) -> list[Generated | Prefilled | Ready | MediaFailed]:
        """A piece of the prompts that wait, and one token of every row that is decoded in this step."""
        self._steps += 1
        failed = self._encode_media()
        self._make_room()
        self._groups.requantise()
        self._begin()
        bulk_work = self._bulk_work()
        began = time.monotonic()
        # Prompts go first: tokens are emitted at once, and what is prefilled is decoded in the same step.
        prefilled, piece = self._advance(bulk_work)
        groups = self._groups.decoding(bulk_work)
        before, self._drafted = self._drafted, (drafter := self._drafting(groups)) is not None
        if drafter is not None:
            generated = groups[0].speculate(self._sampler, drafter)
        else:
            generated = [token for group in groups for token in group.step(self._sampler)]
        # After drafts were checked the next logits are there already, so that step says nothing either.
        self._learn(time.monotonic() - began, piece, [] if before or self._drafted else generated)
        if self._steps % _TIDY == 0:
            mx.clear_cache()
        ready, self._ready = [Ready(prompt) for prompt in self._ready], []
        return [*generated, *prefilled, *ready, *failed]

    def _bulk_work(self) -> BulkWork:
        """What bulk work there is in this step."""
        people = [row for row in self._active if not row.bulk]
        if people:
            self._bulk_throttle.note_people()
        self._groups.divide(self._bulk_throttle.most)
        if not self._bulk_throttle.people_about:
            return BulkWork(None, math.inf)
        bulk = [group for group in self._groups.all if group.bulk]
        if self._bulk_throttle.pauses(awaited=any(row.generated == 0 for row in people)):
            # What of it is still being computed is no part of what people's prompts take.
            mx.eval([group.logits for group in bulk if group.logits is not None])
            return BulkWork([], 0.0)
        if not bulk and not self._prefill_queue.bulk:
            return BulkWork([], 0.0)
        chosen = self._bulk_throttle.next_of(len(bulk) + self._prefill_queue.bulk)
        return BulkWork([], bulk_throttle.BRIEF) if chosen == len(bulk) else BulkWork([bulk[chosen]], 0.0)

    def _learn(self, seconds: float, piece: Piece | None, generated: Sequence[Generated]) -> None:
        bulk = [one.row.bulk for one in generated]
        if piece:
            interactive = not all(bulk)
            self.prefill_budget.prefilled(
                piece.seconds, piece.tokens, piece.prompts, len(bulk), interactive=interactive
            )
            seconds -= piece.seconds
        if generated:
            self.prefill_budget.decoded(seconds, len(bulk))
        if generated and not piece:
            self._bulk_throttle.took(seconds, bulk)

    def _drafting(self, groups: Sequence[Group]) -> Drafter | None:
        """What drafts in this step, if anything does: while the rows of one group are all that there is to do."""
        drafter = self._drafter
        if drafter is None or self._waiting or self._prefill_queue.all or not len(groups) == len(self._groups.all) == 1:
            return None
        (group,) = groups
        longest = max(len(row.tokens) for row in group.all_rows) + drafter.count + 1
        if group.joining or not group.takes_back or not self._kv.trimmable(longest):
            return None
        chunk = self.prefill_budget.chunk([longest - drafter.count], 1)
        return drafter if drafter.ready(group.rows, self._steps, chunk) else None

    def relieve(self) -> None:
        """Forget all that is kept of earlier prompts in memory."""
        self._prompt_cache.clear()

    def end(self, rows: Sequence[Row]) -> None:
        """Forget these rows; what they generated is kept in the prompt cache while there is room."""
        for group in self._groups.all:
            for row in group.all_rows:
                if row in rows:
                    self._keep(group, row)
        self._groups.leave(rows)
        for prompt in [*self._waiting, *self._prefill_queue.prompts]:
            prompt.rows = [row for row in prompt.rows if row not in rows]
        self._waiting = deque(prompt for prompt in self._waiting if prompt.rows)
        self._prefill_queue.tidy()

    def pause(self, rows: Sequence[Row]) -> list[PromptGroup]:
        """Forget these rows for now; adding what this returns lets them go on, from the prompt cache if it can."""
        paused = [prompt for prompt in [*self._waiting, *self._prefill_queue.prompts] if prompt.rows[0] in rows]
        again = [prompt.anew(prompt.rows) for prompt in paused]
        again += [row.anew() for row in self._groups.rows if row in rows]
        for prefill in self._prefill_queue.all:
            for prompt in prefill.prompts:
                if prompt in paused and self._prompt_cache.wants(prompt.done):
                    self._prompt_cache.add(prompt.owner, prompt.ids[: prompt.done], prefill.caches_of(prompt))
        self.end(rows)
        return again

    def _keep(self, group: Group, row: Row) -> None:
        if self._prompt_cache.wants(len(row.tokens)):
            entering = any(joining is row for joining in group.joining)
            self._prompt_cache.add(row.owner, row.key[:-1] if entering else row.key, group.caches_of(row))

    def _encode_media(self) -> list[MediaFailed]:
        """Encode a piece of the media of the first prompt that waits for nothing else."""
        for prompt in self._waiting:
            # Before it was looked up, nobody knows what the caches hold of it.
            if prompt.media is not None and prompt.restoring is NOTHING and prompt.needs_encoding:
                try:
                    prompt.media.encode_next(prompt.done)
                except Exception as error:  # of this prompt alone
                    self._waiting.remove(prompt)
                    return [MediaFailed(prompt, error)]
                break
        return []

    def _begin(self) -> None:
        """Take prompts that wait, people's first, in their order, as far as there is room."""
        chosen: list[PromptGroup] = []
        for prompt in sorted(self._waiting, key=lambda prompt: prompt.bulk):
            before = [other for other in [*self._prefill_queue.prompts, *chosen] if prompt.bulk or not other.bulk]
            if len(before) >= self._at_once or not self._fits(prompt, chosen):
                break
            idle = not self._active and not chosen
            if self._lookup.comes_later(prompt, before, idle=idle) or prompt.needs_encoding:
                continue
            self._waiting.remove(prompt)
            if prompt.left:
                chosen.append(prompt)
            else:
                self._start_decoding(prompt)
        self._prefill_queue.begin(chosen)

    def _fits(self, prompt: PromptGroup, chosen: Sequence[PromptGroup]) -> bool:
        here = [*self._active, *(row for other in chosen for row in other.rows)]
        free = self._slots - len(here)
        if free <= 0:
            return False
        if len(prompt.rows) > free:
            # The rest waits its turn; by then the prompt stands in the prompt cache.
            rest = prompt.anew(prompt.rows[free:])
            prompt.rows = prompt.rows[:free]
            self._waiting.insert(self._waiting.index(prompt) + 1, rest)
        needed = sum(self._needed(len(row.tokens), row.limit - row.generated) for row in prompt.rows)
        return not here or needed + self._reserved(here) <= self._max_bytes

    def _advance(self, bulk_work: BulkWork) -> tuple[list[Prefilled], Piece | None]:
        """A piece of the prompts that are prefilled in this step, and what it took."""
        prefill = self._prefill_queue.next(self._steps, bulk=bulk_work.seconds > 0)
        if prefill is None:
            return [], None
        prompts = list(prefill.prompts)
        beside = [row.bulk for group in self._groups.decoding(bulk_work) for row in group.rows]
        seconds = bulk_work.seconds if prefill.bulk else math.inf
        lefts = [prompt.left for prompt in prompts]
        chunk = self.prefill_budget.chunk(lefts, len(beside), interactive=not all(beside), seconds=seconds)
        through, piece = prefill.step(chunk, [one.logits for one in self._groups.all if one.logits is not None])
        if not self._join_batch(through, prefill.batch):
            for prompt in through:
                self._start_decoding(prompt)
        for prompt in prefill.prompts:
            if prompt.done in prompt.marks:
                self._prompt_cache.add(prompt.owner, prompt.ids[: prompt.done], prefill.caches_of(prompt))
        self._prefill_queue.tidy()
        return [Prefilled(prompt, prompt.done, len(prompt.tokens)) for prompt in prompts], piece

    def _start_decoding(self, prompt: PromptGroup) -> None:
        """Let the rows of a prefilled prompt be decoded."""
        caches = self._finish_prefill(prompt)
        for row in prompt.rows:
            self._groups.enter(row, caches)

    def _join_batch(self, prompts: Sequence[PromptGroup], batch: list[Any] | None) -> bool:
        """Let prompts that were prefilled together, one row each, go on in the caches that they share already."""
        if batch is None or any(len(prompt.rows) != 1 or prompt.bulk for prompt in prompts):
            return False
        rows, kinds = [prompt.rows[0] for prompt in prompts], {kv.kind(prompt.caches or ()) for prompt in prompts}
        if len(kinds) > 1 or not self._groups.join_batch(rows, batch, kinds.pop()):
            return False
        for prompt in prompts:
            self._finish_prefill(prompt)
        return True

    def _finish_prefill(self, prompt: PromptGroup) -> list[Any]:
        """Keep what a prefilled prompt leaves to later ones; its caches, which nobody else holds any more."""
        caches, prompt.caches = prompt.caches or self._kv.fresh(), None  # so that a row alone can write to them
        if prompt.done > prompt.cached and self._prompt_cache.wants(prompt.done):
            self._prompt_cache.add(prompt.owner, prompt.ids[:-1], caches)
        self._ready.append(prompt)
        for row in prompt.rows:
            row.cached = min(prompt.cached, row.prompt_length) if row.generated == 0 else row.cached
        return caches

    def _make_room(self) -> None:
        """Let the rows that came last wait, bulk ones first, while the caches take more than they may."""
        while len(decoding := self._groups.rows) > 1 and (held := self.nbytes) > self._max_bytes:
            last = max(decoding, key=lambda row: (row.bulk, row.number))
            log.info("a row pauses: the KV caches are full", job_id=last.job, tokens=len(last.tokens), bytes=held)
            paused = self.pause([last])
            self._waiting.extendleft(paused)
