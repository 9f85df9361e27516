"""A model answers to its aliases, and to no name where only one can be meant."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from mlxq.catalogue import Catalogue
from mlxq.settings import Settings
from tasks.redis.store import JobStore
from tests.web.bodies import CHAT, chat
from web.application import create_app

LATER = {"Prefer": "respond-async"}
VECTORS, PICTURES, SPEECH = "/v1/embeddings", "/v1/images/generations", "/v1/audio/transcriptions"


def model(name: str, kind: str, *aliases: str) -> dict[str, Any]:
    return {"model_path": "none", "served_model_name": name, "model_type": kind, "aliases": list(aliases)}


def client_of(settings: Settings, *models: dict[str, Any]) -> Iterator[FlaskClient]:
    app = create_app(settings, Catalogue.parse({"models": list(models)}, "test"))
    yield app.test_client()
    app.extensions["mlxq"].followers.close()


@pytest.fixture
def client(settings: Settings, store: JobStore) -> Iterator[FlaskClient]:
    yield from client_of(
        settings,
        model("text", "lm", "gpt-4o", "openai/gpt-4o-mini"),
        model("vectors", "embeddings", "text-embedding-3-small"),
        model("draws", "image-generation"),
        model("hears", "whisper", "whisper-1"),
    )


@pytest.fixture
def doubled(settings: Settings, store: JobStore) -> Iterator[FlaskClient]:
    yield from client_of(settings, model("one", "embeddings"), model("more", "embeddings"))


@pytest.mark.parametrize("name", ["text", "gpt-4o", "openai/gpt-4o-mini"])
def test_a_call_may_give_an_alias(client: FlaskClient, name: str) -> None:
    answer = client.post(CHAT, json=chat(model=name), headers=LATER)
    assert (answer.status_code, answer.json["model"]) == (202, "text")
    shown = client.get(f"/v1/models/{name}").json
    assert (shown["id"], shown["aliases"]) == ("text", ["gpt-4o", "openai/gpt-4o-mini"])


def test_an_alias_asks_for_the_same_as_the_name(client: FlaskClient) -> None:
    headers = {**LATER, "Idempotency-Key": "once"}
    first, second = (client.post(CHAT, json=chat(model=name), headers=headers) for name in ("text", "gpt-4o"))
    assert first.json["id"] == second.json["id"]


@pytest.mark.parametrize(
    ("path", "body", "name"),
    [
        (VECTORS, {"input": "hi"}, "vectors"),
        (PICTURES, {"prompt": "hi"}, "draws"),
        (VECTORS, {"input": "hi", "model": None}, "vectors"),
    ],
)
def test_without_a_model_it_is_the_only_one_of_the_kind(
    client: FlaskClient, path: str, body: dict[str, Any], name: str
) -> None:
    answer = client.post(path, json=body, headers=LATER)
    assert answer.status_code == 202 and answer.json["model"] == name, answer.text


@pytest.mark.parametrize("given", [{}, {"model": ""}])
def test_a_form_without_a_model_too(client: FlaskClient, given: dict[str, str]) -> None:
    form = {**given, "file": (__file__, "a.wav")}
    answer = client.post(SPEECH, data=form, headers=LATER)
    assert answer.status_code == 202 and answer.json["model"] == "hears", answer.text


def test_where_two_can_be_meant_one_has_to_be_named(doubled: FlaskClient) -> None:
    answer = doubled.post(VECTORS, json={"input": "hi"}, headers=LATER)
    assert (answer.status_code, answer.json["error"]["param"]) == (400, "model")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, {"messages": [{"role": "user", "content": "hi"}]}),
        ("/v1/completions", {"prompt": "hi"}),
        ("/v1/tokenize", {"prompt": "hi"}),
    ],
)
def test_who_asks_for_text_names_a_model(client: FlaskClient, path: str, body: dict[str, Any]) -> None:
    answer = client.post(path, json=body, headers=LATER)
    assert (answer.status_code, answer.json["error"]["param"]) == (400, "model")


def test_a_name_that_is_no_alias_is_not_guessed(client: FlaskClient) -> None:
    assert client.post(CHAT, json=chat(model="gpt-5"), headers=LATER).status_code == 404
    assert client.post(CHAT, json=chat(model="whisper-1"), headers=LATER).status_code == 404


def test_jobs_are_listed_by_any_name_of_their_model(client: FlaskClient) -> None:
    ids = [client.post(CHAT, json=chat(model=name), headers=LATER).json["id"] for name in ("text", "gpt-4o")]
    client.post(VECTORS, json={"input": "hi"}, headers=LATER)
    for name in ("text", "gpt-4o", "openai/gpt-4o-mini"):
        listed = client.get("/v1/jobs", query_string={"model": name}).json["data"]
        assert [job["id"] for job in listed] == ids[::-1], name
    assert client.get("/v1/jobs", query_string={"model": "gpt-5"}).json["data"] == []


def test_jobs_of_a_model_that_was_renamed_are_found_by_its_new_name(
    client: FlaskClient, settings: Settings, store: JobStore
) -> None:
    before = client.post(CHAT, json=chat(model="text"), headers=LATER).json["id"]
    for renamed in client_of(settings, model("better", "lm", "text")):
        after = renamed.post(CHAT, json=chat(model="text"), headers=LATER).json["id"]
        for name in ("better", "text"):
            listed = renamed.get("/v1/jobs", query_string={"model": name}).json["data"]
            assert [job["id"] for job in listed] == [after, before]
