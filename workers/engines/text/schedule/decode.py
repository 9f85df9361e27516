"""Rows that are decoded together: one forward pass, one token each, a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import mlx.core as mx

from workers.engines.text.adapters import Adapters
from workers.engines.text.cache import batched
from workers.engines.text.output import scores
from workers.engines.text.sampling.pick import Pick
from workers.engines.text.sampling.sampler import Sampler, report
from workers.engines.text.schedule.rows import Logprob, Row
from workers.engines.text.speculation.drafter import Drafter


class Generated(NamedTuple):
    """A row's next token, its `number` in the answer from 1 on, and its log probability where that was asked for."""

    row: Row
    token: int
    number: int
    logprob: Logprob | None = None


class Run(NamedTuple):
    """A row, and tokens that may follow its own: its next one, and drafts of which no grammar forbids any."""

    row: Row
    tokens: list[int]

    @classmethod
    def of(cls, row: Row, tokens: list[int]) -> Run:
        """The tokens up to the first that the row's grammar forbids."""
        return cls(row, tokens if row.guide is None else tokens[: max(1, row.guide.taken(tokens))])

    @property
    def picks(self) -> list[Pick]:
        """What the sampler needs to know to draw what follows each token but the last."""
        row, guide, picks = self.row, self.row.guide, list[Pick]()
        for at in range(1, len(self.tokens)):
            if guide is not None:
                guide = guide.copy()
                guide.accept(self.tokens[at - 1])
            picks.append(Pick(row.options, row.prompt_length, [*row.tokens, *self.tokens[:at]], guide))
        return picks

    def right(self, drawn: Sequence[int]) -> int:
        """How many of the drafts are what was drawn, up to the first that is not."""
        pairs = enumerate(zip(drawn, self.tokens[1:], strict=True))
        return next((at for at, (token, draft) in pairs if token != draft), len(drawn))


class Group:
    """Rows with caches of one kind and of lengths that may be padded together, all `bulk` or none.

    Between steps the caches hold all tokens of every row, and `logits`, (rows, vocabulary) and perhaps still being
    computed, say how each goes on. Rows that enter have their last token outside the caches; it is fed with the others'
    next ones; those that are `joined` have their place in the caches already. One row alone keeps unbatched caches, for
    which models have faster paths.
    """

    def __init__(
        self, model: Any, kind: tuple[str, ...], *, bulk: bool = False, adapters: Adapters | None = None
    ) -> None:
        self._model, self.kind, self.bulk, self._adapters = model, kind, bulk, adapters
        self.rows: list[Row] = []
        self.caches: list[Any] = []
        self.logits: Any = None
        self.joined: list[Row] = []
        self.entering: list[tuple[Row, list[Any]]] = []
        self._batched = False

    @property
    def all_rows(self) -> list[Row]:
        """The rows, and those that join them at the next step."""
        return [*self.rows, *self.joining]

    @property
    def joining(self) -> list[Row]:
        """Rows whose last token is still to be fed."""
        return [*self.joined, *(row for row, _ in self.entering)]

    @property
    def width(self) -> int:
        """Tokens that every row takes, padding included."""
        return max((len(row.tokens) for row in self.all_rows), default=0)

    @property
    def takes_back(self) -> bool:
        """Whether the caches can forget as many of each row's last tokens as they are told; mlx-lm's alone can."""
        return len(self.rows) == 1 or batched.shareable(self.caches)

    def enter(self, row: Row, caches: list[Any]) -> None:
        """Let a row join at the next step; the caches hold all its tokens but the last, and become the group's."""
        self.entering.append((row, caches))

    def join_batch(self, rows: Sequence[Row], batch: list[Any]) -> None:
        """Let rows join at the next step with the batch's caches that they share, of all their tokens but the last."""
        self._extend(batch)
        self.joined += rows

    def adopt(self, rows: Sequence[Row], caches: list[list[Any]], logits: Any) -> None:
        """Let rows of another group go on here: caches hold all their tokens, logits are (rows, vocabulary)."""
        self._join(caches)
        self.logits = logits if not self.rows else mx.concatenate([self.logits, logits])
        self.rows += rows

    def step(self, sampler: Sampler) -> list[Generated]:
        """Every row's next token; who enters gets one from the next step on."""
        drawn, reported, wanted = None, None, [row.options.logprobs for row in self.rows]
        if self.rows:
            drawn = sampler.draw(self.logits, [row.pick for row in self.rows])
            reported = report(self.logits, drawn, wanted)
            if not self.joining and all(row.generated + 1 >= row.limit for row in self.rows):
                return self._last(drawn.tolist(), scores.read(reported, wanted))
        arrays = () if reported is None else reported[1:]
        feed = [] if drawn is None else [drawn]
        # Apart from the logits, because reading one of the arrays of an evaluation waits for all of them.
        mx.async_eval(*feed, *arrays)  # type: ignore[no-untyped-call]
        joining = self.joining
        if self.entering:
            self._join([caches for _, caches in self.entering])
        if joining:
            feed.append(mx.array([row.tokens[-1] for row in joining], mx.uint32))
        self.joined, self.entering = [], []
        inputs = mx.concatenate(feed)[:, None]
        self.logits = self._forward(inputs, [*self.rows, *joining])[:, -1]
        mx.async_eval(self.logits)  # type: ignore[no-untyped-call]
        generated = self._append_all(drawn.tolist(), scores.read(reported, wanted)) if drawn is not None else []
        self.rows += joining
        return generated

    def _last(self, tokens: Sequence[int], logprobs: Mapping[int, Logprob]) -> list[Generated]:
        """Tokens after which no row may say more: nothing is fed for what nobody asks for."""
        self.entering = [(row, self.caches_of(row)) for row in self.rows]
        generated = self._append_all(tokens, logprobs)
        self.rows, self.caches, self.logits, self._batched = [], [], None, False
        return generated

    def speculate(self, sampler: Sampler, drafter: Drafter) -> list[Generated]:
        """Every row's next token, and those after it that its drafts have right: all are checked in one pass."""
        if self._batched and len(self.rows) == 1:
            self.caches, self._batched = batched.extracted(self.caches, 0), False
        firsts = sampler.draw(self.logits, [row.pick for row in self.rows]).tolist()
        drafts = drafter.drafts(self.rows, firsts)
        runs = [Run.of(row, [first, *own]) for row, first, own in zip(self.rows, firsts, drafts, strict=True)]
        width = max(len(run.tokens) for run in runs)
        inputs = mx.array([run.tokens + [0] * (width - len(run.tokens)) for run in runs])
        logits = self._forward(inputs, self.rows)
        # Of each row, what it says after each of its tokens.
        checked = logits.reshape(len(runs) * width, -1)
        places = [at * width + place for at, run in enumerate(runs) for place in range(len(run.tokens) - 1)]
        picks = [pick for run in runs for pick in run.picks]
        drawn = iter(sampler.draw(checked[mx.array(places)], picks).tolist() if picks else [])
        right = [run.right([next(drawn) for _ in run.tokens[1:]]) for run in runs]
        logprobs = self._logprobs(runs, right, checked, width)
        self._take_back([width - 1 - own for own in right])
        self.logits = checked[mx.array([at * width + own for at, own in enumerate(right)])]
        mx.async_eval(self.logits)  # type: ignore[no-untyped-call]
        return [
            self._append(run.row, token, logprobs.get((at, place)))
            for at, (run, own) in enumerate(zip(runs, right, strict=True))
            for place, token in enumerate(run.tokens[: own + 1])
        ]

    def _logprobs(
        self, runs: Sequence[Run], right: Sequence[int], checked: Any, width: int
    ) -> Mapping[tuple[int, int], Logprob]:
        """Of the tokens that are right, where they are asked for, by row and place."""
        if all(run.row.options.logprobs is None for run in runs):
            return {}
        said = [(at, place) for at, own in enumerate(right) for place in range(own + 1)]
        before = mx.concatenate([self.logits, checked])
        # A row's first token is what the last step's logits say.
        logits = before[mx.array([len(runs) + at * width + place - 1 if place else at for at, place in said])]
        wanted = [runs[at].row.options.logprobs for at, _ in said]
        found = scores.read(report(logits, mx.array([runs[at].tokens[place] for at, place in said]), wanted), wanted)
        return {said[number]: logprob for number, logprob in found.items()}

    def _take_back(self, wrong: Sequence[int]) -> None:
        """Let the caches forget each row's last tokens, of each as many as `wrong` says."""
        most = min(wrong)
        for layer in self.caches:
            layer.trim(most)
            if max(wrong) > most:
                layer.prepare(right_padding=[own - most for own in wrong])
                layer.finalize()

    def caches_of(self, row: Row) -> list[Any]:
        """A row's own caches, with all its tokens, or all but the last while it enters."""
        for entering, caches in self.entering:
            if entering is row:
                return caches
        return batched.extracted(self.caches, [*self.rows, *self.joined].index(row)) if self._batched else self.caches

    def logits_of(self, rows: Sequence[Row]) -> Any:
        """How rows go on, (rows, vocabulary)."""
        return self.logits[mx.array([self.rows.index(row) for row in rows])]

    def leave(self, gone: Sequence[Row]) -> None:
        """Go on without these rows."""
        self.entering = [(row, caches) for row, caches in self.entering if row not in gone]
        keep = [at for at, row in enumerate([*self.rows, *self.joined]) if row not in gone]
        if len(keep) == len(self.rows) + len(self.joined):
            return
        speaking = [at for at in keep if at < len(self.rows)]
        self.logits = self.logits[mx.array(speaking)] if speaking else None
        self.rows = [self.rows[at] for at in speaking]
        self.joined = [row for row in self.joined if row not in gone]
        if not keep:
            self.caches, self._batched = [], False
            return
        for layer in self.caches:
            layer.filter(keep)

    def _forward(self, inputs: Any, rows: Sequence[Row]) -> Any:
        """Logits (rows, tokens, vocabulary) of what is fed to each row."""
        model = self._model if self._adapters is None else self._adapters.chosen([row.adapter for row in rows])
        return model(inputs, cache=self.caches)

    def _append_all(self, tokens: Sequence[int], logprobs: Mapping[int, Logprob]) -> list[Generated]:
        pairs = zip(self.rows, tokens, strict=True)
        return [self._append(row, token, logprobs.get(at)) for at, (row, token) in enumerate(pairs)]

    def _append(self, row: Row, token: int, logprob: Logprob | None) -> Generated:
        row.append(token)
        return Generated(row, token, row.generated, logprob)

    def _join(self, caches: list[list[Any]]) -> None:
        if not self.caches and len(caches) == 1:
            self.caches = caches[0]
        elif self._batched:
            self._extend(batched.merged(caches))
        else:
            own = [self.caches] if self.caches else []
            self.caches, self._batched = batched.merged([*own, *caches]), True

    def _extend(self, batch: list[Any]) -> None:
        if not self.caches:
            self.caches, self._batched = batch, True
            return
        if not self._batched:
            self.caches, self._batched = batched.merged([self.caches]), True
        batched.extend(self.caches, batch)
