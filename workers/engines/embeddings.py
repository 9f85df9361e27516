"""Embedding models: texts of all jobs as vectors, computed together where they are of like length."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlxq.entries import EmbeddingsEntry
from mlxq.settings import Settings
from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402

from tasks.values import events  # noqa: E402
from tasks.values.errors import InvalidValue  # noqa: E402
from tasks.values.events import Event  # noqa: E402
from tasks.values.job import Job  # noqa: E402
from tasks.values.model import Details  # noqa: E402
from tasks.values.requests import EmbeddingRequest  # noqa: E402
from workers.budget import Budget, Hold  # noqa: E402
from workers.engine import Prepared  # noqa: E402
from workers.engines.encoders import loading, sentence  # noqa: E402
from workers.engines.encoders.inputs import Text, Tokens  # noqa: E402
from workers.length_batching import Input, LengthBatchingEngine  # noqa: E402
from workers.model_path import resolve  # noqa: E402
from workers.patience import ENDLESS, Patience  # noqa: E402

TOKEN_BYTES = 40  # of a token's id in a tuple of them
WAITING_BYTES = 512 << 20  # of jobs that are checked and have not ended


@dataclass(frozen=True)
class Plan:
    """Checked inputs, how long their vectors are to be, and the memory that they take until they have them."""

    inputs: tuple[Text, ...]
    dimensions: int
    hold: Hold | None = None


class EmbeddingEngine(LengthBatchingEngine[Plan]):
    """An embedding model; a step is one batch."""

    def __init__(self, encoder: loading.TextEncoder, recipe: sentence.Recipe, tokens: Tokens, slots: int) -> None:
        super().__init__(slots)
        self._encoder, self._recipe, self._tokens = encoder, recipe, tokens
        self._budget = Budget(WAITING_BYTES)
        self._dimensions = self._compute([Text((encoder.padding,) * length) for length in (8, 4)]).shape[1]

    @property
    def details(self) -> Details:
        """The most tokens of an input, the size of a vector, and the names of the prompts."""
        prompts = tuple(sorted(self._recipe.prompts))
        return Details(context_length=self._tokens.longest, dimensions=self._dimensions, prompts=prompts)

    def check(self, job: Job, patience: Patience = ENDLESS) -> Prepared[Plan]:
        """Tokenise; refuses inputs that are too long and vectors longer than the model's."""
        request = job.payload
        if not isinstance(request, EmbeddingRequest):
            raise InvalidValue("this model only embeds", param="model")
        if request.dimensions is not None and request.dimensions > self._dimensions:
            raise InvalidValue(f"this model's vectors have {self._dimensions} dimensions", param="dimensions")
        inputs = self._tokens.of(request, patience)
        total = sum(map(len, inputs))
        hold = self._budget.hold(TOKEN_BYTES * total, patience)
        return Prepared(total, Plan(inputs, request.dimensions or self._dimensions, hold))

    def device_memory(self) -> int:
        return mx.get_active_memory()

    def _compute(self, inputs: Sequence[Text]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Vectors (inputs, dimensions)."""
        states, mask = self._encoder.states([text.tokens for text in inputs])
        return np.array(self._recipe.vectors(states, mask, [text.prompt for text in inputs]))

    def _event(self, one: Input[Plan], value: Any) -> Event:
        cut = value[: one.row.plan.dimensions]
        if len(cut) < len(value) and self._recipe.normalised:
            cut = cut / max(float(np.linalg.norm(cut)), 1e-12)
        return events.Vector(one.index, base64.b64encode(cut.astype("<f4").tobytes()).decode())


def load(entry: EmbeddingsEntry, settings: Settings) -> EmbeddingEngine:
    """The embedding engine of an entry; call it in the thread that will own it.

    Raises UnusableModel or ModelPathError with a sentence, whatever is wrong.
    """
    folder = resolve(entry.model_path, settings.cache, code=entry.trust_remote_code)
    with loading.sentences(folder):
        sentence.refuse_multi_vector(folder)
        encoder = loading.load(sentence.network_folder(folder), trust_remote_code=entry.trust_remote_code)
        recipe = sentence.read(folder, encoder, entry.options.pooling)
        longest = min(encoder.longest, entry.context_length or recipe.longest or encoder.longest)
        tokens = Tokens(encoder.tokenizer, longest, encoder.vocabulary, recipe)
        return EmbeddingEngine(encoder, recipe, tokens, entry.batch_completion_size)
