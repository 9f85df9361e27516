"""`GET /v1/queue/stats`: mlx-openai-server's numbers of one model, and more of every model."""

from __future__ import annotations

from typing import Any

import httpx

from tests.support.servers import eventually

ENDLESS = {"messages": [{"role": "user", "content": "word"}], "max_tokens": 100_000}


def stats(http: httpx.Client, model: str | None = None) -> dict[str, Any]:
    return dict(http.get("/v1/queue/stats", params={"model": model} if model else {}).json())


def small(http: httpx.Client) -> dict[str, Any]:
    return next(model for model in stats(http)["models"] if model["id"] == "small")


def test_what_waits_and_runs_is_told_as_there_and_of_every_model(http: httpx.Client) -> None:
    body = {"model": "small", **ENDLESS}
    jobs = [http.post("/v1/jobs", json={"url": "/v1/chat/completions", "body": body}).json()["id"] for _ in range(4)]
    found = eventually(lambda: (now := small(http))["tokens_per_second"] > 0 and now["running"] and now)
    assert (found["type"], found["state"], found["slots"], found["running"]) == ("fake", "ready", 1, 1)
    assert found["running"] + found["waiting"] <= found["claimed"] and found["generated_tokens"] > 0
    assert sum(found["queued"].values()) + found["running"] == 4
    whole = stats(http, "small")
    theirs = whole["queue_stats"]
    assert (whole["status"], whole["model"]) == ("ok", "small")
    assert theirs["queue_stats"] == {name: theirs[name] for name in theirs["queue_stats"]}
    assert (theirs["running"], theirs["max_queue_size"], theirs["active_requests"]) == (True, 2, found["claimed"])
    assert (theirs["batch_stats"]["completion_batch_size"], theirs["batch_stats"]["disabled"]) == (1, False)
    for job in jobs:
        http.post(f"/v1/jobs/{job}/cancel")


def test_what_has_ended_is_counted(http: httpx.Client) -> None:
    before = small(http)
    short = {"model": "small", **ENDLESS, "max_tokens": 3}
    for _ in range(2):
        assert http.post("/v1/chat/completions", json=short).status_code == 200
    broken = {**short, "messages": [{"role": "user", "content": "break"}]}
    assert http.post("/v1/chat/completions", json=broken).status_code == 500

    def counted() -> bool:
        now = small(http)
        completed, failed, tokens = (now[name] - before[name] for name in ("completed", "failed", "generated_tokens"))
        return (completed, failed) == (2, 1) and tokens >= 6

    eventually(counted)


def test_the_first_model_is_told_where_none_is_named(http: httpx.Client) -> None:
    assert stats(http)["model"] == "fake"
    refused = http.get("/v1/queue/stats", params={"model": "third"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (404, "model_not_found")
    assert http.get("/v1/queue/stats", params={"modle": "small"}).status_code == 400
