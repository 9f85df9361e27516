"""Conversations over HTTP: what is wrong names its field, and what is a key's own is nobody else's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from schemas.responses.items import HOSTED
from tests.support.servers import Valkey
from tests.web import alone
from tests.web.alone import Web

ROOT = "/v1/conversations"
HELLO = {"type": "message", "role": "user", "content": "Hello!"}
CALL = {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"}


@pytest.fixture(scope="module")
def web(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A web process with two keys, and no worker: a conversation needs none."""
    yield from alone.running(Web(valkey, tmp_path_factory.mktemp("conversations"), MLXQ_API_KEYS="alpha,beta"))


def caller(web: Web, key: str) -> httpx.Client:
    return httpx.Client(base_url=web.url, headers={"Authorization": f"Bearer {key}"}, timeout=30)


@pytest.fixture
def alpha(web: Web) -> Iterator[httpx.Client]:
    with caller(web, "alpha") as client:
        yield client


@pytest.fixture
def beta(web: Web) -> Iterator[httpx.Client]:
    with caller(web, "beta") as client:
        yield client


def made(client: httpx.Client, *items: dict[str, Any]) -> str:
    answer = client.post(ROOT, json={"items": list(items)})
    assert answer.status_code == 200, answer.text
    return f"{ROOT}/{answer.json()['id']}"


def refused(answer: httpx.Response) -> tuple[int, str, str | None]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["param"]


@pytest.mark.parametrize(
    ("item", "shown"),
    [
        (HELLO, {**HELLO, "content": [{"type": "input_text", "text": "Hello!"}], "status": "completed"}),
        (
            {"role": "assistant", "content": "Hi.", "status": "incomplete", "phase": "commentary"},
            {
                "type": "message",
                "role": "assistant",
                "status": "incomplete",
                "content": [{"type": "output_text", "text": "Hi.", "annotations": []}],
            },
        ),
        (CALL, {**CALL, "status": "completed"}),
        ({**CALL, "arguments": {"a": 1}}, {**CALL, "arguments": '{"a":1}', "status": "completed"}),
        ({"type": "reasoning", "content": [{"type": "reasoning_text", "text": "hm"}]}, {"summary": []}),
        ({"type": "custom_tool_call", "call_id": "c", "name": "n", "input": "", "status": "completed"}, {"input": ""}),
    ],
)
def test_an_item_is_shown_whole(alpha: httpx.Client, item: dict[str, Any], shown: dict[str, Any]) -> None:
    (found,) = alpha.get(f"{made(alpha, item)}/items").json()["data"]
    assert shown.items() <= found.items() and found["id"].partition("_")[0] in ("msg", "fc", "rs", "ctc")
    if shown.get("type") in ("message", "function_call"):
        assert found.keys() == {"id", *shown}


def test_a_conversation_is_its_key_s_alone(alpha: httpx.Client, beta: httpx.Client) -> None:
    path = made(alpha, {**HELLO, "id": "msg_a"})
    answers = [
        *(beta.get(f"{path}{rest}") for rest in ("", "/items", "/items/msg_a")),
        *(beta.delete(f"{path}{rest}") for rest in ("", "/items/msg_a")),
        beta.post(path, json={"metadata": {"a": "b"}}),
        beta.post(f"{path}/items", json={"items": [HELLO]}),
    ]
    assert {(answer.status_code, answer.json()["error"]["code"]) for answer in answers} == {(404, "not_found")}
    assert [item["id"] for item in alpha.get(f"{path}/items").json()["data"]] == ["msg_a"]
    assert alpha.get(path).json()["metadata"] == {}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"items": "Hello!"}, "items"),
        ({"items": [HELLO] * 21}, "items"),
        ({"items": [HELLO, {"type": "message", "role": "user"}]}, "items[1].content"),
        ({"items": [{**HELLO, "role": "robot"}]}, "items[0].role"),
        ({"items": [{**HELLO, "content": [{"type": "input_text"}]}]}, "items[0].content[0].text"),
        ({"items": [{**CALL, "call_id": ""}]}, "items[0].call_id"),
        ({"items": [{"type": "item_reference", "id": "msg_1"}]}, "items[0].id"),
        ({"items": [{**HELLO, "id": "a/b"}]}, "items[0].id"),
        ({"items": [{**HELLO, "id": "a" * 129}]}, "items[0].id"),
        ({"items": [{**HELLO, "id": "msg_1"}, {**CALL, "id": "msg_1"}]}, "items[1].id"),
        *(({"items": [HELLO, {"type": kind}]}, "items[1].type") for kind in (*HOSTED[:3], "nothing")),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"metadata": {str(at): "b" for at in range(17)}}, "metadata"),
    ],
)
def test_what_is_wrong_names_its_field(alpha: httpx.Client, body: dict[str, Any], param: str) -> None:
    assert refused(alpha.post(ROOT, json=body)) == (400, "invalid_value", param)
    path = made(alpha)
    if "items" in body:
        assert refused(alpha.post(f"{path}/items", json=body)) == (400, "invalid_value", param)
        assert alpha.get(f"{path}/items").json()["data"] == []
    else:
        assert refused(alpha.post(path, json=body)) == (400, "invalid_value", param)


def test_items_and_metadata_are_required_where_they_are_all_there_is(alpha: httpx.Client) -> None:
    path = made(alpha)
    for body in ({}, {"items": []}, {"items": None}):
        assert refused(alpha.post(f"{path}/items", json=body)) == (400, "invalid_value", "items")
    assert refused(alpha.post(path, json={})) == (400, "invalid_value", "metadata")
    assert alpha.post(ROOT, json={"items": None, "metadata": None}).status_code == 200


def test_an_id_that_is_taken_is_refused(alpha: httpx.Client) -> None:
    path = made(alpha, {**HELLO, "id": "msg_1"})
    again = alpha.post(f"{path}/items", json={"items": [HELLO, {**HELLO, "id": "msg_1"}]})
    assert refused(again) == (400, "invalid_value", "items[1].id")
    assert len(alpha.get(f"{path}/items").json()["data"]) == 1


@pytest.mark.parametrize(
    ("query", "param"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"order": "up"}, "order"),
        ({"after": "msg_none"}, "after"),
        ({"include[]": "everything"}, "include[0]"),
        ({"include": "everything"}, "include[0]"),
    ],
)
def test_a_query_that_is_wrong_names_its_field(alpha: httpx.Client, query: dict[str, Any], param: str) -> None:
    assert refused(alpha.get(f"{made(alpha, HELLO)}/items", params=query)) == (400, "invalid_value", param)


def test_what_is_deleted_says_so(alpha: httpx.Client) -> None:
    path = made(alpha, {**HELLO, "id": "msg_1"})
    deleted = alpha.delete(path)
    assert deleted.json() == {"id": path.rpartition("/")[2], "object": "conversation.deleted", "deleted": True}
    for answer in (alpha.get(path), alpha.get(f"{path}/items"), alpha.post(f"{path}/items", json={"items": [HELLO]})):
        assert answer.status_code == 404 and "deleted" in answer.json()["error"]["message"]


def test_what_nobody_knows_of_an_item_is_ignored_and_told(alpha: httpx.Client) -> None:
    answer = alpha.post(ROOT, json={"items": [HELLO, {**HELLO, "mood": "good"}]})
    assert answer.status_code == 200 and answer.headers["X-Ignored-Fields"] == "items[1].mood"
