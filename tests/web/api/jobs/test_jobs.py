"""Any call as a job."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tests.support.servers import eventually
from tests.web.bodies import CHAT, ENDLESS, chat

ASYNC = {"Prefer": "respond-async"}


def submit(http: httpx.Client, body: dict[str, Any] | None = None, **headers: str) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    response = http.post(CHAT, json=body or chat(), headers={**ASYNC, **named})
    assert response.status_code == 202, response.text
    return dict(response.json())


def ended(http: httpx.Client, job: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found = http.get(f"/v1/jobs/{job}").json()
        return found if found["status"] not in ("queued", "running") else None

    return dict(eventually(look))


def frames(response: httpx.Response) -> list[tuple[str, str]]:
    parts = [dict(line.split(": ", 1) for line in part.splitlines()) for part in response.text.strip().split("\n\n")]
    return [(part["id"], part["event"]) for part in parts]


def test_respond_async_gives_the_job_and_its_place(http: httpx.Client) -> None:
    response = http.post(CHAT, json=chat(), headers=ASYNC)
    job = response.json()
    assert response.status_code == 202
    assert response.headers["Location"] == f"/v1/jobs/{job['id']}" and response.headers["X-Job-ID"] == job["id"]
    assert response.headers["Preference-Applied"] == "respond-async"
    assert job["object"] == "job" and job["status"] in ("queued", "running", "succeeded")
    assert (job["endpoint"], job["model"], job["sync"]) == (CHAT, "fake", False)
    done = ended(http, job["id"])
    assert (done["status"], done["progress"], done["attempts"], done["error"]) == ("succeeded", 100, 1, None)
    assert done["usage"] == {"prompt_tokens": 4, "completion_tokens": 3}
    assert done["created_at"] <= done["started_at"] <= done["finished_at"] < done["expires_at"]


def test_wait_gives_the_answer_when_it_comes_in_time_and_else_the_job(http: httpx.Client) -> None:
    quick = http.post(CHAT, json=chat(), headers={"Prefer": "wait=10"})
    assert quick.status_code == 200 and quick.json()["object"] == "chat.completion"
    slow = http.post(CHAT, json=chat(tokens=200), headers={"Prefer": "respond-async, wait=0.1"})
    assert slow.status_code == 202 and slow.headers["Preference-Applied"] == "wait=0.1"
    assert ended(http, slow.json()["id"])["status"] == "succeeded"


def test_the_jobs_endpoint_takes_any_call(http: httpx.Client) -> None:
    body = {"url": "/v1/embeddings", "body": {"model": "fake", "input": ["a", "bb"]}, "metadata": {"set": "1"}}
    job = http.post("/v1/jobs", json=body)
    assert job.status_code == 202 and job.json()["metadata"] == {"set": "1"}
    ended(http, job.json()["id"])
    result = http.get(f"/v1/jobs/{job.json()['id']}/result").json()
    assert [item["embedding"] for item in result["data"]] == [[1.0, 1.0], [2.0, 1.0]]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"url": "/v1/nothing", "body": {}}, "url"),
        ({"url": CHAT}, "body"),
        ({"url": CHAT, "body": {**chat(), "temperature": 9}}, "body.temperature"),
        ({"url": CHAT, "body": chat(), "metadata": {"a": 1}}, "metadata.a"),
        ({"url": CHAT, "body": chat(), "metadata": {"a" * 65: "1"}}, "metadata." + "a" * 65),
        ({"url": CHAT, "body": chat(), "labell": "a"}, "labell"),
    ],
)
def test_a_job_that_cannot_be_is_told_where(http: httpx.Client, body: dict[str, Any], param: str) -> None:
    response = http.post("/v1/jobs", json=body)
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)


def test_a_job_for_a_model_that_is_not_there_is_told_where(http: httpx.Client) -> None:
    response = http.post("/v1/jobs", json={"url": CHAT, "body": chat(model="none")})
    error = response.json()["error"]
    assert (response.status_code, error["code"], error["param"]) == (404, "model_not_found", "body.model")


@pytest.mark.parametrize("more", [{}, {"stream": True, "stream_options": {"include_usage": True}}])
def test_the_result_is_the_synchronous_body_byte_for_byte(http: httpx.Client, more: dict[str, Any]) -> None:
    answer = http.post(CHAT, json=chat())
    result = http.get(f"/v1/jobs/{answer.headers['X-Job-ID']}/result")
    assert result.content == answer.content and result.headers["Content-Type"] == answer.headers["Content-Type"]
    streamed = http.post(CHAT, json=chat(**more))
    result = http.get(f"/v1/jobs/{streamed.headers['X-Job-ID']}/result")
    assert result.json()["choices"] == answer.json()["choices"]


def test_a_failed_job_s_result_is_the_error_and_its_status(http: httpx.Client) -> None:
    answer = http.post(CHAT, json=chat("refuse"))
    result = http.get(f"/v1/jobs/{answer.headers['X-Job-ID']}/result")
    assert (result.status_code, result.content) == (400, answer.content)
    assert http.get(f"/v1/jobs/{answer.headers['X-Job-ID']}").json()["error"] == answer.json()["error"]


def test_a_result_before_the_end_is_a_409_that_is_not_tried_again(http: httpx.Client) -> None:
    job = submit(http, chat(tokens=ENDLESS))
    early = http.get(f"/v1/jobs/{job['id']}/result")
    assert (early.status_code, early.json()["error"]["code"]) == (409, "job_not_finished")
    assert early.headers["x-should-retry"] == "false"
    delete = http.delete(f"/v1/jobs/{job['id']}")
    assert (delete.status_code, delete.json()["error"]["code"]) == (409, "job_conflict")


def test_events_are_followed_and_resumed(http: httpx.Client) -> None:
    job = submit(http, chat(tokens=5))["id"]
    told = frames(http.get(f"/v1/jobs/{job}/events"))
    assert [name for _, name in told] == ["started", *["delta"] * 5, "done"]
    assert [entry for entry, _ in told] == [f"1-{number}" for number in range(1, 8)]
    resumed = frames(http.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": "1-4"}))
    assert resumed == told[4:]
    assert http.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": "x"}).status_code == 400


def test_jobs_are_listed_newest_first_and_paged(http: httpx.Client) -> None:
    jobs = [submit(http)["id"] for _ in range(5)]
    for job in jobs:
        ended(http, job)
    first = http.get("/v1/jobs", params={"limit": 3}).json()
    assert [job["id"] for job in first["data"]] == jobs[:1:-1] and first["has_more"]
    second = http.get("/v1/jobs", params={"limit": 2, "after": first["last_id"]}).json()
    assert [job["id"] for job in second["data"]] == [jobs[1], jobs[0]]
    assert http.get("/v1/jobs", params={"limit": 1000}).status_code == 400


def test_the_list_is_filtered_and_shows_synchronous_calls_when_asked(http: httpx.Client) -> None:
    sync = http.post(CHAT, json=chat()).headers["X-Job-ID"]
    failed = submit(http, chat("refuse"))["id"]
    ended(http, failed)

    def ids(**params: str) -> list[str]:
        return [job["id"] for job in http.get("/v1/jobs", params={"limit": "100", **params}).json()["data"]]

    assert sync not in ids() and sync in ids(include="sync")
    assert failed in ids(status="failed") and failed not in ids(status="succeeded")
    assert failed in ids(model="fake", endpoint=CHAT) and failed not in ids(model="small")
    assert http.get("/v1/jobs", params={"status": "sleeping"}).json()["error"]["param"] == "status"


def test_a_cancelled_job_ends_at_once_and_frees_its_row(http: httpx.Client) -> None:
    running = submit(http, chat(tokens=5000, model="small"))["id"]
    eventually(lambda: http.get(f"/v1/jobs/{running}").json()["status"] == "running")
    waiting = submit(http, chat(model="small"))["id"]
    assert http.get(f"/v1/jobs/{waiting}").json()["queue_position"] == 0
    never = submit(http, chat(model="small"))["id"]
    for job in (never, running):
        assert http.post(f"/v1/jobs/{job}/cancel").json()["status"] == "cancelled"
    assert ended(http, waiting)["status"] == "succeeded"
    assert http.get(f"/v1/jobs/{never}").json()["started_at"] is None
    again = http.post(f"/v1/jobs/{never}/cancel")
    assert (again.status_code, again.headers["x-should-retry"]) == (409, "false")
    assert http.get(f"/v1/jobs/{never}/result").json()["error"]["code"] == "job_cancelled"


def test_a_deleted_job_is_gone_with_its_result(http: httpx.Client) -> None:
    job = submit(http)["id"]
    ended(http, job)
    assert http.delete(f"/v1/jobs/{job}").json() == {"id": job, "object": "job.deleted", "deleted": True}
    assert {http.get(f"/v1/jobs/{job}{path}").status_code for path in ("", "/result", "/events")} == {404}


def test_an_idempotency_key_joins_the_same_call_and_refuses_another(http: httpx.Client) -> None:
    key = f"key-{time.time_ns()}"
    first = submit(http, Idempotency_Key=key)["id"]
    assert submit(http, Idempotency_Key=key)["id"] == first
    joined = http.post(CHAT, json=chat(), headers={"Idempotency-Key": key})
    assert joined.headers["X-Job-ID"] == first and joined.json()["choices"][0]["message"]["content"]
    reordered = dict(reversed(list(chat().items())))
    assert submit(http, reordered, Idempotency_Key=key)["id"] == first
    other = http.post(CHAT, json=chat("another"), headers={"Idempotency-Key": key})
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_key_reused")
    found = http.get("/v1/jobs", params={"idempotency_key": key}).json()["data"]
    assert [job["id"] for job in found] == [first]


def test_calls_with_one_key_at_the_same_time_are_one_job(http: httpx.Client) -> None:
    headers = {"Idempotency-Key": f"key-{time.time_ns()}"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: http.post(CHAT, json=chat(tokens=20), headers=headers), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.headers["X-Job-ID"] for answer in answers}) == 1
    assert len({answer.content for answer in answers}) == 1


def test_a_deadline_ends_a_call_a_stream_and_a_job(http: httpx.Client) -> None:
    late = {"X-Request-Timeout": "0.3"}
    answer = http.post(CHAT, json=chat(tokens=5000), headers=late)
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline_exceeded")
    stream = http.post(CHAT, json=chat(tokens=5000, stream=True), headers=late)
    assert stream.status_code == 200 and "deadline_exceeded" in stream.text.splitlines()[-4]
    job = submit(http, chat(tokens=5000), X_Request_Timeout="0.3")["id"]
    assert ended(http, job)["status"] == "expired"
    assert http.post(CHAT, json=chat(), headers={"X-Request-Timeout": "soon"}).status_code == 400


def test_request_ids_are_echoed_or_made_and_in_both_logs(http: httpx.Client, fake_stack: Any) -> None:
    given = f"trace-{time.time_ns()}"
    assert http.post(CHAT, json=chat(), headers={"X-Request-ID": given}).headers["X-Request-ID"] == given
    made = http.get("/health", headers={"X-Request-ID": "bad\tid"}).headers["X-Request-ID"]
    assert made.startswith("req_")
    eventually(lambda: fake_stack.web.log(given) and fake_stack.supervisor.log(given))
