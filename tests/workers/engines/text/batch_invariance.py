"""Many requests in one running batch against each by itself: what is the same, and by how much the rest was decided."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import numpy as np

from tasks.values import events
from tasks.values.job import Job
from tasks.values.requests import Constraint
from tests.workers.engines.rows import Batch
from workers.engines.lm import TextEngine
from workers.engines.text.sampling import noise, penalties
from workers.engines.text.sampling.guide import allowed
from workers.engines.text.sampling.pick import Pick
from workers.engines.text.sampling.sampler import PLACE

CLOSE = 1e-4

OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "plain": {"temperature": 0.0},
    "seeded": {"temperature": 0.8, "seed": 1},
    "hot": {"temperature": 1.5, "seed": 2**40},
    "top_p": {"temperature": 1.0, "top_p": 0.8, "seed": 3},
    "top_k": {"temperature": 1.0, "top_k": 7, "seed": 4},
    "top_k and top_p": {"temperature": 0.7, "top_k": 40, "top_p": 0.9, "seed": -5},
    "min_p": {"temperature": 1.0, "min_p": 0.2, "seed": 6},
    "xtc": {"temperature": 1.0, "xtc_probability": 0.5, "xtc_threshold": 0.05, "seed": 7},
    "repetition": {"temperature": 0.0, "repetition_penalty": 1.5},
    "presence and frequency": {"temperature": 0.9, "presence_penalty": 1.0, "frequency_penalty": 0.5, "seed": 8},
    "biased": {"temperature": 0.0, "logit_bias": ((5, -100.0), (17, 3.0), (300, 3.0))},
    "logprobs": {"temperature": 0.0, "logprobs": 5},
    "seeded logprobs": {"temperature": 1.0, "top_p": 0.9, "seed": 9, "logprobs": 0},
    "stop": {"temperature": 0.8, "seed": 10, "stop": ("a", "e", "0")},
    "three answers": {"temperature": 0.9, "seed": 11, "n": 3},
    "schema": {
        "temperature": 0.9,
        "seed": 13,
        "constraint": Constraint("json_schema", '{"type": "array", "items": {"enum": [1, "a"]}, "maxItems": 3}', "x"),
    },
    "regex": {"temperature": 0.0, "constraint": Constraint("regex", "[a-z]{2,9}[.!]", "x"), "logprobs": 3},
    "choice": {"temperature": 1.0, "seed": 14, "n": 2, "constraint": Constraint("choice", '["yes", "no"]', "x")},
    "all at once": {
        "temperature": 0.9,
        "top_p": 0.95,
        "top_k": 100,
        "min_p": 0.01,
        "repetition_penalty": 1.1,
        "presence_penalty": 0.3,
        "logit_bias": ((9, -100.0),),
        "seed": 12,
        "n": 2,
        "logprobs": 2,
        "stop": ("zz",),
    },
}


@dataclass(frozen=True)
class Answer:
    """What came of one choice of a request."""

    tokens: list[int]
    text: str
    reason: str | None
    logprobs: list[tuple[str, int, float, list[str]]]


Answers = Mapping[int, Answer]


class Pausing(Batch):
    """Pauses a row now and then, each a few times at most, and lets it go on some steps later."""

    def __init__(self, engine: TextEngine, chance: random.Random) -> None:
        super().__init__(engine)
        self._chance, self._until, self._pauses = chance, dict[str, int](), Counter[str]()

    def step(self) -> None:
        for name, until in list(self._until.items()):
            if self.steps >= until:
                del self._until[name]
                self.engine.resume(name)
        left = [name for name in self.heard if name not in self._until and self._pauses[name] < 4]
        running = [name for name in left if not self.ended(name)]
        if running and self._chance.random() < 0.3:
            name = self._chance.choice(running)
            assert self.engine.pause(name)
            self._pauses[name] += 1
            self._until[name] = self.steps + self._chance.randrange(6)
        before = {name: len(self.heard[name]) for name in self._until}
        super().step()
        assert before == {name: len(self.heard[name]) for name in self._until}, "a paused row spoke"


def together(
    engine: TextEngine, jobs: Sequence[Job], arrivals: Sequence[int], pauses: random.Random | None = None
) -> list[Answers]:
    """Run requests that come at these steps, some of which pause now and then; collect their answers by index."""
    batch, tokens_by_answer = (
        (Batch(engine) if pauses is None else Pausing(engine, pauses)),
        dict[tuple[str, int], list[int]](),
    )
    emit = engine._emit

    def spy(task: Any, generated: Any) -> Any:
        tokens_by_answer.setdefault((generated.row.job, generated.row.index), []).append(generated.token)
        return emit(task, generated)

    engine._emit = spy  # type: ignore[method-assign]
    try:
        for number in sorted(range(len(jobs)), key=lambda number: arrivals[number]):
            while batch.steps < arrivals[number]:
                batch.step()
            batch.admit(str(number), jobs[number])
        batch.run()
    finally:
        del engine._emit
    return [_answers(batch, tokens_by_answer, str(number)) for number in range(len(jobs))]


def _answers(batch: Batch, tokens_by_answer: Mapping[tuple[str, int], list[int]], name: str) -> Answers:
    deltas = [event for event in batch.heard[name] if isinstance(event, events.Delta)]
    found = {}
    for index in sorted({delta.index for delta in deltas}):
        own = [delta for delta in deltas if delta.index == index]
        told = [one for delta in own for one in delta.logprobs]
        found[index] = Answer(
            tokens_by_answer[name, index],
            "".join(delta.text for delta in own),
            own[-1].finish_reason,
            [(one.token, one.offset, one.logprob or 0.0, [top.token for top in one.top]) for one in told],
        )
    return found


def differences(engine: TextEngine, model: Any, job: Job, alone: Answers, company: Answers) -> tuple[int, list[str]]:
    """How many choices went another way at a decision too close to call, and what else differs."""
    excused, wrong = 0, []
    plan = engine.prepare(job).plan
    if alone.keys() != company.keys():
        return 0, [f"choices {sorted(alone)} and {sorted(company)}"]
    for index, expected in alone.items():
        found = company[index]
        if found.tokens != expected.tokens:
            at = _first(expected.tokens, found.tokens)
            prompt, options = plan.prompts[0], plan.options[index]
            guide = plan.guide.copy() if plan.guide else None
            for token in expected.tokens[:at] if guide else ():
                guide.accept(token)
            row = Pick(options, len(prompt), [*prompt, *expected.tokens[:at]], guide)
            if at < min(len(expected.tokens), len(found.tokens)) and (
                _distance(model, row, expected.tokens[at], found.tokens[at]) <= CLOSE
            ):
                excused += 1
            else:
                wrong.append(f"choice {index} at token {at}: {expected.tokens[at:]} and {found.tokens[at:]}")
        elif (found.text, found.reason) != (expected.text, expected.reason):
            wrong.append(f"choice {index}: {expected!r} and {found!r}")
        elif not _alike(expected.logprobs, found.logprobs):
            wrong.append(f"choice {index}: {expected.logprobs} and {found.logprobs}")
    return excused, wrong


def _first(a: Sequence[int], b: Sequence[int]) -> int:
    return next((at for at, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def _alike(a: list[tuple[str, int, float, list[str]]], b: list[tuple[str, int, float, list[str]]]) -> bool:
    same = [(token, offset, len(top)) for token, offset, _, top in a] == [
        (token, offset, len(top)) for token, offset, _, top in b
    ]
    return same and all(abs(x[2] - y[2]) < 1e-2 for x, y in zip(a, b, strict=True))


def _distance(model: Any, row: Pick, a: int, b: int) -> float:
    """How close the decision between two tokens was: in what is compared, or to a cut that lets one in."""
    options = row.options
    x = allowed(penalties.shaped(model(mx.array([row.tokens]))[:, -1].astype(mx.float32), [row]), [row])
    if options.temperature < CLOSE:
        return abs(float(x[0, a] - x[0, b]))
    x = x / options.temperature
    distances = [_drawing(x[0], row, a, b)]
    values = np.array(x[0], np.float64)
    order = np.argsort(-values)
    if options.top_k:
        distances.append(values[order[options.top_k - 1]] - values[order[options.top_k]])
        values[order[options.top_k :]] = -np.inf
    likely = np.exp(values - values.max())
    likely /= likely.sum()
    before = np.cumsum(likely[order]) - likely[order]
    distances.append(np.abs(before - options.top_p).min())
    if options.min_p:
        distances.append(np.abs(values - values.max() - np.log(options.min_p)).min())
    if options.xtc_probability:
        distances.append(np.abs(likely - options.xtc_threshold).min())
    return float(min(distances))


def _drawing(x: Any, row: Pick, a: int, b: int) -> float:
    """How close it was to the other token by the draw's own numbers."""
    key = mx.array([[row.key]], mx.uint32)
    if row.options.top_k or row.options.top_p < 1:
        noisy = x + noise.gumbel(key, mx.arange(x.shape[-1])[None])[0]
        return abs(float(noisy[a] - noisy[b]))
    blocks = np.array(mx.pad(mx.softmax(x), (0, -x.shape[-1] % 64)), np.float64).reshape(-1, 64)
    first, second = noise.uniform(key, PLACE)[0].tolist()
    cumulated = np.cumsum(blocks.sum(axis=-1))
    inner = np.cumsum(blocks[int(np.argmax(cumulated > first))])
    return float(min(np.abs(cumulated - first).min(), np.abs(inner / inner[-1] - second).min()))


def arrivals(chance: random.Random, number: int) -> list[int]:
    """Steps at which requests come: some at once, some later."""
    return [chance.choice((0, 0, chance.randrange(12))) for _ in range(number)]
