"""Batches over HTTP, with the fake engine."""

from __future__ import annotations

import json
import time
from typing import Any

import httpx
import pytest

from tests.support.servers import PATIENCE, Stack, eventually, running
from tests.web.bodies import CHAT, chat

ENDED = ("completed", "failed", "expired", "cancelled")


def request(custom_id: str, body: dict[str, Any] | None = None, url: str = CHAT) -> dict[str, Any]:
    return {"custom_id": custom_id, "method": "POST", "url": url, "body": body or chat(custom_id)}


def upload(http: httpx.Client, *lines: Any, purpose: str = "batch") -> str:
    data = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    answer = http.post("/v1/files", files={"file": ("in.jsonl", data)}, data={"purpose": purpose})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def create(http: httpx.Client, file: str, url: str = CHAT, **more: Any) -> httpx.Response:
    body = {"input_file_id": file, "endpoint": url, "completion_window": "24h", **more}
    return http.post("/v1/batches", json=body)


def run(http: httpx.Client, *lines: Any, url: str = CHAT, **more: Any) -> dict[str, Any]:
    made = create(http, upload(http, *lines), url, **more)
    assert made.status_code == 200, made.text
    return ended(http, made.json()["id"])


def ended(http: httpx.Client, batch: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = http.get(f"/v1/batches/{batch}").json()
        return found if found["status"] in ENDED else None

    found: dict[str, Any] = eventually(look)
    return found


def told(http: httpx.Client, file: str | None) -> dict[str, dict[str, Any]]:
    if file is None:
        return {}
    lines = [json.loads(line) for line in http.get(f"/v1/files/{file}/content").text.splitlines()]
    found = {line["custom_id"]: line for line in lines}
    assert len(found) == len(lines)
    return found


def test_a_batch_answers_as_its_endpoint_does(http: httpx.Client) -> None:
    batch = run(http, request("a", chat("one", 2)), request("b", chat("two", 3, "small")), metadata={"k": "v"})
    assert (batch["status"], batch["request_counts"]) == ("completed", {"total": 2, "completed": 2, "failed": 0})
    assert batch["error_file_id"] is None and batch["model"] is None and batch["metadata"] == {"k": "v"}
    lines = told(http, batch["output_file_id"])
    assert set(lines) == {"a", "b"}
    line = lines["a"]
    assert set(line) == {"id", "custom_id", "response", "error"} and line["error"] is None
    assert line["id"].startswith("batch_req_") and line["response"]["status_code"] == 200
    direct = http.post(CHAT, json=chat("one", 2)).json()
    same = {"id": "", "created": 0}
    assert {**line["response"]["body"], **same} == {**direct, **same}
    assert batch["usage"] == {
        "input_tokens": 6, "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": 5, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 11,
    }  # fmt: skip
    file = http.get(f"/v1/files/{batch['output_file_id']}").json()
    assert file["purpose"] == "batch_output" and file["expires_at"] - file["created_at"] == 30 * 86_400
    assert http.get("/v1/jobs", params={"include": "batch", "limit": 100}).status_code == 200


def test_usage_tells_what_was_spent_on_thinking(http: httpx.Client) -> None:
    batch = run(http, request("a", chat(thinking_budget=4)), request("b", chat(thinking_budget=2)))
    assert batch["usage"]["output_tokens_details"] == {"reasoning_tokens": 6}
    assert batch["usage"]["output_tokens"] == 3 + 4 + 3 + 2


def test_a_line_that_its_endpoint_refuses_has_the_error_of_http(http: httpx.Client) -> None:
    bodies = {
        "value": {**chat(), "temperature": 9},
        "field": {**chat(), "temprature": 1},
        "model": chat(model="none"),
        "engine": chat("refuse"),
        "failed": chat("fail"),
    }
    batch = run(http, request("good"), *(request(name, body) for name, body in bodies.items()))
    assert batch["request_counts"] == {"total": 6, "completed": 1, "failed": 5}
    errors = told(http, batch["error_file_id"])
    assert set(errors) == set(bodies)
    for name, body in bodies.items():
        direct = http.post(CHAT, json=body)
        response = errors[name]["response"]
        assert (response["status_code"], response["body"]) == (direct.status_code, direct.json())
        assert errors[name]["error"] is None


def test_other_endpoints_are_batchable_without_a_word_about_them(http: httpx.Client) -> None:
    vectors = run(http, request("e", {"model": "fake", "input": "text"}, "/v1/embeddings"), url="/v1/embeddings")
    assert told(http, vectors["output_file_id"])["e"]["response"]["body"]["object"] == "list"
    tokens = run(http, request("t", {"model": "fake", "prompt": "hi"}, "/v1/tokenize"), url="/v1/tokenize")
    assert told(http, tokens["output_file_id"])["t"]["response"]["body"]["count"] == 2


def test_a_file_that_is_not_in_order_fails_before_anything_runs(http: httpx.Client) -> None:
    batch = run(http, request("a"), "{", request("a"), {**request("b"), "url": "/v1/embeddings"})
    assert batch["status"] == "failed" and batch["failed_at"] and batch["in_progress_at"] is None
    assert batch["request_counts"]["total"] == 0 and batch["output_file_id"] is None
    assert batch["errors"]["object"] == "list"
    told_of = [(one["code"], one["line"], one["param"]) for one in batch["errors"]["data"]]
    assert told_of == [
        ("invalid_json_line", 2, None),
        ("duplicate_custom_id", 3, "custom_id"),
        ("url_mismatch", 4, "url"),
    ]


def test_what_cannot_be_a_batch_names_its_field(http: httpx.Client) -> None:
    file, other = upload(http, request("a")), upload(http, request("a"), purpose="user_data")

    def param(answer: httpx.Response) -> str:
        assert answer.status_code == 400
        return str(answer.json()["error"]["param"])

    assert param(create(http, "file-none")) == "input_file_id"
    assert param(create(http, other)) == "input_file_id"
    assert param(create(http, file, "/v1/nothing")) == "endpoint"
    for window in ("0h", "8d", "169h", "1w", "24", 24, ""):
        assert param(create(http, file, completion_window=window)) == "completion_window"
    assert param(create(http, file, metadata={"a": 1})) == "metadata.a"
    assert param(create(http, file, output_expires_after={"anchor": "created_at", "seconds": 1})) == (
        "output_expires_after.seconds"
    )
    assert http.get("/v1/batches/batch_none").status_code == 404
    assert http.post("/v1/batches/batch_none/cancel").status_code == 404


def test_its_files_live_as_long_as_they_are_told_to(http: httpx.Client) -> None:
    expiry = {"anchor": "created_at", "seconds": 3600}
    batch = run(http, request("a"), output_expires_after=expiry, completion_window="7d")
    file = http.get(f"/v1/files/{batch['output_file_id']}").json()
    assert file["expires_at"] - file["created_at"] == 3600
    assert batch["expires_at"] - batch["created_at"] == 7 * 86_400 and batch["completion_window"] == "7d"


def test_an_input_may_be_deleted_while_it_runs(http: httpx.Client) -> None:
    file = upload(http, *(request(f"r{number}", chat(f"r{number}", 3, "small")) for number in range(20)))
    batch = create(http, file).json()["id"]
    assert http.delete(f"/v1/files/{file}").status_code == 200
    assert ended(http, batch)["request_counts"]["completed"] == 20


def test_a_cancelled_batch_keeps_what_is_done(http: httpx.Client) -> None:
    lines = [request(f"r{number}", chat(f"r{number}", 3, "small")) for number in range(100)]
    batch = create(http, upload(http, *lines)).json()["id"]
    eventually(lambda: http.get(f"/v1/batches/{batch}").json()["request_counts"]["completed"] >= 3)
    cancelling = http.post(f"/v1/batches/{batch}/cancel").json()
    assert cancelling["status"] in ("cancelling", "cancelled") and cancelling["cancelling_at"]
    found = ended(http, batch)
    assert found["status"] == "cancelled" and found["cancelled_at"]
    output, errors = told(http, found["output_file_id"]), told(http, found["error_file_id"])
    assert not set(output) & set(errors) and len(output) + len(errors) == 100 and len(output) >= 3
    assert found["request_counts"] == {"total": 100, "completed": len(output), "failed": len(errors)}
    assert {line["error"]["code"] for line in errors.values()} == {"batch_cancelled"}
    again = http.post(f"/v1/batches/{batch}/cancel")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "job_conflict")


def test_an_idempotency_key_joins_the_same_batch_and_refuses_another(http: httpx.Client) -> None:
    file, headers = upload(http, request("a")), {"Idempotency-Key": f"key-{time.time_ns()}"}
    body = {"input_file_id": file, "endpoint": CHAT, "completion_window": "24h"}
    first, again = (http.post("/v1/batches", json=body, headers=headers).json()["id"] for _ in range(2))
    assert first == again
    other = http.post("/v1/batches", json={**body, "completion_window": "2d"}, headers=headers)
    assert (other.status_code, other.json()["error"]["code"]) == (422, "idempotency_key_reused")


def test_batches_are_listed_and_paged(http: httpx.Client) -> None:
    made = [run(http, request("a"))["id"] for _ in range(3)]
    first = http.get("/v1/batches", params={"limit": 2}).json()
    assert [batch["id"] for batch in first["data"]] == made[:0:-1] and first["has_more"]
    rest = http.get("/v1/batches", params={"limit": 1, "after": first["last_id"]}).json()
    assert [batch["id"] for batch in rest["data"]] == made[:1]
    assert http.get("/v1/batches", params={"limit": 101}).json()["error"]["param"] == "limit"


def test_a_batch_s_lines_are_jobs_while_they_run(http: httpx.Client) -> None:
    lines = [request(f"r{number}", chat(f"r{number}", 3, "small")) for number in range(30)]
    batch = create(http, upload(http, *lines)).json()["id"]

    def shown(**params: str) -> list[dict[str, Any]]:
        jobs = http.get("/v1/jobs", params={"limit": "100", **params}).json()["data"]
        return [job for job in jobs if job["metadata"].get("batch_id") == batch]

    assert eventually(lambda: shown(include="batch"))[0]["metadata"]["custom_id"].startswith("r")
    assert shown() == []
    ended(http, batch)
    eventually(lambda: shown(include="batch") == [])


@pytest.fixture(scope="module")
def keyed(valkey: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    from tests.support.servers import fake

    folder = tmp_path_factory.mktemp("keyed")
    models = [fake(slots=2, step_ms=5)]
    yield from running(Stack(valkey, folder, models, MLXQ_API_KEYS="alpha,beta", MLXQ_BATCH_WINDOW="16"))


def test_each_key_has_its_own_batches_and_its_share_of_the_work(keyed: Stack) -> None:
    def client(key: str) -> httpx.Client:
        return httpx.Client(base_url=keyed.url, headers={"Authorization": f"Bearer {key}"}, timeout=PATIENCE)

    with client("alpha") as alpha, client("beta") as beta:
        many = create(alpha, upload(alpha, *(request(f"r{number}") for number in range(600)))).json()["id"]
        eventually(lambda: alpha.get(f"/v1/batches/{many}").json()["request_counts"]["completed"])
        file = upload(beta, *(request(f"r{number}") for number in range(20)))
        few = create(beta, file).json()["id"]
        assert ended(beta, few)["request_counts"]["completed"] == 20
        assert alpha.get(f"/v1/batches/{many}").json()["status"] == "in_progress"  # it was first, and is not over
        for path in (f"/v1/batches/{few}", f"/v1/files/{file}", f"/v1/files/{file}/content"):
            assert alpha.get(path).status_code == 404
        assert alpha.post(f"/v1/batches/{few}/cancel").status_code == 404
        assert create(alpha, file).json()["error"]["param"] == "input_file_id"
        assert [batch["id"] for batch in alpha.get("/v1/batches").json()["data"]] == [many]
        alpha.post(f"/v1/batches/{many}/cancel")
        assert ended(alpha, many)["status"] == "cancelled"
