"""Alive is not ready, and what is not ready says why."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from redis import Redis

from mlxq.catalogue import Catalogue
from mlxq.settings import Settings
from tests.support.servers import PATIENCE, Stack, Valkey, eventually, fake
from tests.web.bodies import CHAT, chat


@pytest.fixture(scope="module")
def half(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    models = [fake(), fake("broken", options={"load_error": "no such weights"})]
    stack = Stack(valkey, tmp_path_factory.mktemp("half"), models, MLXQ_START_WAIT="1")
    try:
        yield stack
    finally:
        stack.stop()


def test_a_model_that_cannot_be_loaded_says_why_and_the_others_serve(half: Stack) -> None:
    with httpx.Client(base_url=half.url, timeout=PATIENCE) as http:

        def settled() -> dict[str, object] | None:
            try:
                found = dict(http.get("/ready").json())
            except httpx.TransportError:
                return None
            return found if [model["state"] for model in found["not_ready"]] == ["broken"] else None

        found = eventually(settled)
        assert found["not_ready"] == [{"id": "broken", "state": "broken", "reason": "RuntimeError: no such weights"}]
        assert http.get("/ready").status_code == 503 and http.get("/health").json() == {"status": "ok"}
        refused = http.post(CHAT, json=chat(model="broken"))
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "model_unavailable")
        assert "no such weights" in refused.json()["error"]["message"] and int(refused.headers["Retry-After"]) > 0
        accepted = http.post(CHAT, json=chat(model="broken"), headers={"Prefer": "respond-async"})
        assert accepted.status_code == 202
        assert http.post(CHAT, json=chat()).status_code == 200
        states = {model["id"]: model["state"] for model in http.get("/v1/models").json()["data"]}
        assert states == {"fake": "ready", "broken": "broken"}
    assert len(half.supervisor.log('"worker started"')) == 2  # it does not spin


def test_a_catalogue_s_models_are_listed_and_shown(http: httpx.Client, settings: Settings) -> None:
    listed = http.get("/v1/models").json()
    assert listed["object"] == "list" and [model["id"] for model in listed["data"]] == ["fake", "small"]
    shown = http.get("/v1/models/fake").json()
    assert shown == listed["data"][0] and CHAT in shown["endpoints"]
    assert Catalogue.parse({"models": [fake("org/name")]}, "test").get("org/name").model_type == "fake"


def test_a_queue_without_room_is_said_with_what_helps(fake_stack: Stack, http: httpx.Client) -> None:
    redis = Redis.from_url(fake_stack.settings.redis_url)
    before = redis.config_get("maxmemory")["maxmemory"]
    assert http.get("/ready").json()["warnings"] == []
    redis.config_set("maxmemory", "1mb")
    try:
        found = http.get("/ready")
        assert (found.status_code, found.json()["error"]["code"]) == (503, "storage_full")
        assert "maxmemory" in found.json()["error"]["message"]
        refused = http.post(CHAT, json=chat())
        assert (refused.status_code, refused.json()["error"]["code"]) == (503, "storage_full")
        assert int(refused.headers["Retry-After"]) > 0
    finally:
        redis.config_set("maxmemory", before)
        redis.close()
    assert http.get("/ready").status_code == 200 and http.post(CHAT, json=chat()).status_code == 200
