"""Responses over HTTP, with the fake engine."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from tasks.redis import store as stores
from tests.support.servers import Stack, eventually
from tests.web.api.jobs.test_batches import request, run, told
from tests.web.bodies import ENDLESS

URL = "/v1/responses"
LOOK = {"type": "function", "name": "look", "parameters": {"type": "object", "properties": {}}}
ENDED = ("completed", "incomplete", "failed", "cancelled")


def asks(text: Any = "word", tokens: int = 3, **more: Any) -> dict[str, Any]:
    return {"model": "fake", "input": text, "max_output_tokens": tokens, **more}


def made(http: httpx.Client, *args: Any, **more: Any) -> dict[str, Any]:
    answer = http.post(URL, json=asks(*args, **more))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def refused(http: httpx.Client, *args: Any, **more: Any) -> tuple[int, str, str | None]:
    answer = http.post(URL, json=asks(*args, **more))
    error = answer.json()["error"]
    return answer.status_code, error["message"], error["param"]


def said(response: dict[str, Any]) -> str:
    return "".join(part["text"] for item in response["output"] if item["type"] == "message" for part in item["content"])


def events(text: str) -> list[dict[str, Any]]:
    """A stream's events, each under the name of its type."""
    *frames, done = [frame for frame in text.strip().split("\n\n") if not frame.startswith(":")]
    assert done == "data: [DONE]"
    found = []
    for frame in frames:
        name, _, data = frame.partition("\n")
        found.append(json.loads(data.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    return found


def ended(http: httpx.Client, response_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = http.get(f"{URL}/{response_id}").json()
        return found if found["status"] in ENDED else None

    return dict(eventually(look))


def prompt(http: httpx.Client, **asked: Any) -> int:
    """How many tokens a model would read; the fake one's are the bytes of all turns and tools."""
    answer = http.post(f"{URL}/input_tokens", json={"model": "fake", **asked})
    assert answer.status_code == 200 and answer.json()["object"] == "response.input_tokens", answer.text
    return int(answer.json()["input_tokens"])


def test_a_response_is_answered_kept_and_read_again(http: httpx.Client) -> None:
    response = made(http, metadata={"run": "1"})
    assert (response["status"], response["incomplete_details"]) == ("incomplete", {"reason": "max_output_tokens"})
    assert said(response) == "word1 word2 word3 " and response["usage"]["output_tokens"] == 3
    assert http.get(f"{URL}/{response['id']}").json() == response
    job = http.get(f"/v1/jobs/{response['id'].replace('resp_', 'job_')}").json()
    assert (job["endpoint"], job["metadata"], job["status"]) == (URL, {"run": "1"}, "succeeded")
    assert http.get(f"/v1/jobs/{job['id']}/result").json() == response


def test_a_stream_tells_the_same_response(http: httpx.Client) -> None:
    body = asks(stream=True, tools=[LOOK], tool_choice="required", reasoning={"max_tokens": 2, "summary": "auto"})
    stream = events(http.post(URL, json=body).text)
    response = stream[-1]["response"]
    assert stream[-1]["type"] == "response.completed"
    assert [item["type"] for item in response["output"]] == ["reasoning", "function_call"]
    assert http.get(f"{URL}/{response['id']}").json() == response
    again = events(http.get(f"{URL}/{response['id']}", params={"stream": "true"}).text)
    assert again == stream
    later = events(http.get(f"{URL}/{response['id']}", params={"stream": "true", "starting_after": 4}).text)
    assert later == stream[5:]


def test_the_events_of_a_response_outlive_their_stream(http: httpx.Client, fake_stack: Stack) -> None:
    stream = events(http.post(URL, json=asks("many", 60, stream=True)).text)
    response_id = stream[-1]["response"]["id"]
    store = stores.connect(fake_stack.settings)
    store.redis.delete(store.keys.events(response_id.replace("resp_", "job_")))
    store.redis.close()
    assert events(http.get(f"{URL}/{response_id}?stream=true").text) == stream


def test_a_response_that_goes_on_reads_what_was_said_before(http: httpx.Client) -> None:
    first = made(http, "one", instructions="Be brief.")
    second = made(http, "two", previous_response_id=first["id"])
    assert second["previous_response_id"] == first["id"] and said(second) == "two1 two2 two3 "
    # No instructions of the first; a turn is a line with its role.
    turns = ["user: one", f"assistant: {said(first)}", "user: two", f"assistant: {said(second)}", "user: three"]
    expected = len("".join(f"{turn}\n" for turn in turns))
    assert prompt(http, input="three", previous_response_id=second["id"]) == expected
    assert prompt(http, previous_response_id=second["id"], instructions="hm") == expected + len("system: hm\n") - len(
        "user: three\n"
    )


def test_a_call_and_its_result_are_a_turn_each(http: httpx.Client) -> None:
    first = made(http, tools=[LOOK], tool_choice="required")
    (call,) = first["output"]
    assert (call["type"], call["name"], call["arguments"], call["status"]) == (
        "function_call", "look", "{}", "completed"
    )  # fmt: skip
    output = {"type": "function_call_output", "call_id": call["call_id"], "output": "a hat"}
    second = made(http, [output], previous_response_id=first["id"])
    assert said(second) == "a1 a2 a3 "
    assert said(made(http, [{"role": "user", "content": "word"}, call, output])) == "a1 a2 a3 "
    assert said(made(http, [{"role": "user", "content": "word"}, {"id": call["id"]}, output])) == "a1 a2 a3 "


def test_what_is_gone_is_named(http: httpx.Client) -> None:
    gone = made(http, store=False)["id"]
    assert http.get(f"{URL}/{gone}").status_code == 404
    code, message, param = refused(http, previous_response_id=gone)
    assert (code, param) == (400, "previous_response_id") and f"no response '{gone}'" in message
    first = made(http)["id"]
    second = made(http, previous_response_id=first)["id"]
    assert http.delete(f"{URL}/{first}").json() == {"id": first, "object": "response", "deleted": True}
    assert http.get(f"{URL}/{first}").status_code == http.delete(f"{URL}/{first}").status_code == 404
    code, message, param = refused(http, previous_response_id=second)
    assert (code, param) == (400, "previous_response_id") and f"no response '{first}'" in message
    assert http.get(f"{URL}/{second}").status_code == 200
    assert refused(http, [{"type": "item_reference", "id": "msg_none"}])[::2] == (400, "input[0].id")


@pytest.mark.parametrize("path", ["resp_none", "job_none", "resp_" + "0" * 32, "0"])
def test_what_never_was_is_not_found(http: httpx.Client, path: str) -> None:
    for answer in (
        http.get(f"{URL}/{path}"),
        http.delete(f"{URL}/{path}"),
        http.post(f"{URL}/{path}/cancel"),
        http.get(f"{URL}/{path}/input_items"),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


def test_a_chat_is_no_response(http: httpx.Client) -> None:
    chat = http.post("/v1/chat/completions", json={"model": "fake", "messages": [{"role": "user", "content": "a"}]})
    assert http.get(f"{URL}/{chat.headers['X-Job-ID'].replace('job_', 'resp_')}").status_code == 404


def test_input_items_are_listed_in_pages(http: httpx.Client) -> None:
    items = [{"role": "user", "content": str(number)} for number in range(5)]
    response = made(http, [*items, {"role": "user", "content": "word", "id": "msg_mine"}])["id"]
    newest = http.get(f"{URL}/{response}/input_items", params={"limit": 2}).json()
    assert [item["content"][0]["text"] for item in newest["data"]] == ["word", "4"]
    assert (newest["first_id"], newest["has_more"]) == ("msg_mine", True)
    rest = http.get(f"{URL}/{response}/input_items", params={"after": newest["last_id"], "limit": 9}).json()
    assert [item["content"][0]["text"] for item in rest["data"]] == ["3", "2", "1", "0"] and not rest["has_more"]
    ordered = http.get(f"{URL}/{response}/input_items", params={"order": "asc"}).json()["data"]
    assert ordered == [*reversed(rest["data"]), *reversed(newest["data"])]
    assert all((item["type"], item["status"]) == ("message", "completed") for item in ordered)
    for query, name in ({"limit": 0}, "limit"), ({"order": "up"}, "order"), ({"after": "msg_none"}, "after"):
        wrong = http.get(f"{URL}/{response}/input_items", params=query)
        assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, name)


def test_a_response_in_the_background_is_queued_made_and_kept(http: httpx.Client) -> None:
    queued = made(http, background=True)
    assert queued["status"] in ("queued", "in_progress") and queued["output"] == [] and queued["background"] is True
    response = ended(http, queued["id"])
    assert said(response) == "word1 word2 word3 " and response["created_at"] == queued["created_at"]
    listed = http.get("/v1/jobs", params={"endpoint": URL}).json()["data"]
    assert queued["id"].replace("resp_", "job_") in [job["id"] for job in listed]


def test_a_response_in_the_background_is_followed_while_it_is_made(http: httpx.Client) -> None:
    with http.stream("POST", URL, json=asks("far", 200, background=True, stream=True)) as stream:
        lines = stream.iter_lines()
        data = (json.loads(line[6:]) for line in lines if line.startswith("data: "))
        first = [next(data) for _ in range(40)]
    assert [event["type"] for event in first[:3]] == ["response.created", "response.queued", "response.in_progress"]
    response_id = first[0]["response"]["id"]
    rest = events(http.get(f"{URL}/{response_id}", params={"stream": "true", "starting_after": 39}).text)
    assert [event["sequence_number"] for event in (*first, *rest)] == list(range(len(first) + len(rest)))
    deltas = [event["delta"] for event in (*first, *rest) if event["type"] == "response.output_text.delta"]
    assert "".join(deltas) == said(rest[-1]["response"]) == said(ended(http, response_id))


def test_cancelling_ends_what_is_made_in_the_background_and_is_idempotent(http: httpx.Client) -> None:
    running = made(http, "far", ENDLESS, background=True)["id"]
    eventually(lambda: http.get(f"{URL}/{running}").json()["status"] == "in_progress")
    assert http.delete(f"{URL}/{running}").status_code == 409
    _, message, param = refused(http, previous_response_id=running)
    assert "in_progress" in message and param == "previous_response_id"
    cancelled = http.post(f"{URL}/{running}/cancel").json()
    assert (cancelled["status"], cancelled["output"], cancelled["error"]) == ("cancelled", [], None)
    assert http.post(f"{URL}/{running}/cancel").json() == http.get(f"{URL}/{running}").json() == cancelled
    told_ = events(http.get(f"{URL}/{running}?stream=true").text)
    assert told_[-1]["type"] == "response.failed" and told_[-1]["response"] == cancelled
    whole = made(http)["id"]
    wrong = http.post(f"{URL}/{whole}/cancel")
    assert wrong.status_code == 400 and "background" in wrong.json()["error"]["message"]
    done = made(http, background=True)["id"]
    assert http.post(f"{URL}/{done}/cancel").json()["status"] in ("cancelled", "incomplete")


def test_a_failure_is_an_error_of_its_call_and_a_response_of_a_stream(http: httpx.Client) -> None:
    failed = http.post(URL, json=asks("fail"))
    assert (failed.status_code, failed.json()["error"]["code"]) == (500, "engine_error")
    later = ended(http, made(http, "fail", background=True)["id"])
    assert later["status"] == "failed"
    assert later["error"] == {"code": "server_error", "message": "the prompt asks to fail"}
    told_ = events(http.get(f"{URL}/{later['id']}?stream=true").text)
    assert [event["type"] for event in told_] == [
        "response.created", "response.queued", "response.in_progress", "response.failed"
    ]  # fmt: skip


def test_a_response_is_its_owner_s_alone(http: httpx.Client, fake_stack: Stack) -> None:
    response = made(http)["id"]
    store = stores.connect(fake_stack.settings)
    assert store.redis.hget(store.keys.job(response.replace("resp_", "job_")), "owner") == b"anonymous"
    store.redis.close()


def test_what_a_record_keeps_in_redis_is_small(http: httpx.Client, fake_stack: Stack) -> None:
    long = "word " * 20_000
    response = made(http, long, 400, instructions=long, tools=[{**LOOK, "description": "d" * 5000}])
    store = stores.connect(fake_stack.settings)
    key = store.keys.job(response["id"].replace("resp_", "job_"))
    held = store.redis.hgetall(key)
    assert sum(len(name) + len(value) for name, value in held.items()) < 8192
    blobs = store.redis.keys(store.keys.blob("*"))
    assert http.get(f"{URL}/{response['id']}").json() == response
    assert said(made(http, "on", previous_response_id=response["id"])) == "on1 on2 on3 "
    ttl = int(held[b"expires"]) - int(held[b"finished"])
    assert ttl == 30 * 86_400_000
    http.delete(f"{URL}/{response['id']}")
    assert store.redis.hgetall(key) == {} and len(store.redis.keys(store.keys.blob("*"))) < len(blobs)
    store.redis.close()


def test_a_conversation_is_compacted_and_goes_on(http: httpx.Client) -> None:
    first = made(http, "one")
    body = {"model": "fake", "input": [{"role": "user", "content": "two"}], "previous_response_id": first["id"]}
    compacted = http.post(f"{URL}/compact", json=body)
    assert compacted.status_code == 200 and compacted.json()["object"] == "response.compaction", compacted.text
    (item,) = compacted.json()["output"]
    assert item["type"] == "compaction"
    turns = f"user: one\nassistant: {said(first)}\nuser: two\nuser: three\n"
    assert prompt(http, input=[item, {"role": "user", "content": "three"}]) == len(turns)
    forged = {**item, "encrypted_content": "AAAA"}
    assert refused(http, [forged])[::2] == (400, "input[0].encrypted_content")


def test_thinking_that_came_sealed_is_read_again(http: httpx.Client) -> None:
    first = made(http, store=False, reasoning={"max_tokens": 2}, include=["reasoning.encrypted_content"])
    thought, message = first["output"]
    assert thought["content"] == [{"type": "reasoning_text", "text": "hm hm "}]
    back = {"type": "reasoning", "id": thought["id"], "summary": [], "encrypted_content": thought["encrypted_content"]}
    assert made(http, [back, message, {"role": "user", "content": "word"}])["status"] == "incomplete"
    foreign = {**back, "encrypted_content": "gAAAAAB"}
    assert refused(http, [foreign, message])[::2] == (400, "input[0].encrypted_content")


def test_responses_are_jobs_and_lines_of_batches(http: httpx.Client) -> None:
    job = http.post("/v1/jobs", json={"url": URL, "body": asks()}).json()["id"]
    result = eventually(lambda: http.get(f"/v1/jobs/{job}/result").json().get("output"))
    assert result[0]["content"][0]["text"] == "word1 word2 word3 "
    batch = run(http, request("a", asks("one", 2), URL), request("b", asks(""), URL), url=URL)
    assert batch["request_counts"]["total"] == 2
    line = told(http, batch["output_file_id"])["a"]["response"]["body"]
    assert said(line) == "one1 one2 " and http.get(f"{URL}/{line['id']}").status_code == 404


def test_who_leaves_a_response_that_is_not_in_the_background_cancels_it(http: httpx.Client) -> None:
    with http.stream("POST", URL, json=asks("far", ENDLESS, stream=True)) as stream:
        line = next(line for line in stream.iter_lines() if line.startswith("data: "))
    response_id = json.loads(line[6:])["response"]["id"]
    assert ended(http, response_id)["status"] == "cancelled"


def test_an_input_refers_to_items_of_its_conversation(http: httpx.Client) -> None:
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}
    items = [{"id": "msg_mine", "role": "user", "content": "one"}, {"id": "rs_mine", **thought}]
    mine, other = (http.post("/v1/conversations", json={"items": items[:count]}).json()["id"] for count in (2, 0))
    for name in ("msg_mine", "rs_mine"):
        reference = [{"type": "item_reference", "id": name}, {"role": "user", "content": "two"}]
        assert refused(http, reference)[::2] == (400, "input[0].id")
        assert refused(http, reference, conversation=other)[::2] == (400, "input[0].id")
        response = made(http, reference, conversation=mine)
        listed = http.get(f"{URL}/{response['id']}/input_items", params={"order": "asc"}).json()["data"]
        assert [item["id"] for item in listed][:1] == [name] and len(listed) == 2
    kept = http.get(f"/v1/conversations/{mine}/items", params={"order": "asc"}).json()["data"]
    assert [item["id"] for item in kept][:2] == ["msg_mine", "rs_mine"] and len(kept) == 6  # none of them twice
