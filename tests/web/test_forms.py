"""A form is read as forms are: what was left empty is absent, and true and false may begin with a capital."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from mlxq.catalogue import Catalogue
from mlxq.settings import Settings
from schemas.jobs.files import PURPOSES
from tasks.redis.store import JobStore
from web.application import create_app

LATER = {"Prefer": "respond-async"}
SPEECH, EDITS = "/v1/audio/transcriptions", "/v1/images/edits"


@pytest.fixture
def client(settings: Settings, store: JobStore) -> Iterator[FlaskClient]:
    kinds = {"hears": "whisper", "edits": "image-edit"}
    models = [{"model_path": "none", "served_model_name": name, "model_type": kind} for name, kind in kinds.items()]
    app = create_app(settings, Catalogue.parse({"models": models}, "test"))
    yield app.test_client()
    app.extensions["mlxq"].followers.close()


def upload() -> tuple[io.BytesIO, str]:
    return io.BytesIO(b"bytes"), "a.bin"


@pytest.mark.parametrize(
    "more",
    [
        {"language": "", "temperature": "", "prompt": "", "response_format": ""},
        {"stream": "False"},
        {"stream": "false"},
        {"stream": ""},
        {"timestamp_granularities[]": ""},
        {"task": "transcribe", "vad_filter": "True", "hotwords": "mlxq"},
        {"chunking_strategy": "auto", "include[]": "logprobs"},
        {"chunking_strategy[type]": "server_vad", "chunking_strategy[threshold]": "0.4"},
        {"timestamp_granularities[]": "word", "response_format": "verbose_json", "condition_on_previous_text": "False"},
    ],
)
def test_a_recording_s_form(client: FlaskClient, more: dict[str, str]) -> None:
    answer = client.post(SPEECH, data={"model": "hears", "file": upload(), **more}, headers=LATER)
    assert answer.status_code == 202, answer.text


@pytest.mark.parametrize(
    "more",
    [
        {"n": "", "size": "", "quality": "", "seed": "", "mask": "", "output_format": ""},
        {"stream": "False"},
        {"stream": "FALSE"},
        {"stream": "True", "partial_images": "1"},
    ],
)
def test_a_picture_s_form(client: FlaskClient, more: dict[str, str]) -> None:
    form = {"model": "edits", "prompt": "True", "image": upload(), **more}
    answer = client.post(EDITS, data=form, headers=LATER)
    assert answer.status_code == 202, answer.text


def test_what_has_to_be_there_and_was_left_empty_is_missing(client: FlaskClient) -> None:
    answer = client.post(EDITS, data={"model": "edits", "prompt": "", "image": upload()})
    assert (answer.status_code, answer.json["error"]["param"]) == (400, "prompt")


@pytest.mark.parametrize("purpose", PURPOSES)
def test_a_file_is_kept_for_any_purpose_of_the_sdk(client: FlaskClient, purpose: str) -> None:
    file: tuple[Any, str] = (io.BytesIO(b'{"custom_id": "a"}\n'), "a.jsonl")
    answer = client.post("/v1/files", data={"purpose": purpose, "file": file, "expires_after[anchor]": ""})
    assert (answer.status_code, answer.json["purpose"]) == (200, purpose)
    assert [one["id"] for one in client.get("/v1/files", query_string={"purpose": purpose}).json["data"]] == [
        answer.json["id"]
    ]


@pytest.mark.parametrize("path", ["/v1/files", "/v1/batches", "/v1/jobs"])
def test_a_page_of_nothing_is_refused(client: FlaskClient, path: str) -> None:
    answer = client.get(path, query_string={"limit": "0"})
    assert (answer.status_code, answer.json["error"]["param"]) == (400, "limit")
