"""Chats with `store: true` stay, whatever way they are called, and are listed, described and deleted by their owner."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.support.servers import Stack, eventually
from tests.web.bodies import CHAT, ENDLESS, chat


def kept(text: str = "word", **more: Any) -> dict[str, Any]:
    return chat(text, store=True, **more)


def created(http: httpx.Client, **more: Any) -> dict[str, Any]:
    answer = http.post(CHAT, json=kept(**more))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def ids(http: httpx.Client, **asked: Any) -> list[str]:
    """What is listed of one test's own completions: those with its metadata."""
    answer = http.get(CHAT, params=asked)
    assert answer.status_code == 200, answer.text
    return [one["id"] for one in answer.json()["data"]]


def refused(answer: httpx.Response) -> tuple[int, str, str | None]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["param"]


def test_what_is_stored_is_the_answer_with_its_metadata(http: httpx.Client) -> None:
    answer = created(http, n=2, logprobs=True, metadata={"a": "b"})
    shown = http.get(f"{CHAT}/{answer['id']}")
    assert shown.status_code == 200 and shown.json() == {**answer, "metadata": {"a": "b"}}
    assert created(http)["id"] not in (answer["id"],) and http.get(f"{CHAT}/chatcmpl-none").status_code == 404


def by_waiting(http: httpx.Client, body: dict[str, Any]) -> str:
    return str(http.post(CHAT, json=body).json()["id"])


def by_streaming(http: httpx.Client, body: dict[str, Any]) -> str:
    frames = http.post(CHAT, json={**body, "stream": True}).text.split("\n\n")
    return str(json.loads(frames[0].removeprefix("data: "))["id"])


def by_polling(http: httpx.Client, body: dict[str, Any]) -> str:
    return "chatcmpl-" + str(http.post(CHAT, json=body, headers={"Prefer": "respond-async"}).json()["id"])[4:]


def by_a_job(http: httpx.Client, body: dict[str, Any]) -> str:
    answer = http.post("/v1/jobs", json={"url": CHAT, "body": body, "metadata": {"of": "the job"}})
    return "chatcmpl-" + str(answer.json()["id"])[4:]


def by_a_batch(http: httpx.Client, body: dict[str, Any]) -> str:
    line = json.dumps({"custom_id": "a", "method": "POST", "url": CHAT, "body": body})
    file = http.post("/v1/files", data={"purpose": "batch"}, files={"file": ("a.jsonl", line)}).json()["id"]
    asked = {"input_file_id": file, "endpoint": CHAT, "completion_window": "24h"}
    batch = http.post("/v1/batches", json=asked).json()["id"]
    done = eventually(lambda: http.get(f"/v1/batches/{batch}").json()["output_file_id"])
    return str(json.loads(http.get(f"/v1/files/{done}/content").text)["response"]["body"]["id"])


def by_leaving(http: httpx.Client, body: dict[str, Any]) -> str:
    """A stream whose client goes away in the middle of it, and that runs on."""
    headers = {"X-On-Disconnect": "continue"}
    with http.stream("POST", CHAT, json={**body, "stream": True, "max_tokens": 30}, headers=headers) as stream:
        frame = next(line for line in stream.iter_lines() if line.startswith("data: "))
    return str(json.loads(frame.removeprefix("data: "))["id"])


@pytest.mark.parametrize("call", [by_waiting, by_streaming, by_polling, by_a_job, by_a_batch, by_leaving])
def test_it_is_stored_whatever_way_it_is_called(
    http: httpx.Client, call: Callable[[httpx.Client, dict[str, Any]], str]
) -> None:
    found = call(http, kept("here", metadata={"by": call.__name__}))
    shown = eventually(lambda: (answer := http.get(f"{CHAT}/{found}")).status_code == 200 and answer.json())
    assert shown["id"] == found and shown["metadata"] == {"by": call.__name__}
    assert shown["choices"][0]["message"]["content"].startswith("here1 here2 here3 ")
    (message,) = http.get(f"{CHAT}/{found}/messages").json()["data"]
    assert message["content"] == "here"


def test_what_is_not_asked_for_or_does_not_succeed_is_not_stored(http: httpx.Client, fake_stack: Stack) -> None:
    run = {"run": uuid4().hex}
    for body in (chat(metadata=run), chat(store=False, metadata=run), kept("fail", metadata=run)):
        http.post(CHAT, json=body)
    job = http.post(CHAT, json=kept(tokens=ENDLESS, metadata=run), headers={"Prefer": "respond-async"}).json()["id"]
    assert http.post(f"/v1/jobs/{job}/cancel").status_code == 200
    assert ids(http, **{"metadata[run]": run["run"]}) == []


def test_they_are_listed_by_page_order_model_and_metadata(http: httpx.Client) -> None:
    run = uuid4().hex
    made = [created(http, metadata={"run": run, "at": str(at % 2)})["id"] for at in range(4)]
    mine = {"metadata[run]": run}
    assert ids(http, **mine) == made and ids(http, **mine, order="desc") == made[::-1]
    page = http.get(CHAT, params={**mine, "limit": 3}).json()
    assert [page[name] for name in ("object", "first_id", "last_id", "has_more")] == ["list", made[0], made[2], True]
    assert ids(http, **mine, after=made[2]) == made[3:]
    assert ids(http, **mine, **{"metadata[at]": "1"}) == made[1::2]
    assert ids(http, **mine, model="fake") == made and ids(http, **mine, model="small") == []


def test_its_messages_are_those_that_were_sent(http: httpx.Client) -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    sent = [
        {"role": "developer", "content": "Be brief.", "name": "boss"},
        {"role": "user", "content": [{"type": "text", "text": "What "}, {"type": "text", "text": "is it?"}]},
        {"role": "assistant", "content": None, "tool_calls": [{**call, "type": None}], "reasoning_content": "hm"},
        {"role": "tool", "content": "a cat", "tool_call_id": "call_1"},
        {"role": "assistant", "refusal": "no"},
        {"role": "user", "content": "word"},
    ]
    found = created(http, messages=sent)["id"]
    listed = http.get(f"{CHAT}/{found}/messages").json()
    none = {"content_parts": None, "refusal": None}
    assert listed["data"] == [
        {"id": f"{found}-0", "role": "developer", "content": "Be brief.", **none, "name": "boss"},
        {"id": f"{found}-1", **sent[1], "content": "What is it?", "content_parts": sent[1]["content"], "refusal": None},
        {**none, "id": f"{found}-2", **sent[2], "tool_calls": [call]},
        {**none, "id": f"{found}-3", **sent[3]},
        {**none, "id": f"{found}-4", "content": None, **sent[4]},
        {**none, "id": f"{found}-5", **sent[5]},
    ]

    def page(**asked: Any) -> tuple[list[str], bool]:
        answer = http.get(f"{CHAT}/{found}/messages", params=asked).json()
        return [message["id"].removeprefix(f"{found}-") for message in answer["data"]], answer["has_more"]

    assert page(limit=2) == (["0", "1"], True) and page(limit=2, after=f"{found}-3") == (["4", "5"], False)
    assert page(order="desc", limit=2) == (["5", "4"], True)
    assert page(order="desc", after=f"{found}-1") == (["0"], False)


def test_pictures_are_shown_as_they_were_sent() -> None:
    from web.render.text.stored_completions import messages

    picture = {"type": "image_url", "image_url": {"url": "https://example.com/cat.png", "detail": "low"}}
    plain = {"type": "image_url", "image_url": "data:image/png;base64,AA=="}
    sound = {"type": "input_audio", "input_audio": {"data": "AA==", "format": "wav"}}
    sent = [{"role": "user", "content": [picture, {"type": "text", "text": "Look."}, plain, sound]}]
    (shown,) = messages(sent, [{"role": "user"}])
    assert shown["content"] == "Look."
    assert shown["content_parts"] == [
        picture,
        {"type": "text", "text": "Look."},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
    ]


def test_its_metadata_is_replaced_and_it_is_deleted(http: httpx.Client) -> None:
    answer = created(http, metadata={"a": "b"})
    path = f"{CHAT}/{answer['id']}"
    assert http.post(path, json={"metadata": {"c": "d"}}).json() == {**answer, "metadata": {"c": "d"}}
    assert http.get(path).json()["metadata"] == {"c": "d"}
    assert http.post(path, json={"metadata": None}).json()["metadata"] == {}
    assert http.delete(path).json() == {"id": answer["id"], "object": "chat.completion.deleted", "deleted": True}
    answers = [http.get(path), http.get(f"{path}/messages"), http.post(path, json={"metadata": {}}), http.delete(path)]
    assert {(one.status_code, one.json()["error"]["code"]) for one in answers} == {(404, "not_found")}


@pytest.mark.parametrize(
    ("metadata", "param"),
    [
        ({"a": 1}, "metadata.a"),
        ({"a" * 65: "b"}, f"metadata.{'a' * 65}"),
        ({"a": "b" * 513}, "metadata.a"),
        ({str(at): "b" for at in range(17)}, "metadata"),
        ("a", "metadata"),
        ([], "metadata"),
    ],
)
def test_metadata_that_cannot_be_stored_names_its_field(http: httpx.Client, metadata: Any, param: str) -> None:
    assert refused(http.post(CHAT, json=kept(metadata=metadata))) == (400, "invalid_value", param)
    found = created(http)["id"]
    assert refused(http.post(f"{CHAT}/{found}", json={"metadata": metadata})) == (400, "invalid_value", param)


@pytest.mark.parametrize(
    ("path", "query", "param"),
    [
        (CHAT, {"limit": "0"}, "limit"),
        (CHAT, {"limit": "101"}, "limit"),
        (CHAT, {"order": "up"}, "order"),
        (CHAT, {"metadata": "a"}, "metadata"),
        (f"{CHAT}/{{id}}/messages", {"limit": "x"}, "limit"),
        (f"{CHAT}/{{id}}/messages", {"after": "x"}, "after"),
    ],
)
def test_a_query_that_is_wrong_names_its_field(http: httpx.Client, path: str, query: Any, param: str) -> None:
    at = path.format(id=created(http)["id"])
    assert refused(http.get(at, params=query)) == (400, "invalid_value", param)


def test_what_is_wrong_with_a_body_names_its_field(http: httpx.Client) -> None:
    found = created(http)["id"]
    assert refused(http.post(f"{CHAT}/{found}", json={})) == (400, "invalid_value", "metadata")
    assert refused(http.post(CHAT, json=kept() | {"store": "yes"})) == (400, "invalid_value", "store")
