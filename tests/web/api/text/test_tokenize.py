"""Token ids, text and prompts, over HTTP as vLLM shows them."""

from __future__ import annotations

import httpx

from tests.support.servers import eventually
from tests.web.bodies import CHAT

TALK = [{"role": "user", "content": "hi"}]


def test_a_text_is_told_as_tokens_and_back(http: httpx.Client) -> None:
    told = http.post("/v1/tokenize", json={"model": "fake", "prompt": "né"}).json()
    assert told == {"tokens": [110, 195, 169], "count": 3, "max_model_len": None}
    back = http.post("/v1/detokenize", json={"model": "fake", "tokens": told["tokens"]})
    assert back.json() == {"prompt": "né"}


def test_a_conversation_is_shown_as_the_model_reads_it(http: httpx.Client) -> None:
    told = http.post("/v1/chat/render", json={"model": "fake", "messages": TALK}).json()
    assert told == {"prompt": "user: hi\n", "tokens": list(b"user: hi\n"), "count": 9}
    counted = http.post("/v1/tokenize", json={"model": "fake", "messages": TALK}).json()
    assert counted == {"tokens": told["tokens"], "count": 9, "max_model_len": None}


def test_tools_are_part_of_what_the_model_reads(http: httpx.Client) -> None:
    body = {"model": "fake", "messages": TALK, "tools": [{"type": "function", "function": {"name": "look"}}]}
    told = http.post("/v1/chat/render", json=body).json()
    assert told["prompt"] == "tool: look\nuser: hi\n"
    assert http.post("/v1/tokenize", json=body).json()["tokens"] == told["tokens"]


def test_they_are_jobs_like_any_call(http: httpx.Client) -> None:
    body = {"model": "fake", "prompt": "abc"}
    job = http.post("/v1/tokenize", json=body, headers={"Prefer": "respond-async"}).json()["id"]
    eventually(lambda: http.get(f"/v1/jobs/{job}").json()["status"] == "succeeded")
    assert http.get(f"/v1/jobs/{job}/result").json()["count"] == 3
    assert "event: tokens" not in http.get(f"/v1/jobs/{job}/events").text


def test_what_is_wrong_is_told_where(http: httpx.Client) -> None:
    for path, body, param in (
        ("/v1/tokenize", {"prompt": "a", "messages": TALK}, "prompt"),
        ("/v1/detokenize", {"tokens": [1, -1]}, "tokens[1]"),
        ("/v1/chat/render", {"messages": TALK, "chat_template": "x"}, "chat_template"),
        (CHAT, {"messages": TALK, "chat_template_kwargs": {"tokenize": False}}, "chat_template_kwargs.tokenize"),
    ):
        response = http.post(path, json={"model": "fake", **body})
        assert (response.status_code, response.json()["error"]["param"]) == (400, param)
