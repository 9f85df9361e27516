"""Batches on the command line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from tests.mlxq.cli.shell import Started, mlxq
from tests.support.servers import Stack, eventually
from tests.web.bodies import CHAT, ENDLESS, chat


def requests(path: Path, texts: Sequence[str], *, model: str = "fake", tokens: int = 3) -> Path:
    lines = [
        {"custom_id": f"r{number}", "method": "POST", "url": CHAT, "body": chat(text, tokens, model)}
        for number, text in enumerate(texts)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def ids(content: str) -> list[str]:
    return sorted(json.loads(line)["custom_id"] for line in content.splitlines())


def test_a_watched_batch_ends_with_its_answers(fake_stack: Stack, tmp_path: Path) -> None:
    file = requests(tmp_path / "a.jsonl", ["one", "two", "three"])
    done = mlxq(fake_stack, "batch", "submit", file, "--watch", "--out", tmp_path / "out.jsonl")
    assert done.code == 0, done.err
    assert "completed: 3 of 3 requests answered" in done.out
    assert ids((tmp_path / "out.jsonl").read_text()) == ["r0", "r1", "r2"]


def test_requests_that_fail_are_kept_apart_and_told(fake_stack: Stack, tmp_path: Path) -> None:
    file = requests(tmp_path / "a.jsonl", ["one", "fail", "three"])
    words = ["--out", tmp_path / "out.jsonl", "--errors", tmp_path / "errors.jsonl", "--json"]
    done = mlxq(fake_stack, "batch", "submit", file, "--endpoint", CHAT, *words)
    assert done.code == 1
    assert (done.json["status"], done.json["request_counts"]["failed"]) == ("completed", 1)
    assert ids((tmp_path / "out.jsonl").read_text()) == ["r0", "r2"]
    assert ids((tmp_path / "errors.jsonl").read_text()) == ["r1"]
    assert f"1 of 3 requests have no answer; why: in {tmp_path / 'errors.jsonl'}" in done.err


def test_a_submitted_batch_can_be_watched_listed_and_fetched_later(fake_stack: Stack, tmp_path: Path) -> None:
    file = requests(tmp_path / "a.jsonl", ["one"])
    submitted = mlxq(fake_stack, "batch", "submit", file, "--metadata", "for=me", "--metadata", "note=a=b")
    batch = submitted.out.strip()
    assert submitted.code == 0 and f"mlxq batch watch {batch}" in submitted.err
    watched = mlxq(fake_stack, "batch", "watch", batch, "--json")
    assert watched.code == 0
    assert watched.json["metadata"].items() >= {"for": "me", "note": "a=b"}.items()
    assert "1 of 1 requests" in watched.err
    fetched = mlxq(fake_stack, "batch", "results", batch)
    assert (fetched.code, ids(fetched.out)) == (0, ["r0"])
    assert mlxq(fake_stack, "batch", "list", "--limit", "1").out.splitlines()[1].split()[0] == batch
    assert mlxq(fake_stack, "batch", "list", "--json").json[0]["id"] == batch


def test_an_interrupted_watch_is_taken_up_with_the_same_batch(fake_stack: Stack, tmp_path: Path) -> None:
    file = requests(tmp_path / "a.jsonl", ["one"] * 4)
    with fake_stack.batches_held():
        interrupted = Started(fake_stack.url, "batch", "submit", file, "--watch").says("validating").interrupt()
    assert interrupted.code == 130
    batch = next(word for word in interrupted.err.split() if word.startswith("batch_"))
    assert f"mlxq batch watch {batch}" in interrupted.err
    done = mlxq(fake_stack, "batch", "submit", file, "--watch", "--resume", "--json")
    assert (done.code, done.json["id"]) == (0, batch)
    assert mlxq(fake_stack, "batch", "submit", file, "--resume").out.strip() == batch
    assert mlxq(fake_stack, "batch", "submit", file).out.strip() != batch


def test_a_cancelled_batch_keeps_what_was_answered(fake_stack: Stack, http: httpx.Client, tmp_path: Path) -> None:
    file = requests(tmp_path / "a.jsonl", ["one"] * 3, model="small")
    endless = requests(tmp_path / "b.jsonl", ["one"], model="small", tokens=ENDLESS).read_text()
    file.write_text(file.read_text() + endless.replace("r0", "endless"))
    batch = mlxq(fake_stack, "batch", "submit", file).out.strip()
    eventually(lambda: http.get(f"/v1/batches/{batch}").json()["request_counts"]["completed"] > 0)
    early = mlxq(fake_stack, "batch", "results", batch)
    assert (early.code, early.out) == (1, "") and f"mlxq batch watch {batch}" in early.err
    cancelled = mlxq(fake_stack, "batch", "cancel", batch)
    assert cancelled.code == 0 and f"{batch} is cancel" in cancelled.out
    watched = mlxq(fake_stack, "batch", "watch", batch, "--json")
    assert (watched.code, watched.json["status"]) == (1, "cancelled")
    fetched = mlxq(fake_stack, "batch", "results", batch, "--out", tmp_path / "out.jsonl")
    assert fetched.code == 1
    answered = ids((tmp_path / "out.jsonl").read_text())
    assert answered and set(answered) <= {"r0", "r1", "r2"}


def test_a_file_that_the_server_refuses_names_the_line(fake_stack: Stack, tmp_path: Path) -> None:
    file = requests(tmp_path / "a.jsonl", ["one", "two"])
    file.write_text(file.read_text() + json.dumps({"custom_id": "x", "method": "POST", "url": "/v1/other", "body": {}}))
    done = mlxq(fake_stack, "batch", "submit", file, "--watch")
    assert done.code == 1
    assert "line 3: " in done.err


@pytest.mark.parametrize("words", [["--metadata", "alone"], ["--metadata", "=value"]])
def test_metadata_is_key_and_value(words: list[str], tmp_path: Path) -> None:
    file = requests(tmp_path / "a.jsonl", ["one"])
    done = mlxq("http://127.0.0.1:1", "batch", "submit", file, *words)
    assert done.code == 2 and "KEY=VALUE" in done.err


def test_a_file_of_no_requests_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{}\n")
    done = mlxq("http://127.0.0.1:1", "batch", "submit", tmp_path / "a.jsonl")
    assert done.code == 2 and "'url'" in done.err
