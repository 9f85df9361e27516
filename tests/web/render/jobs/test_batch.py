"""Lines of a batch's output: one line each, with the answer as its endpoint gave it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from tasks.values.errors import Failure
from web.endpoint import Rendered
from web.http.anthropic import ANTHROPIC
from web.http.errors import OPENAI, Dialect
from web.render.jobs import batch

JOB = "job_01a209ab4ad2716aac1fdf0ace9a70ba"


def read(line: bytes) -> dict[str, Any]:
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    found: dict[str, Any] = msgspec.json.decode(line)
    assert found["id"] == "batch_req_01a209ab4ad2716aac1fdf0ace9a70ba" and found["custom_id"] == 'a"\n'
    return found


@pytest.mark.parametrize(
    ("rendered", "shown"),
    [
        (Rendered(b'{"a":[1,2.50]}'), {"a": [1, 2.5]}),
        (Rendered(b'{\n  "a": 1\n}', "application/json; charset=utf-8"), {"a": 1}),
        (Rendered(b"1\n00:00 --> 00:01\nwords\n", "text/plain; charset=utf-8"), "1\n00:00 --> 00:01\nwords\n"),
    ],
)
def test_an_answer(rendered: Rendered, shown: Any) -> None:
    line = read(batch.answered(JOB, 'a"\n', rendered))
    assert line["response"] == {"status_code": 200, "request_id": JOB, "body": shown} and line["error"] is None


@pytest.mark.parametrize(
    ("dialect", "status", "body"),
    [
        (
            OPENAI,
            429,
            {"error": {"message": "full", "type": "rate_limit_error", "param": None, "code": "queue_full"}},
        ),
        (
            ANTHROPIC,
            529,
            {"type": "error", "error": {"type": "overloaded_error", "message": "full"}, "request_id": JOB},
        ),
    ],
)
def test_a_refusal_has_status_and_body_of_http(dialect: Dialect, status: int, body: dict[str, Any]) -> None:
    line = read(batch.refused(JOB, 'a"\n', Failure("queue_full", "full"), dialect))
    assert line["response"] == {"status_code": status, "request_id": JOB, "body": body}


def test_what_was_not_carried_out_has_no_response() -> None:
    line = read(batch.unanswered(JOB, 'a"\n', "batch_expired", "late"))
    assert (line["response"], line["error"]) == (None, {"code": "batch_expired", "message": "late"})
