"""What an earlier mlxq wrote is read by this one; what a later one wrote is refused, not misread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tasks.access import api_keys
from tasks.batches import batches
from tasks.processes.presence import Worker
from tasks.stored import conversations, files
from tasks.values import chat_completion, events, job, requests, results

FIXTURES = Path(__file__).parent / "fixtures"
CODECS: dict[str, tuple[Callable[[bytes], Any], Callable[[Any], bytes]]] = {
    "jobs": (job.decode, job.encode),
    "events": (events.decode, events.encode),
    "results": (results.decode, results.encode),
    "files": (files.decode, files.encode),
    "batches": (batches.decode, batches.encode),
    "chat_completions": (chat_completion.decode, chat_completion.encode),
    "conversations": (conversations.decode, conversations.encode),
    "keys": (api_keys.decode, api_keys.encode),
    "workers": (msgspec.json.Decoder(Worker).decode, msgspec.json.encode),
}


def lines(name: str) -> list[bytes]:
    return (FIXTURES / f"{name}.jsonl").read_bytes().splitlines()


@pytest.mark.parametrize(
    ("kind", "version"),
    [
        *(("jobs", 1), ("jobs", 2), ("jobs", 3), ("events", 1), ("events", 2), ("events", 3), ("results", 1)),
        *(("keys", 1), ("workers", 1), ("chat_completions", 1), ("chat_completions", 2), ("conversations", 1)),
    ],
)
def test_every_version_reads_as_it_was_written(kind: str, version: int) -> None:
    decode, encode = CODECS[kind]
    for line in lines(f"{kind}_v{version}"):
        found, written = msgspec.json.decode(encode(decode(line))), msgspec.json.decode(line)
        assert {**found, **written, "v": version} == {**found, "v": version}


def test_the_fixtures_hold_one_of_each_kind() -> None:
    assert {type(events.decode(line)) for line in lines("events_v3")} == set(events.Event.__args__)  # type: ignore[attr-defined]
    assert {type(job.decode(line).payload) for line in lines("jobs_v3")} == set(requests.Payload.__args__)  # type: ignore[attr-defined]
    assert {type(results.decode(line)) for line in lines("results_v1")} == set(results.Result.__args__)  # type: ignore[attr-defined]


def test_a_later_version_is_refused() -> None:
    for kind in ("jobs", "events", "files", "batches", "keys", "chat_completions", "conversations"):
        decode, _ = CODECS[kind]
        later = msgspec.json.encode({**msgspec.json.decode(lines(f"{kind}_v1")[0]), "v": 99})
        with pytest.raises(ValueError, match="version 99"):
            decode(later)


@pytest.mark.parametrize(
    ("options", "read"),
    [
        ({}, job.RenderOptions()),
        ({"include_usage": True}, job.RenderOptions(include_usage=True)),
        ({"encoding_format": "float"}, job.RenderOptions(encoding_format="float")),
        ({"encoding_format": "base64"}, job.RenderOptions(encoding_format="base64")),
        ({"response_format": "json"}, job.RenderOptions(response_format="json")),
        ({"response_format": "text"}, job.RenderOptions(response_format="text")),
        ({"response_format": "url"}, job.RenderOptions(response_format="url")),
        ({"max_model_len": None}, job.RenderOptions()),
        ({"max_model_len": 8192}, job.RenderOptions(max_model_len=8192)),
    ],
)
def test_the_options_of_an_earlier_job_show_its_answer_as_it_was_asked_for(
    options: dict[str, Any], read: job.RenderOptions
) -> None:
    stored = {**msgspec.json.decode(lines("jobs_v2")[0]), "options": options}
    found = job.decode(msgspec.json.encode(stored))
    assert found.options == read
    written = msgspec.json.decode(job.encode(found))["options"]
    assert written.items() <= options.items()  # under the same names
