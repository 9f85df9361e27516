"""Rerankers: cross-encoders and generative ones, whose pairs of all jobs are scored together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlxq.entries.rerank import RerankEntry
from mlxq.settings import Settings
from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402

from tasks.values import events  # noqa: E402
from tasks.values.errors import InvalidValue  # noqa: E402
from tasks.values.events import Event  # noqa: E402
from tasks.values.job import Job  # noqa: E402
from tasks.values.model import Details  # noqa: E402
from tasks.values.requests import ScoreRequest  # noqa: E402
from workers.engine import Prepared  # noqa: E402
from workers.engines.encoders import loading  # noqa: E402
from workers.engines.encoders.checkpoint import UnusableModel  # noqa: E402
from workers.engines.encoders.loading import TextEncoder  # noqa: E402
from workers.engines.scoring import activation, head, pair, template  # noqa: E402
from workers.engines.scoring.activation import Activation  # noqa: E402
from workers.engines.scoring.head import Head  # noqa: E402
from workers.engines.scoring.pair import Pair, Reader  # noqa: E402
from workers.engines.scoring.prompts import Prompts  # noqa: E402
from workers.engines.scoring.segments import Frame, Segments  # noqa: E402
from workers.length_batching import Input, LengthBatchingEngine  # noqa: E402
from workers.model_files.model_path import resolve  # noqa: E402
from workers.serving.check_deadline import ENDLESS, CheckDeadline  # noqa: E402
from workers.serving.request_budget import Budget, Hold  # noqa: E402
from workers.tokenisation import Encoder  # noqa: E402

CONTEXT = 8192  # tokens that generative rerankers are given as a rule, as Qwen3-Reranker's authors do
TOKEN_BYTES = 40  # of a token's id in a tuple of them
WAITING_BYTES = 512 << 20  # of jobs that are checked and have not ended


@dataclass(frozen=True)
class Plan:
    """Checked pairs, whether the activation is applied to their logits, and the memory that they take."""

    inputs: tuple[Pair, ...]
    activation: bool
    hold: Hold | None = None


@dataclass(frozen=True)
class Reranker:
    """A model in its parts: how it reads pairs and their most tokens, its network, and what scores that."""

    reader: Reader
    context: int
    encoder: TextEncoder
    head: Head
    activation: Activation


class RerankEngine(LengthBatchingEngine[Plan]):
    """A reranker; a step is one batch of pairs."""

    def __init__(self, model: Reranker, slots: int) -> None:
        super().__init__(slots)
        self._model = model
        self._budget = Budget(WAITING_BYTES)
        self._compute([Pair((0,) * 8, 8), Pair((0,) * 4, 4)])

    @property
    def details(self) -> Details:
        """The most tokens of a query and its document."""
        return Details(context_length=self._model.context)

    def prepare(self, job: Job, deadline: CheckDeadline = ENDLESS) -> Prepared[Plan]:
        """Tokenise; refuses what is too long and an instruction that the model would not read."""
        request = job.payload
        if not isinstance(request, ScoreRequest):
            raise InvalidValue("this model only scores", param="model")
        if request.instruction is not None and not self._model.reader.instructed:
            raise InvalidValue("this model reads no instruction; leave it out", param="instruction")
        pairs = tuple(pair.bounded(self._model.reader.pairs(request, deadline), request))
        total = sum(map(len, pairs))
        hold = self._budget.hold(TOKEN_BYTES * total, deadline)
        return Prepared(total, Plan(pairs, request.activation, hold))

    def device_memory(self) -> int:
        return mx.get_active_memory()

    def _compute(self, inputs: Sequence[Pair]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """(pairs,) float32."""
        typed = any(one.second < len(one) for one in inputs)
        states, mask = self._model.encoder.states(
            [one.tokens for one in inputs], [one.types for one in inputs] if typed else None
        )
        logits = np.array(self._model.head(states, mask))
        if not np.isfinite(logits).all():
            raise FloatingPointError("a score is not a number")
        return logits

    def _event(self, one: Input[Plan], value: Any) -> Event:
        logit = float(value)
        return events.Score(one.index, self._model.activation(logit) if one.row.plan.activation else logit)


def load(entry: RerankEntry, settings: Settings) -> RerankEngine:
    """The rerank engine of an entry; call it in the thread that will own it.

    Raises UnusableModel or ModelPathError with a sentence, whatever is wrong.
    """
    folder = resolve(entry.model_path, settings.cache, code=entry.trust_remote_code)
    with loading.sentences(folder):
        return RerankEngine(reranker(folder, entry), entry.batch_completion_size)


def reranker(folder: Path, entry: RerankEntry) -> Reranker:
    """The model in a folder; raises UnusableModel for one that does not score, and says why.

    A model with a head scores as its configuration says, a language model without one by its tokens for no and yes,
    which `options.labels` of the entry may name.
    """
    encoder = loading.load(folder, trust_remote_code=entry.trust_remote_code)
    classifier = head.of(encoder)
    if not encoder.causal:
        if classifier is None:
            raise UnusableModel("a reranker has a head that scores, and this model has none; is it an embedding model?")
        context = min(encoder.longest, entry.context_length or encoder.longest)
        types = getattr(encoder.network, "types", None)
        frame = Frame.of(encoder.tokenizer, 0 if types is None else types.weight.shape[0])
        reader: Reader = Segments(Encoder(encoder.tokenizer, context), frame)
    else:
        context = min(encoder.longest, entry.context_length or CONTEXT)
        words = template.chosen(encoder.tokenizer, encoder.config, entry.chat_template_file)
        reader = Prompts(Encoder(encoder.tokenizer, context), words)
    if classifier is None:
        answers = _answers(encoder, entry.options.labels)
        return Reranker(reader, context, encoder, answers, activation.sigmoid)
    return Reranker(reader, context, encoder, classifier, activation.chosen(encoder.config))


def _answers(encoder: TextEncoder, labels: Sequence[str]) -> Head:
    tokens = [encoder.tokenizer.encode(label, add_special_tokens=False) for label in labels]
    if [len(ids) for ids in tokens] != [1, 1]:
        raise UnusableModel(f"{' and '.join(labels)}, by which this model would answer, must be one token each")
    ((no,), (yes,)) = tokens
    return head.of_tokens(encoder, no, yes)
