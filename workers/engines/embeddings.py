"""Embedding models: texts of all jobs as vectors, computed together where they are of like length."""

from __future__ import annotations

import base64
import shutil
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import structlog

from mlxq.entries.embeddings import EmbeddingsEntry
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
from workers.engine import Prepared  # noqa: E402
from workers.engines.encoders import loading, sentence  # noqa: E402
from workers.engines.encoders.inputs import Text, Tokens  # noqa: E402
from workers.engines.encoders.vector_cache import Vector, VectorCache, key  # noqa: E402
from workers.length_batching import Input, LengthBatchingEngine  # noqa: E402
from workers.model_files.fingerprint import fingerprint  # noqa: E402
from workers.model_files.model_path import resolve  # noqa: E402
from workers.serving.check_deadline import ENDLESS, CheckDeadline  # noqa: E402
from workers.serving.request_budget import Budget, Hold  # noqa: E402

TOKEN_BYTES = 40  # of a token's id in a tuple of them
WAITING_BYTES = 512 << 20  # of jobs that are checked and have not ended
_MADE_BY = ("mlxq", "mlx", "mlx-lm")  # packages whose next version may make other vectors
log = structlog.get_logger()


@dataclass(frozen=True)
class Plan:
    """Checked inputs, how long their vectors are to be, and the memory that they take until they have them.

    `keys` is what their vectors are kept under, where they are, and `known` those of them that were found.
    """

    inputs: tuple[Text, ...]
    dimensions: int
    hold: Hold | None = None
    keys: tuple[bytes, ...] = ()
    known: Mapping[int, Vector] = field(default_factory=dict)


class EmbeddingEngine(LengthBatchingEngine[Plan]):
    """An embedding model; a step is one batch.

    Vectors that `cache` has are not computed again; an owner finds their own there, or with `shared` everybody's.
    """

    def __init__(
        self,
        encoder: loading.TextEncoder,
        recipe: sentence.Recipe,
        tokens: Tokens,
        slots: int,
        cache: VectorCache | None = None,
        *,
        shared: bool = False,
    ) -> None:
        super().__init__(slots)
        self._cache, self._shared = cache, shared
        self._encoder, self._recipe, self._tokens = encoder, recipe, tokens
        self._budget = Budget(WAITING_BYTES)
        self._dimensions = self._compute([Text((encoder.padding,) * length) for length in (8, 4)]).shape[1]

    @property
    def details(self) -> Details:
        """The most tokens of an input, the size of a vector, and the names of the prompts."""
        prompts = tuple(sorted(self._recipe.prompts))
        return Details(context_length=self._tokens.longest, dimensions=self._dimensions, prompts=prompts)

    def prepare(self, job: Job, deadline: CheckDeadline = ENDLESS) -> Prepared[Plan]:
        """Tokenise; refuses inputs that are too long and vectors longer than the model's."""
        request = job.payload
        if not isinstance(request, EmbeddingRequest):
            raise InvalidValue("this model only embeds", param="model")
        if request.dimensions is not None and request.dimensions > self._dimensions:
            raise InvalidValue(f"this model's vectors have {self._dimensions} dimensions", param="dimensions")
        inputs = self._tokens.of(request, deadline)
        total = sum(map(len, inputs))
        dimensions = request.dimensions or self._dimensions
        if self._cache is None:
            return Prepared(total, Plan(inputs, dimensions, self._budget.hold(TOKEN_BYTES * total, deadline)))
        hold = self._budget.hold(TOKEN_BYTES * total + 4 * self._dimensions * len(inputs), deadline)
        keys = tuple(key("" if self._shared else job.owner, text) for text in inputs)
        cached = self._cache.find(keys, deadline)
        known = {index: cached[one] for index, one in enumerate(keys) if one in cached}
        plan = Plan(inputs, dimensions, hold, keys, known)
        if len(known) < len(inputs):
            return Prepared(total, plan)
        return Prepared(total, plan, (*self._known(plan).values(), events.Done(self._usage(plan))))

    def device_memory(self) -> int:
        return mx.get_active_memory()

    def _compute(self, inputs: Sequence[Text]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Vectors (inputs, dimensions)."""
        states, mask = self._encoder.states([text.tokens for text in inputs])
        return np.array(self._recipe.vectors(states, mask, [text.prompt for text in inputs]))

    def _events(self, batch: Sequence[Input[Plan]], values: Any) -> list[tuple[str, Event]]:
        if self._cache is not None:
            computed = zip(batch, values, strict=True)
            self._cache.keep({one.row.plan.keys[one.index]: value for one, value in computed})
        return super()._events(batch, values)

    def _event(self, one: Input[Plan], value: Any) -> Event:
        return self._told(one.row.plan, one.index, value)

    def _known(self, plan: Plan) -> Mapping[int, Event]:
        return {index: self._told(plan, index, vector) for index, vector in plan.known.items()}

    def _usage(self, plan: Plan) -> events.Usage:
        cached = sum(len(plan.inputs[index]) for index in plan.known)
        return events.Usage(prompt_tokens=sum(map(len, plan.inputs)), cached_tokens=cached)

    def _told(self, plan: Plan, index: int, vector: Vector) -> Event:
        cut = vector[: plan.dimensions]
        if len(cut) < len(vector) and self._recipe.normalised:
            cut = cut / max(float(np.linalg.norm(cut)), 1e-12)
        return events.Vector(index, base64.b64encode(cut.astype("<f4").tobytes()).decode())


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
        cache = _cache(entry, settings.home, folder)
        return EmbeddingEngine(
            encoder, recipe, tokens, entry.batch_completion_size, cache, shared=settings.shared_cache
        )


def _cache(entry: EmbeddingsEntry, home: Path, folder: Path) -> VectorCache | None:
    vectors = home / "vectors" / quote(entry.name, safe="")
    if not entry.vector_cache_max_bytes:
        shutil.rmtree(vectors, ignore_errors=True)
        return None
    made_by = fingerprint([folder], entry.options, [version(name) for name in _MADE_BY])
    try:
        for other in vectors.glob("*"):  # of what the model's files were before
            if not other.name.startswith(made_by):
                other.unlink()
        return VectorCache(vectors / f"{made_by}.sqlite", entry.vector_cache_max_bytes)
    except (OSError, sqlite3.Error) as error:
        log.warning("vectors are not kept", folder=str(vectors), error=str(error))
        return None
