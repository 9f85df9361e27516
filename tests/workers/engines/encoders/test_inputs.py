"""Prompts stand before texts, inputs are cut where it is asked for, and every token that runs is counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mlxq.entries.embeddings import EmbeddingsEntry
from mlxq.settings import Settings
from tasks.values.errors import ContextLengthExceeded, InvalidValue, JobError
from tests.workers.engines.encoders import tiny
from tests.workers.engines.rows import embedding, run, vectors
from workers import blas

blas.preload()

from workers.engines import embeddings  # noqa: E402

CLS, SEP = 2, 3
LONG = "the cat sat on mat a and find is dog"  # a token each: 4 to 13


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> embeddings.EmbeddingEngine:
    """A model of at most 8 tokens."""
    return made(tmp_path_factory.mktemp("model"))


def made(folder: Path, **more: Any) -> embeddings.EmbeddingEngine:
    tiny.sentence_model(folder, {**tiny.SENTENCES["prompt"], "max_seq_length": 8, **more})
    return embeddings.load(EmbeddingsEntry(model_path=str(folder)), Settings(home=folder))


def tokens(engine: embeddings.EmbeddingEngine, *inputs: Any, **options: Any) -> list[list[int]]:
    return [list(one.tokens) for one in engine.prepare(embedding(*inputs, **options)).plan.inputs]


@pytest.mark.parametrize(
    ("options", "cut"),
    [
        ({"truncate": "end"}, [CLS, 4, 5, 6, 7, 8, 9, SEP]),
        ({"truncate": "start"}, [CLS, 8, 9, 10, 11, 12, 13, SEP]),
        ({"truncate": "end", "max_tokens": 5}, [CLS, 4, 5, 6, SEP]),
        ({"truncate": "start", "max_tokens": 5}, [CLS, 11, 12, 13, SEP]),
        ({"truncate": "end", "max_tokens": 3}, [CLS, 4, SEP]),
        ({"truncate": "end", "max_tokens": 1}, [CLS]),
    ],
)
def test_an_input_is_cut_and_keeps_the_tokens_around_it(
    engine: embeddings.EmbeddingEngine, options: Any, cut: list[int]
) -> None:
    assert tokens(engine, LONG, "the", **options) == [cut, [CLS, 4, SEP][: len(cut)]]
    assert tokens(engine, (CLS, *range(4, 14), SEP), **options) == [cut]
    batch = run(engine, embedding(LONG, "the", **options))
    assert batch.usage("0").prompt_tokens == len(cut) + min(3, len(cut))


def test_token_ids_without_special_tokens_are_cut_to_so_many(engine: embeddings.EmbeddingEngine) -> None:
    assert tokens(engine, tuple(range(4, 14)), truncate="end", max_tokens=3) == [[4, 5, 6]]
    assert tokens(engine, tuple(range(4, 14)), truncate="start", max_tokens=3) == [[11, 12, 13]]


@pytest.mark.parametrize("truncate", ["start", "end"])
def test_a_text_of_any_length_is_cut_without_all_of_it_being_tokenised(
    engine: embeddings.EmbeddingEngine, truncate: Any
) -> None:
    long = "dog " * 500 + "the cat " * 2_000_000 + "mat " * 500
    expected = [CLS, *[13 if truncate == "end" else 8] * 6, SEP]
    assert tokens(engine, long, truncate=truncate) == [expected]


def test_a_prompt_stays_when_the_start_is_cut(engine: embeddings.EmbeddingEngine) -> None:
    assert tokens(engine, LONG, truncate="start", prompt_name="query") == [[CLS, 11, 4, 5, 11, 12, 13, SEP]]
    assert tokens(engine, LONG, truncate="end", prompt_name="query") == [[CLS, 11, 4, 5, 4, 5, 6, SEP]]


@pytest.mark.parametrize(
    ("options", "before"),
    [
        ({}, []),
        ({"prompt_name": "query"}, [11, 4, 5]),
        ({"prompt_name": "cat"}, [5, 5]),
        ({"input_type": "query"}, [11, 4, 5]),
        ({"input_type": "document"}, [9, 8]),
    ],
)
def test_a_prompt_stands_before_every_text_and_counts(
    engine: embeddings.EmbeddingEngine, options: Any, before: list[int]
) -> None:
    assert tokens(engine, "dog", "is", **options) == [[CLS, *before, 13, SEP], [CLS, *before, 12, SEP]]
    assert run(engine, embedding("dog", "is", **options)).usage("0").prompt_tokens == 2 * (3 + len(before))


def test_a_model_without_prompts_takes_either_type_of_input(tmp_path: Path) -> None:
    plain = made(tmp_path, prompts={})
    assert tokens(plain, "dog", input_type="query") == tokens(plain, "dog", input_type="document") == [[CLS, 13, SEP]]
    assert tokens(plain, (4, 5), input_type="query") == [[4, 5]]


def test_the_usual_prompt_gives_way_to_one_that_is_named_and_leaves_token_ids_alone(tmp_path: Path) -> None:
    usual = made(tmp_path, default_prompt_name="passage")
    assert tokens(usual, "dog") == [[CLS, 9, 8, 13, SEP]]
    assert tokens(usual, "dog", prompt_name="cat") == [[CLS, 5, 5, 13, SEP]]
    assert tokens(usual, (CLS, 13, SEP)) == [[CLS, 13, SEP]]


def test_a_prompts_vector_is_that_of_the_joined_text(engine: embeddings.EmbeddingEngine) -> None:
    prompted = vectors(run(engine, embedding("dog", prompt_name="query")), "0")
    joined = vectors(run(engine, embedding("find the cat dog")), "0")
    np.testing.assert_allclose(prompted, joined, atol=1e-6)


@pytest.mark.parametrize(
    ("inputs", "options", "error", "param", "message"),
    [
        (("dog",), {"prompt_name": "Query"}, InvalidValue, "prompt_name", "it has 'cat', 'passage', 'query'"),
        (((4, 5),), {"prompt_name": "query"}, InvalidValue, "prompt_name", "token ids"),
        (((4, 5),), {"input_type": "query"}, InvalidValue, "input_type", "token ids"),
        ((LONG,), {}, ContextLengthExceeded, "input[0]", "12 tokens long; this model takes 8"),
        (("the", "cat " * 5), {"prompt_name": "query"}, ContextLengthExceeded, "input[1]", "10 tokens"),
        (("dog",), {"truncate": "end", "max_tokens": 9}, InvalidValue, "truncate_prompt_tokens", "at most 8 tokens"),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(
    engine: embeddings.EmbeddingEngine, inputs: Any, options: Any, error: type[JobError], param: str, message: str
) -> None:
    with pytest.raises(error, match=message) as caught:
        engine.prepare(embedding(*inputs, **options))
    assert caught.value.failure.param == param
