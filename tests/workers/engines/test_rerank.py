"""The rerank engine: what it refuses, what it cuts, and that no job waits for a large one."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest

from tasks.values import events
from tasks.values.errors import ContextLengthExceeded, InvalidValue, JobCancelled
from tests.workers.engines.rows import Batch, chat, embedding, run
from tests.workers.engines.scoring.rerankers import FIXTURES, NEAR, asking, load, told
from workers.engines.rerank import RerankEngine
from workers.engines.scoring import pair
from workers.serving.check_deadline import CheckDeadline
from workers.serving.request_budget import Budget

WORDS = "the river and the hill "


@pytest.fixture(scope="module", params=["bert", "xlm_roberta", "qwen3"])
def engine(request: pytest.FixtureRequest) -> RerankEngine:
    """Each kind of reranker, with room for 250 tokens or, as their positions allow, 64."""
    return load(request.param, context_length=250)


@pytest.fixture(scope="module")
def bert() -> RerankEngine:
    return load("bert")


def test_usage_counts_the_tokens_of_all_pairs(engine: RerankEngine) -> None:
    one, two = (run(engine, asking("query", documents)).usage("0") for documents in (["text"], ["text", "text"]))
    assert two.prompt_tokens == 2 * one.prompt_tokens > 0


def test_a_long_document_is_cut_and_its_query_is_not(engine: RerankEngine) -> None:
    long, longer = (told(run(engine, asking("a query", [WORDS * times])))[0] for times in (200, 400))
    assert long == pytest.approx(longer, abs=NEAR)
    (prepared,) = engine.prepare(asking("a query", [WORDS * 200])).plan.inputs
    assert len(prepared) in (64, 250)


def test_a_document_may_be_cut_to_fewer_tokens(engine: RerankEngine) -> None:
    lengths = [engine.prepare(asking("q", [WORDS * 2], max_document_tokens=most)).prompt_tokens for most in (1, 3, 5)]
    assert [more - lengths[0] for more in lengths] == [0, 2, 4]
    whole = engine.prepare(asking("q", [WORDS * 2])).prompt_tokens
    assert engine.prepare(asking("q", [WORDS * 2], max_document_tokens=10_000)).prompt_tokens == whole > lengths[-1]


def test_a_pair_may_be_cut_to_fewer_tokens(engine: RerankEngine) -> None:
    whole = engine.prepare(asking("q", [WORDS])).prompt_tokens
    assert engine.prepare(asking("q", [WORDS], max_pair_tokens=whole - 2)).prompt_tokens == whole - 2
    assert engine.prepare(asking("q", [WORDS], max_pair_tokens=10_000)).prompt_tokens == whole


@pytest.mark.parametrize("truncate", [True, False])
def test_a_query_that_leaves_no_room_is_refused_by_name(engine: RerankEngine, truncate: bool) -> None:
    for queries, param in (((WORDS * 100,), "query"), (("fine", WORDS * 100), "query[1]")):
        with pytest.raises(ContextLengthExceeded) as caught:
            engine.prepare(asking(queries, ["a"] * len(queries), truncate=truncate))
        assert caught.value.failure.param == param
    with pytest.raises(ContextLengthExceeded) as caught:
        engine.prepare(asking("query", ["text"], truncate=truncate, max_pair_tokens=1))
    assert caught.value.failure.param == "query"


def test_a_long_document_is_refused_by_name_where_nothing_is_to_be_cut(engine: RerankEngine) -> None:
    with pytest.raises(ContextLengthExceeded) as caught:
        engine.prepare(asking("query", ["fine", WORDS * 200], truncate=False, document_param="text_2"))
    assert caught.value.failure.param == "text_2[1]"


@pytest.mark.parametrize("text", [WORDS * 300_000, "x" * 5_000_000, " " * 5_000_000])
def test_of_a_very_long_document_no_more_is_tokenised_than_is_read(engine: RerankEngine, text: str) -> None:
    began = time.process_time()
    engine.prepare(asking("query", [text]))
    assert time.process_time() - began < 5  # seconds, where all of it would take many more


@pytest.mark.parametrize("request_", [chat("hi"), embedding("hi")])
def test_it_only_scores(engine: RerankEngine, request_: Any) -> None:
    with pytest.raises(InvalidValue) as caught:
        engine.prepare(request_)
    assert caught.value.failure.param == "model"


def test_an_instruction_that_the_model_would_not_read_is_refused(bert: RerankEngine) -> None:
    with pytest.raises(InvalidValue) as caught:
        bert.prepare(asking("query", ["text"], instruction="Find it"))
    assert caught.value.failure.param == "instruction"


def test_pairs_are_bounded_together(engine: RerankEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair, "TOGETHER", 400)
    engine.prepare(asking("query", ["text"]))
    for query, documents in (("query", [WORDS] * 60), (WORDS * 2, ["a"] * 40)):
        with pytest.raises(InvalidValue, match="400 tokens together") as caught:
            engine.prepare(asking(query, documents))
        assert caught.value.failure.param == "documents"


def test_single_pairs_that_come_together_are_one_pass(bert: RerankEngine) -> None:
    batch = run(bert, *(asking("query", [f"a text {number}"]) for number in range(12)))
    assert batch.steps == 1


def test_a_small_job_does_not_wait_for_a_large_one(bert: RerankEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workers.length_batching.MOST", 512)
    batch = Batch(bert)
    batch.admit("large", asking("query", [WORDS * 10] * 200))
    batch.step()
    batch.admit("small", asking("query", ["text"]))
    while not batch.ended("small"):
        batch.step()
    assert batch.steps <= 3 and not batch.ended("large")
    progress = [event for event in batch.heard["large"] if isinstance(event, events.Progress)]
    assert progress and all(event.total == 200 for event in progress)
    assert len(told(batch.run(), "large")) == 200


def test_a_dropped_job_is_forgotten(bert: RerankEngine) -> None:
    batch = Batch(bert)
    batch.admit("dropped", asking("query", [WORDS * 10] * 60))
    batch.admit("kept", asking("query", ["text"]))
    batch.drop("dropped")
    assert len(told(batch.run(), "kept")) == 1


def test_jobs_that_wait_are_bounded_by_their_memory(bert: RerankEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bert, "_budget", Budget(1000))
    waiting = bert.prepare(asking("query", ["some words " * 5]))
    with pytest.raises(JobCancelled):
        bert.prepare(asking("query", ["some words " * 5]), CheckDeadline(lambda: False))
    del waiting
    bert.prepare(asking("query", ["some words " * 5]), CheckDeadline(lambda: False))


def test_a_score_that_is_no_number_ends_its_own_job(bert: RerankEngine, tmp_path: Path) -> None:
    (pair_,) = bert.prepare(asking("q", ["yes"])).plan.inputs
    folder = shutil.copytree(FIXTURES / "bert", tmp_path / "model")
    weights = mx.load(str(folder / "model.safetensors"))
    words = weights["bert.embeddings.word_embeddings.weight"]
    words[pair_.tokens[-2]] = float("nan")
    mx.save_safetensors(str(folder / "model.safetensors"), weights)
    batch = run(load(folder), asking("q", ["no"]), asking("q", ["yes"]), asking("q", ["hill"]))
    failed = batch.heard["1"][-1]
    assert isinstance(failed, events.Failed) and "not a number" in failed.failure.message
    assert len(told(batch, "0")) == len(told(batch, "2")) == 1
