"""Jobs on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.mlxq.cli.shell import Started, mlxq
from tests.support.servers import Stack, eventually, free_port
from tests.web.bodies import CHAT, ENDLESS, chat


def submit(http: httpx.Client, **fields: Any) -> str:
    response = http.post("/v1/jobs", json={"url": CHAT, "body": chat(**fields)})
    return str(response.raise_for_status().json()["id"])


def status(http: httpx.Client, job: str) -> str:
    return str(http.get(f"/v1/jobs/{job}").json()["status"])


def test_jobs_are_listed_newest_first_with_whole_ids(fake_stack: Stack, http: httpx.Client) -> None:
    first, second = submit(http), submit(http)
    done = mlxq(fake_stack, "jobs", "ls", "--limit", "2")
    head, *rows = [line.split() for line in done.out.splitlines()]
    assert done.code == 0
    assert head[:3] == ["id", "status", "model"]
    assert [row[0] for row in rows] == [second, first]
    assert mlxq(fake_stack, "jobs", "ls", "--limit", "2", "--ids").out.split() == [second, first]


def test_a_list_is_as_long_as_asked_and_holds_what_was_asked_for(fake_stack: Stack, http: httpx.Client) -> None:
    made = [submit(http) for _ in range(3)]
    mlxq(fake_stack, "jobs", "wait", *made)
    listed = mlxq(fake_stack, "jobs", "ls", "--status", "succeeded", "--model", "fake", "--limit", "3", "--json").json
    assert [job["id"] for job in listed] == made[::-1]
    every = mlxq(fake_stack, "jobs", "ls", "--all", "--json").json
    assert len(every) > 3
    assert mlxq(fake_stack, "jobs", "ls", "--endpoint", "/v1/nothing", "--json").json == []
    called = http.post(CHAT, json=chat()).headers["X-Job-ID"]
    assert called in mlxq(fake_stack, "jobs", "ls", "--include", "sync", "--ids").out


def test_show_prints_the_job(fake_stack: Stack, http: httpx.Client) -> None:
    job = submit(http)
    mlxq(fake_stack, "jobs", "wait", job)
    assert mlxq(fake_stack, "jobs", "show", job).json == http.get(f"/v1/jobs/{job}").json()


def test_wait_ends_with_the_jobs_and_says_whether_all_went_well(fake_stack: Stack, http: httpx.Client) -> None:
    good, bad = submit(http, tokens=30), submit(http, text="fail")
    fine = mlxq(fake_stack, "jobs", "wait", good, "--json")
    assert fine.code == 0
    assert [job["status"] for job in fine.json] == ["succeeded"]
    assert "1 of 1 jobs" in fine.err and f"mlxq jobs result {good}" in fine.err
    both = mlxq(fake_stack, "jobs", "wait", good, bad)
    assert both.code == 1
    assert "failed" in both.out and "the prompt asks to fail" in both.out
    assert "1 of 2 jobs have not succeeded" in both.err


def test_wait_gives_up_in_time(fake_stack: Stack, http: httpx.Client) -> None:
    job = submit(http, model="small", tokens=ENDLESS)
    done = mlxq(fake_stack, "jobs", "wait", job, "--timeout", "0.2", "--json")
    assert done.code == 1
    assert done.json[0]["status"] in ("queued", "running")
    assert mlxq(fake_stack, "jobs", "cancel", job).code == 0


def test_an_interrupted_wait_leaves_the_job_alone(fake_stack: Stack, http: httpx.Client) -> None:
    job = submit(http, model="small", tokens=ENDLESS)
    waiting = Started(fake_stack.url, "jobs", "wait", job).says("0 of 1 jobs")
    assert waiting.interrupt().code == 130
    assert status(http, job) in ("queued", "running")


def test_cancel_ends_jobs(fake_stack: Stack, http: httpx.Client) -> None:
    jobs = [submit(http, model="small", tokens=ENDLESS) for _ in range(2)]
    done = mlxq(fake_stack, "jobs", "cancel", *jobs)
    assert done.code == 0
    assert all(job in done.out for job in jobs)
    eventually(lambda: {status(http, job) for job in jobs} == {"cancelled"})
    assert mlxq(fake_stack, "jobs", "wait", *jobs).code == 1


def test_result_is_the_call_s_answer_byte_for_byte(fake_stack: Stack, http: httpx.Client, tmp_path: Path) -> None:
    job = submit(http)
    mlxq(fake_stack, "jobs", "wait", job)
    answer = http.get(f"/v1/jobs/{job}/result").text
    assert mlxq(fake_stack, "jobs", "result", job).out == answer
    assert mlxq(fake_stack, "jobs", "result", job, "--out", tmp_path / "answer.json").code == 0
    assert (tmp_path / "answer.json").read_text() == answer
    assert list(tmp_path.iterdir()) == [tmp_path / "answer.json"]


@pytest.mark.parametrize(("text", "tokens", "told"), [("fail", 3, "asks to fail"), ("word", ENDLESS, "jobs wait")])
def test_a_job_without_a_result_says_why(
    text: str, tokens: int, told: str, fake_stack: Stack, http: httpx.Client
) -> None:
    job = submit(http, model="small", text=text, tokens=tokens)
    if text == "fail":
        mlxq(fake_stack, "jobs", "wait", job)
    done = mlxq(fake_stack, "jobs", "result", job)
    assert (done.code, done.out) == (1, "")
    assert told in done.err


def test_what_the_server_refuses_is_one_line_and_exit_code_3(fake_stack: Stack) -> None:
    done = mlxq(fake_stack, "jobs", "show", "job_nothing", "--url", f"{fake_stack.url}/v1/")
    assert (done.code, done.out) == (3, "")
    assert done.err.splitlines() == [line for line in done.err.splitlines() if line.startswith("Error: ")]
    assert "404" in done.err and "(not_found)" in done.err


def test_a_server_that_is_not_there_is_exit_code_3() -> None:
    done = mlxq(f"http://127.0.0.1:{free_port()}", "jobs", "ls")
    assert done.code == 3
    assert "MLXQ_URL" in done.err


@pytest.mark.parametrize("words", [["jobs", "ls", "--status", "gone"], ["jobs", "wait"], ["jobs", "ls", "--url", "x"]])
def test_wrong_usage_is_exit_code_2(words: list[str]) -> None:
    assert mlxq("http://127.0.0.1:1", *words).code == 2


def test_the_key_goes_along(fake_stack: Stack) -> None:
    listed = mlxq(fake_stack, "jobs", "ls", "--json", "--api-key", "anything")
    assert listed.code == 0
    assert isinstance(json.loads(listed.out), list)
