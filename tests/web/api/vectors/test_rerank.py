"""Reranking and scoring over HTTP, as Cohere, Jina and vLLM have them; the fake engine scores short texts higher."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tests.support.servers import eventually

DOCUMENTS = ["a longer one", "short", "of middling"]
ASKED: dict[str, Any] = {"model": "fake", "query": "what", "documents": DOCUMENTS}
BEST = [1, 2, 0]
SCORES = [1 / (1 + len(document)) for document in DOCUMENTS]


def ranked(http: httpx.Client, path: str = "/v1/rerank", **more: Any) -> dict[str, Any]:
    answer = http.post(path, json={**ASKED, **more})
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_documents_come_back_best_first(http: httpx.Client) -> None:
    found = ranked(http)
    assert [result["index"] for result in found["results"]] == BEST
    assert [result["relevance_score"] for result in found["results"]] == [SCORES[index] for index in BEST]
    tokens = len("what") + sum(map(len, DOCUMENTS))
    assert found["usage"] == {"prompt_tokens": tokens, "total_tokens": tokens}
    assert (found["object"], found["model"], found["id"][:7]) == ("list", "fake", "rerank-")
    assert found["meta"] == {
        "api_version": {"version": "1"},
        "billed_units": {"search_units": 1},
        "tokens": {"input_tokens": tokens},
    }


def test_documents_of_one_score_keep_their_order(http: httpx.Client) -> None:
    assert [result["index"] for result in ranked(http, documents=["bb", "aa", "c", "cc"])["results"]] == [2, 0, 1, 3]


@pytest.mark.parametrize("top_n", [1, 2, 3, 100])
def test_only_so_many_of_the_best_are_told(http: httpx.Client, top_n: int) -> None:
    assert [result["index"] for result in ranked(http, top_n=top_n)["results"]] == BEST[:top_n]


@pytest.mark.parametrize(
    ("path", "wanted", "told"),
    [
        ("/v1/rerank", None, True),
        ("/v1/rerank", True, True),
        ("/v1/rerank", False, False),
        ("/v2/rerank", None, False),
        ("/v2/rerank", True, True),
        ("/v2/rerank", False, False),
    ],
)
def test_documents_come_back_as_the_version_has_it(
    http: httpx.Client, path: str, wanted: bool | None, told: bool
) -> None:
    found = ranked(http, path, return_documents=wanted)
    assert [result.get("document") for result in found["results"]] == [
        {"text": DOCUMENTS[index]} if told else None for index in BEST
    ]
    assert found["meta"]["api_version"] == {"version": path[2]}


def test_a_document_that_is_an_object_comes_back_with_all_of_its_fields(http: httpx.Client) -> None:
    sent = [{"text": "a longer one", "id": 7, "more": {"tags": ["x", None]}}, "short", {"text": "of middling"}]
    found = ranked(http, documents=sent)
    assert [result["relevance_score"] for result in found["results"]] == [SCORES[index] for index in BEST]
    assert [result["document"] for result in found["results"]] == [{"text": "short"}, sent[2], sent[0]]
    assert all("document" not in result for result in ranked(http, documents=sent, return_documents=False)["results"])


def test_fields_that_mean_nothing_here_are_taken(http: httpx.Client) -> None:
    more = {"max_chunks_per_doc": 10, "max_tokens_per_doc": 4096, "priority": 0, "rank_fields": ["text"], "user": "u"}
    assert ranked(http, **more)["results"] == ranked(http)["results"]


@pytest.mark.parametrize(
    ("pair", "scores"),
    [
        (("what", DOCUMENTS), SCORES),
        ((["what"], DOCUMENTS), SCORES),
        ((["who", "what", "where"], DOCUMENTS), SCORES),
        (("what", "short"), [1 / 6]),
        ((["what"], ["short"]), [1 / 6]),
    ],
)
@pytest.mark.parametrize("names", [("text_1", "text_2"), ("queries", "documents"), ("data_1", "data_2")])
def test_pairs_are_scored_in_their_order(
    http: httpx.Client, names: tuple[str, str], pair: tuple[Any, Any], scores: list[float]
) -> None:
    answer = http.post("/v1/score", json={"model": "fake", **dict(zip(names, pair, strict=True))})
    found = answer.json()
    assert answer.status_code == 200, found
    assert found["data"] == [{"index": at, "object": "score", "score": score} for at, score in enumerate(scores)]
    assert (found["object"], found["model"], found["id"][:6]) == ("list", "fake", "score-")
    assert found["usage"]["prompt_tokens"] == found["usage"]["total_tokens"] > 0


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/v1/rerank", {"query": ""}, "query"),
        ("/v1/rerank", {"query": None}, "query"),
        ("/v1/rerank", {"query": ["a"]}, "query"),
        ("/v1/rerank", {"documents": []}, "documents"),
        ("/v1/rerank", {"documents": "text"}, "documents"),
        ("/v1/rerank", {"documents": ["a", ""]}, "documents[1]"),
        ("/v1/rerank", {"documents": ["a", {"title": "b"}]}, "documents[1]"),
        ("/v1/rerank", {"documents": [{"text": 5}]}, "documents[0]"),
        ("/v1/rerank", {"documents": ["a"] * 10_001}, "documents"),
        ("/v1/rerank", {"top_n": 0}, "top_n"),
        ("/v1/rerank", {"top_n": "3"}, "top_n"),
        ("/v1/rerank", {"return_documents": "yes"}, "return_documents"),
        ("/v1/rerank", {"rank_fields": ["title"]}, "rank_fields"),
        ("/v1/rerank", {"max_tokens_per_doc": 0}, "max_tokens_per_doc"),
        ("/v1/rerank", {"truncate_prompt_tokens": -2}, "truncate_prompt_tokens"),
        ("/v1/rerank", {"top_k": 3}, "top_k"),
        ("/v2/rerank", {"documents": [None]}, "documents[0]"),
        ("/v1/score", {}, "text_1"),
        ("/v1/score", {"text_1": "a"}, "text_2"),
        ("/v1/score", {"text_2": "a"}, "text_1"),
        ("/v1/score", {"queries": "a"}, "documents"),
        ("/v1/score", {"text_1": "a", "text_2": ["b"], "queries": ["c"]}, "queries"),
        ("/v1/score", {"text_1": "a", "documents": ["b"]}, "text_2"),
        ("/v1/score", {"text_1": ["a", "b"], "text_2": ["c", "d", "e"]}, "text_1"),
        ("/v1/score", {"text_1": ["a", "b"], "text_2": "c"}, "text_1"),
        ("/v1/score", {"text_1": "a", "text_2": []}, "text_2"),
        ("/v1/score", {"text_1": "a", "text_2": ["b", 1]}, "text_2[1]"),
        ("/v1/score", {"text_1": "", "text_2": ["b"]}, "text_1"),
    ],
)
def test_what_is_wrong_is_told_where(http: httpx.Client, path: str, body: dict[str, Any], param: str) -> None:
    least = {"model": "fake"} if path == "/v1/score" else ASKED
    answer = http.post(path, json={**least, **body})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


@pytest.mark.parametrize(("path", "score"), [("/v1/rerank", False), ("/v2/rerank", False), ("/v1/score", True)])
def test_they_are_jobs_like_any_call(http: httpx.Client, path: str, score: bool) -> None:
    body = {"model": "fake", "text_1": "what", "text_2": DOCUMENTS} if score else ASKED
    job = http.post(path, json=body, headers={"Prefer": "respond-async"}).json()["id"]
    eventually(lambda: http.get(f"/v1/jobs/{job}").json()["status"] == "succeeded")
    found, waited = http.get(f"/v1/jobs/{job}/result").json(), http.post(path, json=body).json()
    assert {**found, "id": "", "created": 0} == {**waited, "id": "", "created": 0}
    assert "event: score" not in http.get(f"/v1/jobs/{job}/events").text


@pytest.mark.parametrize("path", ["/v1/rerank", "/v2/rerank", "/v1/score"])
def test_they_are_lines_of_batches_like_any_call(http: httpx.Client, path: str) -> None:
    bodies = [
        {"model": "fake", "queries": "what", "documents": DOCUMENTS[:number]}
        if path == "/v1/score"
        else {**ASKED, "documents": DOCUMENTS[:number]}
        for number in (1, 2, 3)
    ]
    lines = [
        json.dumps({"custom_id": str(at), "method": "POST", "url": path, "body": body})
        for at, body in enumerate(bodies)
    ]
    file = http.post("/v1/files", data={"purpose": "batch"}, files={"file": ("a.jsonl", "\n".join(lines))}).json()
    asked = {"input_file_id": file["id"], "endpoint": path, "completion_window": "1h"}
    batch = http.post("/v1/batches", json=asked).json()["id"]
    eventually(lambda: http.get(f"/v1/batches/{batch}").json()["status"] == "completed")
    output = http.get(f"/v1/batches/{batch}").json()["output_file_id"]
    found = [json.loads(line) for line in http.get(f"/v1/files/{output}/content").text.splitlines()]
    told = {line["custom_id"]: line["response"]["body"] for line in found}
    assert {at: len(body.get("data") or body["results"]) for at, body in told.items()} == {"0": 1, "1": 2, "2": 3}


def test_a_model_tells_where_it_is_asked_for_scores(http: httpx.Client) -> None:
    listed = http.get("/v1/models/fake").json()["endpoints"]
    assert {"/v1/rerank", "/v2/rerank", "/v1/score"} <= set(listed)
