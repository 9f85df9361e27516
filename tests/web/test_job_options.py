"""How a call says when it is cancelled, how long it is kept, what goes before it, and how it is found again."""

from __future__ import annotations

import time
from typing import Any

import httpx
import pytest

from tests.support.servers import eventually
from tests.web.api.jobs.test_jobs import ended, submit
from tests.web.bodies import CHAT, chat


def create(http: httpx.Client, body: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    response = http.post("/v1/jobs", json={"url": CHAT, "body": body or chat(), **fields})
    assert response.status_code == 202, response.text
    return dict(response.json())


def found(http: httpx.Client, **params: Any) -> list[str]:
    response = http.get("/v1/jobs", params={"limit": 100, **params})
    assert response.status_code == 200, response.text
    return [job["id"] for job in response.json()["data"]]


def test_cancel_after_cancels_what_has_not_ended_by_then(http: httpx.Client) -> None:
    job = submit(http, chat(tokens=5000), Cancel_After="0.3s")["id"]
    done = ended(http, job)
    assert done["status"] == "cancelled" and done["deadline_at"] - done["created_at"] <= 1
    assert "cancel_after" in http.get(f"/v1/jobs/{job}/result").json()["error"]["message"]
    answer = http.post(CHAT, json=chat(tokens=5000), headers={"Cancel-After": "0.3"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "job_cancelled")
    assert ended(http, submit(http, Cancel_After="10m")["id"])["status"] == "succeeded"


def test_the_earlier_of_two_limits_holds(http: httpx.Client) -> None:
    first = submit(http, chat(tokens=5000), Cancel_After="1h", X_Request_Timeout="0.3")["id"]
    assert ended(http, first)["status"] == "expired"
    second = submit(http, chat(tokens=5000), Cancel_After="0.3", X_Request_Timeout="60")["id"]
    assert ended(http, second)["status"] == "cancelled"


def test_a_result_is_kept_as_long_as_its_call_asks(http: httpx.Client) -> None:
    for job in (submit(http, X_Result_TTL="7200"), create(http, ttl=7200)):
        done = ended(http, job["id"])
        assert done["expires_at"] - done["finished_at"] in (7200, 7201)
    sync = http.post(CHAT, json=chat(), headers={"X-Result-TTL": "1"}).headers["X-Job-ID"]
    eventually(lambda: http.get(f"/v1/jobs/{sync}").status_code == 404)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Cancel-After", "soon"),
        ("Cancel-After", "0s"),
        ("Cancel-After", "1d"),
        ("Cancel-After", "9999h"),
        ("X-Result-TTL", "0"),
        ("X-Result-TTL", "1.5"),
        ("X-Result-TTL", str(31 * 86_400)),
        ("X-Priority", "11"),
        ("X-Priority", "high"),
    ],
)
def test_a_header_that_cannot_be_read_is_named(http: httpx.Client, header: str, value: str) -> None:
    response = http.post(CHAT, json=chat(), headers={header: value})
    assert (response.status_code, response.json()["error"]["param"]) == (400, header)


@pytest.mark.parametrize(
    ("field", "value", "param"),
    [
        ("ttl", 0, "ttl"),
        ("ttl", 31 * 86_400, "ttl"),
        ("priority", 11, "priority"),
        ("priority", "1", "priority"),
        ("labels", "night", "labels"),
        ("labels", [""], "labels[0]"),
        ("labels", ["x" * 65], "labels[0]"),
        ("labels", ["x"] * 17, "labels"),
    ],
)
def test_a_field_that_cannot_be_is_named(http: httpx.Client, field: str, value: object, param: str) -> None:
    response = http.post("/v1/jobs", json={"url": CHAT, "body": chat(), field: value})
    assert (response.status_code, response.json()["error"]["param"]) == (400, param)


def test_jobs_are_found_by_label_metadata_and_creation(http: httpx.Client) -> None:
    run = str(time.time_ns())
    one = create(http, labels=["night", run], metadata={"run": run, "team": "a"})
    two = create(http, labels=[run], metadata={"run": run, "team": "b"})
    assert (one["labels"], one["priority"], one["webhook"]) == (["night", run], 0, None)
    assert found(http, label=run) == [two["id"], one["id"]]
    assert found(http, label=[run, "night"]) == [one["id"]]
    assert found(http, **{"metadata[run]": run, "metadata[team]": "b"}) == [two["id"]]
    created = one["created_at"]
    assert set(found(http, label=run, created_after=created)) == {one["id"], two["id"]}
    assert found(http, label=run, created_before=created) == []
    assert found(http, label=run, created_after=created + 60) == []
    ended(http, one["id"])
    assert one["id"] in found(http, label=run, status="succeeded", model="fake", endpoint=CHAT)
    for params, param in (({"created_after": "today"}, "created_after"), ({"metadata[]": "x"}, "metadata.")):
        response = http.get("/v1/jobs", params=params)
        assert (response.status_code, response.json()["error"]["param"]) == (400, param)


def test_a_job_of_higher_priority_goes_before_its_lane(http: httpx.Client) -> None:
    running = submit(http, chat(tokens=5000, model="small"))["id"]
    eventually(lambda: http.get(f"/v1/jobs/{running}").json()["status"] == "running")
    plain = submit(http, chat(model="small"))
    urgent = submit(http, chat(model="small"), X_Priority="5")
    first = create(http, chat(model="small"), priority=10)
    assert (plain["priority"], urgent["priority"], first["priority"]) == (0, 5, 10)
    places = {job["id"]: http.get(f"/v1/jobs/{job['id']}").json()["queue_position"] for job in (first, urgent, plain)}
    assert list(places.values()) == [0, 1, 2]
    http.post(f"/v1/jobs/{running}/cancel")
    done = [ended(http, job["id"]) for job in (first, urgent, plain)]
    assert all(job["status"] == "succeeded" for job in done)
