"""The embedding engine on a real model: a vector does not depend on its batch, and no job waits for a large one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tasks.values import events
from tasks.values.errors import ContextLengthExceeded, InvalidValue, JobCancelled
from tests.workers.engines.rows import Batch, chat, embedding, run, vectors
from workers.engines.encoders import inputs as inputs_
from workers.serving.check_deadline import CheckDeadline
from workers.serving.request_budget import Budget

if TYPE_CHECKING:
    from workers.engines.embeddings import EmbeddingEngine


def test_paraphrases_are_closer_than_an_unrelated_sentence(embedding_engine: EmbeddingEngine) -> None:
    batch = run(
        embedding_engine,
        embedding("The cat sits on the mat.", "A cat is sitting on a rug.", "Stock markets fell sharply today."),
    )
    cat, rug, markets = vectors(batch, "0")
    assert cat @ rug > 0.6 > 0.2 > cat @ markets
    assert np.linalg.norm(cat) == pytest.approx(1, abs=1e-5)


def test_a_vector_is_the_same_in_any_company(embedding_engine: EmbeddingEngine) -> None:
    texts = [f"sentence {number} " * (1 + number % 12) for number in range(24)]
    together = vectors(run(embedding_engine, embedding(*texts)), "0")
    alone = [vectors(run(embedding_engine, embedding(text)), "0")[0] for text in texts]
    assert max(float(np.abs(a - b).max()) for a, b in zip(together, alone, strict=True)) < 1e-5


def test_token_ids_are_taken_as_they_are(embedding_engine: EmbeddingEngine) -> None:
    (tokens,) = (text.tokens for text in embedding_engine.prepare(embedding("The cat.")).plan.inputs)
    batch = run(embedding_engine, embedding("The cat."), embedding(tokens))
    assert np.array_equal(vectors(batch, "0")[0], vectors(batch, "1")[0])
    assert batch.usage("0").prompt_tokens == batch.usage("1").prompt_tokens == len(tokens)


def test_shorter_vectors_are_normalised_again(embedding_engine: EmbeddingEngine) -> None:
    full, short = run(embedding_engine, embedding("text")), run(embedding_engine, embedding("text", dimensions=16))
    cut = vectors(full, "0")[0][:16]
    assert vectors(short, "0")[0] == pytest.approx(cut / np.linalg.norm(cut), abs=1e-6)


def test_a_small_job_does_not_wait_for_a_large_one(embedding_engine: EmbeddingEngine) -> None:
    batch = Batch(embedding_engine)
    batch.admit("large", embedding(*["many words here " * 30] * 24))
    batch.step()
    batch.admit("small", embedding("short"))
    while not batch.ended("small"):
        batch.step()
    assert batch.steps <= 3 and not batch.ended("large")
    progress = [event for event in batch.heard["large"] if isinstance(event, events.Progress)]
    assert progress and all(event.total == 24 for event in progress)
    assert len(vectors(batch.run(), "large")) == 24


def test_a_dropped_job_is_forgotten(embedding_engine: EmbeddingEngine) -> None:
    batch = Batch(embedding_engine)
    batch.admit("dropped", embedding(*["many words here " * 30] * 60))
    batch.admit("kept", embedding("text"))
    batch.step()
    batch.drop("dropped")
    assert len(vectors(batch.run(), "kept")) == 1


@pytest.mark.parametrize(
    ("request_", "error", "param"),
    [
        (embedding("fine", "word " * 600), ContextLengthExceeded, "input[1]"),
        (embedding((1, 2, 10**6)), InvalidValue, "input[0]"),
        (embedding("text", dimensions=1000), InvalidValue, "dimensions"),
        (chat("hi"), InvalidValue, "model"),
    ],
)
def test_what_it_cannot_embed_is_refused_by_name(
    embedding_engine: EmbeddingEngine, request_: Any, error: type[Exception], param: str
) -> None:
    with pytest.raises(error) as caught:
        embedding_engine.prepare(request_)
    assert caught.value.failure.param == param  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("inputs", "param"),
    [(("a b" * 3_000_000,), "input[0]"), (("fine", "word " * 300_000), "input[1]"), (((5,) * 100_000,), "input[0]")],
)
def test_what_cannot_fit_is_refused_before_it_is_tokenised(
    embedding_engine: EmbeddingEngine, inputs: Any, param: str
) -> None:
    began = time.process_time()
    with pytest.raises(ContextLengthExceeded) as caught:
        embedding_engine.prepare(embedding(*inputs))
    assert caught.value.failure.param == param
    assert time.process_time() - began < 1  # second, where all of it would take several


def test_inputs_are_bounded_together(embedding_engine: EmbeddingEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs_, "TOGETHER", 100)
    with pytest.raises(InvalidValue, match="100 tokens together") as caught:
        embedding_engine.prepare(embedding(*["ten words are here to be counted and no more"] * 20))
    assert caught.value.failure.param == "input"


def test_jobs_that_wait_are_bounded_by_their_memory(
    embedding_engine: EmbeddingEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding_engine, "_budget", Budget(1000))
    waiting = embedding_engine.prepare(embedding("some words " * 20))
    with pytest.raises(JobCancelled):
        embedding_engine.prepare(embedding("some words " * 20), CheckDeadline(lambda: False))
    del waiting
    embedding_engine.prepare(embedding("some words " * 20), CheckDeadline(lambda: False))
