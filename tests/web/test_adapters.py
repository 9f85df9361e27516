"""A call names an adapter that its model lists, beside the model or in a field of its own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from mlxq.settings import Settings
from tasks.redis.claims import Changes, Claims, Ended
from tasks.redis.store import JobStore
from tasks.values import events, results
from tasks.values.requests import Sampling
from tests.web.bodies import CHAT, chat
from tests.web.test_aliases import LATER, client_of, model

COMPLETIONS, RESPONSES, MESSAGES = "/v1/completions", "/v1/responses", "/v1/messages"
TURNS = [{"role": "user", "content": "hi"}]
BODIES: dict[str, dict[str, Any]] = {
    CHAT: chat(),
    COMPLETIONS: {"prompt": "hi"},
    RESPONSES: {"input": "hi"},
    MESSAGES: {"messages": TURNS, "max_tokens": 3},
}
READING = {
    f"{RESPONSES}/input_tokens": {"input": "hi"},
    f"{RESPONSES}/compact": {"input": TURNS},
    f"{MESSAGES}/count_tokens": {"messages": TURNS},
}


@pytest.fixture
def client(settings: Settings, store: JobStore) -> Iterator[FlaskClient]:
    adapters = {"sql": "adapters/sql", "chat-v2": "adapters/chat"}
    yield from client_of(settings, {**model("org/text", "lm", "gpt-4o"), "adapters": adapters}, model("plain", "lm"))


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    ("named", "adapter"),
    [
        ({"model": "org/text:sql"}, "sql"),
        ({"model": "gpt-4o:chat-v2"}, "chat-v2"),
        ({"model": "org/text", "adapter": "sql"}, "sql"),
        ({"model": "gpt-4o", "adapter": "chat-v2"}, "chat-v2"),
        ({"model": "org/text:sql", "adapter": "chat-v2"}, "chat-v2"),
        ({"model": "org/text"}, ""),
        ({"model": "org/text", "adapter": None}, ""),
    ],
)
def test_an_adapter_goes_with_the_job(
    client: FlaskClient, store: JobStore, path: str, named: dict[str, Any], adapter: str
) -> None:
    answer = client.post(path, json={**BODIES[path], **named}, headers=LATER)
    assert (answer.status_code, answer.json["model"]) == (202, "org/text"), answer.json
    payload = store.get(answer.json["id"], "anonymous").job.payload
    assert isinstance(payload, Sampling) and payload.adapter == adapter


@pytest.mark.parametrize("path", READING)
def test_what_reads_the_same_input_takes_the_same_names(client: FlaskClient, path: str) -> None:
    body = {**READING[path], "model": "gpt-4o:sql"}
    answer = client.post(path, json=body, headers=LATER)
    assert answer.status_code in (200, 202), answer.json
    assert "X-Ignored-Fields" not in answer.headers
    refused = client.post(path, json={**body, "adapter": "none"}, headers=LATER)
    assert refused.status_code == 404 and "no adapter 'none'" in refused.json["error"]["message"]


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize(
    ("named", "param", "said"),
    [
        ({"model": "org/text", "adapter": "none"}, "adapter", "no adapter 'none'; there are sql, chat-v2"),
        ({"model": "plain", "adapter": "sql"}, "adapter", "no adapter 'sql'; there are none"),
        ({"model": "org/text:none"}, "model", "'org/text:none' does not exist here"),
        ({"model": "plain:sql"}, "model", "'plain:sql' does not exist here"),
    ],
)
def test_one_that_is_not_there_is_refused(
    client: FlaskClient, path: str, named: dict[str, Any], param: str, said: str
) -> None:
    answer = client.post(path, json={**BODIES[path], **named}, headers=LATER)
    assert answer.status_code == 404
    assert answer.json["error"].get("param", param) == param  # Anthropic's errors have none
    assert said in answer.json["error"]["message"]


def test_what_takes_no_adapter_says_so(client: FlaskClient) -> None:
    answer = client.post("/v1/tokenize", json={"model": "org/text:sql", "prompt": "hi"})
    assert answer.status_code == 404 and "takes no adapter; the model is 'org/text'" in answer.json["error"]["message"]


def test_a_model_lists_its_adapters(client: FlaskClient) -> None:
    assert client.get("/v1/models/org/text").json["adapters"] == ["sql", "chat-v2"]
    assert client.get("/v1/models/plain").json["adapters"] == []


def listed(client: FlaskClient, path: str, **query: str) -> set[str]:
    """The ids in a listing, without the prefix that says of what."""
    answer = client.get(path, query_string=query)
    assert answer.status_code == 200, answer.json
    return {one["id"].partition("-" if path == CHAT else "_")[2] for one in answer.json["data"]}


@pytest.mark.parametrize("path", [CHAT, "/v1/jobs"])
def test_what_lists_by_model_knows_its_names_and_its_adapters(client: FlaskClient, store: JobStore, path: str) -> None:
    called = ("org/text", "gpt-4o:sql", "org/text:chat-v2", "plain")
    jobs = {}
    for name in called:
        job = client.post(CHAT, json=chat(model=name, store=True), headers=LATER).json
        claims = Claims(store, job["model"], "worker")
        claim = claims.claim(job["id"])
        assert claim is not None
        claims.write(Changes(ended=[Ended(claim, events.Done(), results.TextResult((results.Choice("hi"),)))]), "0-0")
        jobs[name] = job["id"].removeprefix("job_")
    expected = {
        "org/text": called[:3],
        "gpt-4o": called[:3],
        "org/text:sql": called[1:2],
        "gpt-4o:sql": called[1:2],
        "gpt-4o:chat-v2": called[2:3],
        "org/text:none": (),
        "plain": called[3:],
        "plain:sql": (),
        "none": (),
        "none:sql": (),
    }
    for asked, names in expected.items():
        assert listed(client, path, model=asked) == {jobs[name] for name in names}, asked


@pytest.mark.parametrize("name", ["org/text:sql", "gpt-4o:sql", "gpt-4o"])
def test_what_is_about_a_model_is_about_its_adapters(client: FlaskClient, name: str) -> None:
    assert client.get(f"/v1/models/{name}").json["id"] == "org/text"
    assert client.get("/v1/queue/stats", query_string={"model": name}).json["model"] == "org/text"


@pytest.mark.parametrize("name", ["org/text:none", "plain:sql", "none:sql", ":sql", "org/text:"])
def test_what_is_about_a_model_knows_no_adapter_that_it_has_not(client: FlaskClient, name: str) -> None:
    for answer in (client.get(f"/v1/models/{name}"), client.get("/v1/queue/stats", query_string={"model": name})):
        assert (answer.status_code, answer.json["error"]["code"]) == (404, "model_not_found")
