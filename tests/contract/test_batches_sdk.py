"""Files and batches as OpenAI's guide uses them, with another base_url."""

from __future__ import annotations

import json
import time
from pathlib import Path

import openai
import pytest

from tests.support.servers import Stack

ENDED = ("completed", "failed", "expired", "cancelled")


@pytest.fixture
def client(fake_stack: Stack) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{fake_stack.url}/v1", api_key="none", max_retries=0)


@pytest.fixture
def requests(tmp_path: Path) -> Path:
    path = tmp_path / "batchinput.jsonl"
    with path.open("w") as file:
        for number in range(1, 6):
            body = {"model": "fake", "messages": [{"role": "user", "content": f"w{number}"}], "max_tokens": 2}
            line = {"custom_id": f"request-{number}", "method": "POST", "url": "/v1/chat/completions", "body": body}
            file.write(json.dumps(line) + "\n")
    return path


def create(client: openai.OpenAI, path: Path) -> openai.types.Batch:
    with path.open("rb") as file:
        batch_input_file = client.files.create(file=file, purpose="batch")
    return client.batches.create(
        input_file_id=batch_input_file.id,
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata={"description": "nightly eval job"},
    )


def ended(client: openai.OpenAI, batch_id: str) -> openai.types.Batch:
    until = time.monotonic() + 60
    while (batch := client.batches.retrieve(batch_id)).status not in ENDED:
        assert time.monotonic() < until, batch.status
        time.sleep(0.05)
    return batch


def test_upload_create_poll_and_download(client: openai.OpenAI, requests: Path) -> None:
    made = create(client, requests)
    assert (made.object, made.status, made.completion_window) == ("batch", "validating", "24h")
    batch = ended(client, made.id)
    assert batch.status == "completed" and batch.errors is None and batch.metadata == made.metadata
    assert batch.request_counts is not None and batch.usage is not None and batch.model == "fake"
    assert (batch.request_counts.total, batch.request_counts.completed, batch.request_counts.failed) == (5, 5, 0)
    assert batch.usage.total_tokens == batch.usage.input_tokens + batch.usage.output_tokens == 20
    assert batch.created_at <= (batch.in_progress_at or 0) <= (batch.completed_at or 0) < (batch.expires_at or 0)
    assert batch.output_file_id is not None and batch.error_file_id is None

    lines = [json.loads(line) for line in client.files.content(batch.output_file_id).text.splitlines()]
    answers = {line["custom_id"]: line["response"]["body"]["choices"][0]["message"]["content"] for line in lines}
    assert answers == {f"request-{number}": f"w{number}1 w{number}2 " for number in range(1, 6)}
    completion = openai.types.chat.ChatCompletion.model_validate(lines[0]["response"]["body"])
    assert completion.choices[0].finish_reason == "length"


def test_files(client: openai.OpenAI, requests: Path, tmp_path: Path) -> None:
    made = client.files.create(file=requests, purpose="batch", expires_after={"anchor": "created_at", "seconds": 7200})
    assert made.status == "processed" and made.expires_at == made.created_at + 7200
    assert client.files.wait_for_processing(made.id).id == made.id
    assert client.files.retrieve(made.id) == made and made.filename == "batchinput.jsonl"
    assert made.id in [file.id for file in client.files.list(purpose="batch", limit=1000)]
    client.files.content(made.id).write_to_file(tmp_path / "copy.jsonl")
    assert (tmp_path / "copy.jsonl").read_bytes() == requests.read_bytes()
    assert client.files.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve(made.id)


def test_lists_go_on_from_page_to_page(client: openai.OpenAI, requests: Path) -> None:
    made = {ended(client, create(client, requests).id).id for _ in range(3)}
    assert made <= {batch.id for batch in client.batches.list(limit=1)}
    files = [client.files.create(file=requests, purpose="vision").id for _ in range(3)]
    found = [file.id for file in client.files.list(limit=2, order="asc", purpose="vision")]
    assert found[-3:] == files


def test_cancel(client: openai.OpenAI, tmp_path: Path) -> None:
    path = tmp_path / "slow.jsonl"
    body = {"model": "small", "messages": [{"role": "user", "content": "w"}], "max_tokens": 50}
    line = {"method": "POST", "url": "/v1/chat/completions", "body": body}
    path.write_text("".join(json.dumps({"custom_id": str(number), **line}) + "\n" for number in range(20)))
    batch = create(client, path)
    assert client.batches.cancel(batch.id).status in ("cancelling", "cancelled")
    assert ended(client, batch.id).status == "cancelled"
    with pytest.raises(openai.ConflictError):
        client.batches.cancel(batch.id)


def test_what_is_wrong_with_a_file_is_the_batch_s_errors(client: openai.OpenAI, tmp_path: Path) -> None:
    path = tmp_path / "broken.jsonl"
    path.write_text("{}\n")
    batch = ended(client, create(client, path).id)
    assert batch.status == "failed" and batch.errors is not None and batch.errors.data is not None
    assert next((error.code, error.line) for error in batch.errors.data) == ("missing_required_parameter", 1)
    with pytest.raises(openai.BadRequestError, match=r"Must be \.jsonl"):
        client.files.create(file=("in.txt", b"text"), purpose="batch")
