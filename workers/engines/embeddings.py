"""Embedding models of mlx-embeddings: waiting inputs of all jobs, merged by length into batches bounded by tokens."""

from __future__ import annotations

import base64
import itertools
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import structlog

from mlxq.catalogue import ModelEntry
from mlxq.settings import Settings
from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402
import mlx_embeddings  # noqa: E402

from tasks.values import events  # noqa: E402
from tasks.values.errors import ContextLengthExceeded, EngineError, Failure, InvalidValue  # noqa: E402
from tasks.values.events import Event  # noqa: E402
from tasks.values.job import Job  # noqa: E402
from tasks.values.requests import EmbeddingRequest  # noqa: E402
from workers.budget import Budget, Hold  # noqa: E402
from workers.encoder import Encoder  # noqa: E402
from workers.engine import Engine, Prepared  # noqa: E402
from workers.model_path import resolve  # noqa: E402
from workers.patience import ENDLESS, Patience  # noqa: E402

SLOTS = 64  # jobs; the batch is bounded by tokens
TOGETHER = 1 << 20  # tokens of all inputs of a job
TOKEN_BYTES = 40  # of a token's id in a tuple of them
WAITING_BYTES = 512 << 20  # of jobs that are checked and have not ended
LOOK_AHEAD = 512  # inputs among which a batch looks for some of like length
TARGET = 0.25  # seconds a batch
LEAST, MOST = 256, 32_768  # tokens a batch, padding included
PASS = 48  # tokens that a pass costs as much as, whatever it holds: a few on a CPU, one or two hundred on a fast GPU
log = structlog.get_logger()


@dataclass(frozen=True)
class Plan:
    """Checked inputs as token ids, how long their vectors are to be, and the memory that they take until they have."""

    inputs: tuple[tuple[int, ...], ...]
    dimensions: int
    hold: Hold | None = None


@dataclass(eq=False)
class Row:
    """A job under way; `left` are the indices of its inputs that wait, shortest first."""

    name: str
    plan: Plan
    left: deque[int] = field(init=False)

    def __post_init__(self) -> None:
        inputs = self.plan.inputs
        self.left = deque(sorted(range(len(inputs)), key=lambda index: len(inputs[index])))


@dataclass(frozen=True)
class Input:
    """One text of one job."""

    row: Row
    index: int

    @property
    def tokens(self) -> tuple[int, ...]:
        return self.row.plan.inputs[self.index]


class Tokens:
    """Texts to token ids; may be called from any thread."""

    def __init__(self, tokenizer: Any, longest: int, vocabulary: int) -> None:
        self._encoder, self._longest, self._vocabulary = Encoder(tokenizer, longest), longest, vocabulary

    def of(self, inputs: Sequence[str | tuple[int, ...]], patience: Patience = ENDLESS) -> tuple[tuple[int, ...], ...]:
        """Token ids of every input; raises InvalidValue or ContextLengthExceeded, naming the input."""
        texts = {f"input[{index}]": one for index, one in enumerate(inputs) if isinstance(one, str)}
        encoded = self._encoder.several(list(texts.values()), list(texts), patience)
        found: list[tuple[int, ...]] = []
        total = 0
        for index, one in enumerate(inputs):
            found.append(tuple(next(encoded)) if isinstance(one, str) else one)
            self._check(found[-1], f"input[{index}]")
            total += len(found[-1])
            if total > TOGETHER:
                raise InvalidValue(f"the inputs have more than {TOGETHER} tokens together; send fewer", param="input")
        return tuple(found)

    def _check(self, tokens: Sequence[int], param: str) -> None:
        if len(tokens) > self._longest:
            raise ContextLengthExceeded(
                f"{param} is {len(tokens)} tokens long; this model takes {self._longest}", param=param
            )
        if max(tokens, default=0) >= self._vocabulary:
            raise InvalidValue(f"{param} holds {max(tokens)}, which is no token", param=param)


class EmbeddingEngine(Engine[Plan]):
    """An embedding model; a step is one batch."""

    def __init__(self, model: Any, tokens: Tokens, padding: int, slots: int) -> None:
        self.slots = slots
        self._model, self._tokens, self._padding = model, tokens, padding
        self._budget = Budget(WAITING_BYTES)
        self._rows: deque[Row] = deque()  # whose turn is next stands first
        self._rate = LEAST / TARGET  # tokens a second
        self._dimensions = self._embed([(padding,) * 8, (padding,) * 4]).shape[1]

    def check(self, job: Job, patience: Patience = ENDLESS) -> Prepared[Plan]:
        """Tokenise; refuses inputs that are too long and vectors longer than the model's."""
        request = job.payload
        if not isinstance(request, EmbeddingRequest):
            raise InvalidValue("this model only embeds", param="model")
        if request.dimensions is not None and request.dimensions > self._dimensions:
            raise InvalidValue(f"this model's vectors have {self._dimensions} dimensions", param="dimensions")
        inputs = self._tokens.of(request.inputs, patience)
        total = sum(map(len, inputs))
        hold = self._budget.hold(TOKEN_BYTES * total, patience)
        return Prepared(total, Plan(inputs, request.dimensions or self._dimensions, hold))

    def admit(self, row: str, prepared: Prepared[Plan]) -> None:
        self._rows.append(Row(row, prepared.plan))

    def device_memory(self) -> int:
        return mx.get_active_memory()

    def drop(self, row: str) -> None:
        self._rows = deque(found for found in self._rows if found.name != row)

    def step(self) -> Sequence[tuple[str, Event]]:
        """One batch."""
        batch = self._batch()
        began = time.monotonic()
        try:
            vectors = self._embed([one.tokens for one in batch])
        except Exception as error:
            log.exception("a batch failed; its first input is tried alone", inputs=len(batch), error=str(error))
            batch = batch[:1]
            try:
                vectors = self._embed([batch[0].tokens])
            except Exception as alone:
                return self._fail(batch[0].row, alone)
        width = max(len(one.tokens) for one in batch)
        self._rate += 0.5 * (width * len(batch) / (time.monotonic() - began) - self._rate)
        return self._tell(batch, vectors)

    def _batch(self) -> list[Input]:
        """Inputs of like length around one of the job whose turn it is, as many as the bound allows."""
        first = Input(self._rows[0], self._rows[0].left[0])
        queues = [[Input(row, index) for index in itertools.islice(row.left, LOOK_AHEAD)] for row in self._rows]
        turns = (one for turn in itertools.zip_longest(*queues) for one in turn if one is not None)
        near = sorted(itertools.islice(turns, LOOK_AHEAD), key=lambda one: len(one.tokens))
        at = next(at for at, one in enumerate(near) if one.row is first.row and one.index == first.index)
        low, high = _together([len(one.tokens) for one in near], at, max(LEAST, min(MOST, int(self._rate * TARGET))))
        self._rows.rotate(-1)
        return near[low : high + 1]

    def _embed(self, inputs: Sequence[Sequence[int]]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """(inputs, dimensions) float32, normalised."""
        width = max(1, *(len(tokens) for tokens in inputs))
        ids = np.full((len(inputs), width), self._padding, np.int32)
        mask = np.zeros((len(inputs), width), np.int32)
        for at, tokens in enumerate(inputs):
            ids[at, : len(tokens)], mask[at, : len(tokens)] = tokens, 1
        found = self._model(mx.array(ids), attention_mask=mx.array(mask)).text_embeds
        return np.array(found.astype(mx.float32))

    def _tell(self, batch: Sequence[Input], vectors: np.ndarray[Any, Any]) -> list[tuple[str, Event]]:
        told: list[tuple[str, Event]] = []
        for one, vector in zip(batch, vectors, strict=True):
            one.row.left.remove(one.index)
            cut = vector[: one.row.plan.dimensions]
            if len(cut) < len(vector):
                cut = cut / max(float(np.linalg.norm(cut)), 1e-12)
            data = base64.b64encode(cut.astype("<f4").tobytes()).decode()
            told.append((one.row.name, events.Vector(one.index, data)))
        for row in {id(one.row): one.row for one in batch}.values():
            total = len(row.plan.inputs)
            if row.left:
                told.append((row.name, events.Progress(total - len(row.left), total)))
            else:
                self._rows.remove(row)
                told.append((row.name, events.Done(events.Usage(prompt_tokens=sum(map(len, row.plan.inputs))))))
        return told

    def _fail(self, row: Row, error: Exception) -> list[tuple[str, Event]]:
        self._rows.remove(row)
        message = f"the model failed on one of the inputs: {type(error).__name__}: {error}"
        return [(row.name, events.Failed(Failure(EngineError.code, message)))]


def _together(lengths: Sequence[int], at: int, most: int) -> tuple[int, int]:
    """First and last of the inputs that go with the one `at`, out of rising lengths.

    Each is padded to the longest of them: to at most `most` tokens altogether, of which padding costs less than
    another pass would.
    """
    low = high = at
    used = lengths[at]
    while True:
        padding: dict[int, int] = {}
        for more in (high + 1, low - 1):
            if 0 <= more < len(lengths):
                size = (high - low + 2) * max(lengths[high], lengths[more])
                if size <= most and size - used - lengths[more] <= PASS:
                    padding[more] = size - used - lengths[more]
        if not padding:
            return low, high
        chosen = min(padding, key=padding.__getitem__)
        low, high, used = min(low, chosen), max(high, chosen), used + lengths[chosen]


def load(entry: ModelEntry, settings: Settings) -> EmbeddingEngine:
    """The embedding engine of an entry; call it in the thread that will own the model."""
    folder = resolve(entry.model_path, settings.cache)
    model, tokenizer = mlx_embeddings.load(str(folder))
    mx.eval(model.parameters())
    config = model.config
    limits = (entry.context_length, getattr(config, "max_position_embeddings", None), tokenizer.model_max_length)
    longest = min(limit for limit in limits if limit)
    tokens = Tokens(tokenizer, longest, config.vocab_size)
    return EmbeddingEngine(model, tokens, tokenizer.pad_token_id or 0, entry.batch_completion_size or SLOTS)
