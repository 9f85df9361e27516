"""What is wrong with a batch's file is found before anything of it runs, with the line's number."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.batches.batches import Batch, Problem
from tasks.values.blob_ref import BlobRef
from web.batches import validation
from web.batches.validation import Validation

URL = "/v1/embeddings"


def request(custom_id: Any = "a", **more: Any) -> dict[str, Any]:
    given = {"custom_id": custom_id, "method": "POST", "url": URL, "body": {"model": "m", "input": "x"}, **more}
    return {name: value for name, value in given.items() if value is not None}


def checked(path: Path, *lines: Any, longest: int = 1000, end: str = "\n") -> Validation:
    text = end.join(line if isinstance(line, str) else json.dumps(line) for line in lines) + end
    data = text.encode("utf-8", "surrogateescape")
    (path / "in.jsonl").write_bytes(data)
    batch = Batch(
        id="batch_1", owner="me", endpoint=URL, input_file="file-1", input=BlobRef("0" * 64, len(data), ""),
        window="24h", created=0, deadline=0,
    )  # fmt: skip
    found = Validation(batch, path / "in.jsonl", longest)
    while not found.advance():
        pass
    return found


@pytest.mark.parametrize(
    ("line", "code", "param"),
    [
        ("{", "invalid_json_line", None),
        ("[1]", "invalid_json_line", None),
        ("\udcff", "invalid_json_line", None),
        ('{"custom_id":' + "[" * 5000, "invalid_json_line", None),
        (request("x" * 990), "invalid_json_line", None),
        (request(None), "missing_required_parameter", "custom_id"),
        (request(""), "invalid_custom_id", "custom_id"),
        (request(7), "invalid_custom_id", "custom_id"),
        (request("first"), "duplicate_custom_id", "custom_id"),
        (request(method=None), "missing_required_parameter", "method"),
        (request(method="GET"), "invalid_method", "method"),
        (request(url=None), "missing_required_parameter", "url"),
        (request(url="/v1/completions"), "url_mismatch", "url"),
        (request(body=None), "missing_required_parameter", "body"),
        (request(body=[1]), "invalid_body", "body"),
    ],
)
def test_a_line_that_is_no_call_of_the_endpoint(line: Any, code: str, param: str | None, tmp_path: Path) -> None:
    found = checked(tmp_path, request("first"), line)
    assert [(problem.code, problem.param, problem.line) for problem in found.problems] == [(code, param, 2)]


def test_lines_in_order_are_counted_and_their_model_is_told(tmp_path: Path) -> None:
    found = checked(tmp_path, "\ufeff" + json.dumps(request("a")), "", "  ", request("b"), end="\r\n")
    assert (found.total, found.problems, found.model) == (2, [], "m")
    assert checked(tmp_path, request("a"), request("b", body={"model": "other"})).model is None


def test_a_body_is_the_endpoint_s_to_refuse(tmp_path: Path) -> None:
    assert checked(tmp_path, request(body={}), request("b", body={"model": 7})).problems == []


def test_an_empty_file_and_one_with_too_many_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [problem.code for problem in checked(tmp_path, "").problems] == ["empty_file"]
    monkeypatch.setattr(validation, "MOST_LINES", 3)
    assert checked(tmp_path, *(request(str(number)) for number in range(3))).problems == []
    (problem,) = checked(tmp_path, *(request(str(number)) for number in range(9))).problems
    assert problem == Problem("too_many_tasks", "The input file has more than 3 lines.", None, 4)


def test_many_problems_are_told_but_not_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "_SLICE", 7)
    found = checked(tmp_path, *["{"] * 500)
    assert [problem.line for problem in found.problems] == list(range(1, 101))
