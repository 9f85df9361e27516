"""Reranking with real networks, as clients of Cohere, Jina and vLLM send it: scores are the authors'."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.support.servers import PATIENCE, Stack, Valkey, running
from tests.workers.engines.scoring.rerankers import FIXTURES, NEAR, expected, pairs

MODELS = ("bert", "xlm_roberta", "qwen3")


@pytest.fixture(scope="module")
def client(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    models = [
        {"model_path": str(FIXTURES / name), "served_model_name": name, "model_type": "rerank"} for name in MODELS
    ]
    for stack in running(Stack(valkey, tmp_path_factory.mktemp("rerank"), models)):
        with httpx.Client(base_url=stack.url, timeout=PATIENCE, headers={"Authorization": "Bearer none"}) as client:
            yield client


def answer(client: httpx.Client, path: str, body: dict[str, Any], status: int = 200) -> dict[str, Any]:
    response = client.post(path, json=body)
    assert response.status_code == status, response.text
    return dict(response.json())


@pytest.mark.parametrize("model", MODELS)
def test_pairs_have_the_scores_of_the_authors_library(client: httpx.Client, model: str) -> None:
    queries, documents = zip(*pairs(model), strict=True)
    body = {"model": model, "queries": queries, "documents": documents, "truncate_prompt_tokens": -1}
    found = [item["score"] for item in answer(client, "/v1/score", body)["data"]]
    assert found == pytest.approx(expected(model)["scores"], abs=NEAR)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank"])
def test_documents_are_sorted_by_those_scores(client: httpx.Client, model: str, path: str) -> None:
    documents = [document for _, document in pairs(model)]
    query = "What is the capital of France?"
    scored = answer(client, "/v1/score", {"model": model, "text_1": query, "text_2": documents[:4]})
    scores = [item["score"] for item in scored["data"]]
    body = {"model": model, "query": query, "documents": documents[:4], "top_n": 3}
    results = answer(client, path, body)["results"]
    assert [result["index"] for result in results] == sorted(range(4), key=lambda at: -scores[at])[:3]
    for result in results:
        assert result["relevance_score"] == pytest.approx(scores[result["index"]], abs=NEAR)


def test_an_instruction_is_read_by_a_model_that_knows_one(client: httpx.Client) -> None:
    wanted = expected("qwen3")
    queries, documents = zip(*pairs("qwen3"), strict=True)
    body = {"queries": queries, "documents": documents, "instruction": wanted["instruction"]}
    found = answer(client, "/v1/score", {"model": "qwen3", **body})
    assert [item["score"] for item in found["data"]] == pytest.approx(wanted["instructed"], abs=NEAR)
    refused = answer(client, "/v1/score", {"model": "bert", **body}, status=400)
    assert refused["error"]["param"] == "instruction"


def test_what_is_too_long_is_refused_or_cut_as_asked(client: httpx.Client) -> None:
    long = "the river and the hill " * 60
    pair = {"model": "bert", "text_1": "what", "text_2": ["a", long]}
    refused = answer(client, "/v1/score", pair, status=400)
    assert (refused["error"]["code"], refused["error"]["param"]) == ("context_length_exceeded", "text_2[1]")
    assert len(answer(client, "/v1/score", {**pair, "truncate_prompt_tokens": 20})["data"]) == 2
    assert (
        len(answer(client, "/v1/rerank", {"model": "bert", "query": "what", "documents": ["a", long]})["results"]) == 2
    )
    refused = answer(client, "/v2/rerank", {"model": "bert", "query": long, "documents": ["a"]}, status=400)
    assert (refused["error"]["code"], refused["error"]["param"]) == ("context_length_exceeded", "query")


def test_calls_that_come_together_tell_what_each_would_alone(client: httpx.Client) -> None:
    some = [(model, pair) for model in MODELS for pair in pairs(model)[:4]] * 4

    def score(asked: tuple[str, tuple[str, str]]) -> float:
        model, (query, document) = asked
        found = answer(client, "/v1/score", {"model": model, "text_1": query, "text_2": document})["data"]
        return float(found[0]["score"])

    with ThreadPoolExecutor(16) as threads:
        together = list(threads.map(score, some))
    wanted = [expected(model)["scores"][at] for model in MODELS for at in range(4)] * 4
    assert together == pytest.approx(wanted, abs=NEAR)


def test_models_say_what_they_are_and_serve(client: httpx.Client) -> None:
    found = client.get("/v1/models/bert").json()
    assert found["context_length"] == 64
    assert (found["type"], sorted(found["endpoints"])) == ("rerank", ["/v1/rerank", "/v1/score", "/v2/rerank"])
    refused = answer(client, "/v1/embeddings", {"model": "bert", "input": "a"}, status=404)
    assert refused["error"]["code"] == "model_not_found"
