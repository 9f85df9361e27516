"""A line of a batch is checked and its answer shown as over HTTP, without a request or an application around it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from flask import has_app_context

from mlxq.catalogue import Catalogue
from mlxq.settings import Settings
from tasks.batches.batches import Batch
from tasks.batches.lines import Place
from tasks.redis.store import JobStore
from tasks.stored.files import Files
from tasks.values import events, results
from tasks.values.blob_ref import BlobRef
from tasks.values.job import Job, Lane
from tests.support.servers import fake
from web import registry
from web.api.images import shared as images
from web.batches.input_lines import Line
from web.batches.line_jobs import LineJobs, OutputLine
from web.gateway import Gateway, connect
from web.identity import Caller

PIXELS = "data:image/png;base64,cGl4ZWxz"
SAID = [{"role": "user", "content": "a"}]
BODIES: dict[str, dict[str, Any]] = {
    "/v1/chat/completions": {"messages": SAID},
    "/v1/responses": {"input": "hi"},
    "/v1/responses/input_tokens": {"input": "hi"},
    "/v1/chat/render": {"messages": SAID},
    "/v1/messages": {"messages": SAID, "max_tokens": 3},
    "/v1/messages/count_tokens": {"messages": SAID},
    "/v1/completions": {"prompt": "a"},
    "/v1/tokenize": {"prompt": "a"},
    "/v1/detokenize": {"tokens": [1]},
    "/v1/embeddings": {"input": "a"},
    "/v1/rerank": {"query": "a", "documents": ["b"]},
    "/v2/rerank": {"query": "a", "documents": ["b"]},
    "/v1/score": {"text_1": "a", "text_2": "b"},
    "/v1/audio/transcriptions": {"file": PIXELS},
    "/v1/audio/translations": {"file": PIXELS},
    "/v1/audio/speech": {"input": "a"},
    "/v1/images/generations": {"prompt": "a"},
    "/v1/images/edits": {"prompt": "a", "image": [PIXELS], "mask": PIXELS},
    "/v1/images/variations": {"image": PIXELS},
}
MODELS = {"whisper": "ear", "text-to-speech": "mouth", images.GENERATION: "painter", images.EDIT: "editor"}


def served(name: str, model_type: str) -> dict[str, Any]:
    return {"model_path": "none", "served_model_name": name, "model_type": model_type}


@pytest.fixture
def gateway(settings: Settings, store: JobStore) -> Iterator[Gateway]:
    models = [fake(), *(served(name, model_type) for model_type, name in MODELS.items())]
    made = connect(settings, Catalogue.parse({"models": models}, "test"))
    yield made
    made.followers.close()


def batch(endpoint: str) -> Batch:
    blob = BlobRef("0" * 64, 1, "application/jsonl")
    return Batch(
        id="batch_" + "0" * 32, owner="me", endpoint=endpoint, input_file="file-1", input=blob, window="24h",
        created=1, deadline=86_400_000,
    )  # fmt: skip


def line(endpoint: str, body: dict[str, Any]) -> Line:
    data = json.dumps({"custom_id": "one", "method": "POST", "url": endpoint, "body": body}).encode()
    return Line(1, Place(0, len(data)), data)


def made(gateway: Gateway, endpoint: str, **body: Any) -> Job | OutputLine:
    types = registry.endpoints()[endpoint].model_types
    model = next((name for model_type, name in MODELS.items() if model_type in types), "fake")
    return LineJobs(gateway).job(batch(endpoint), line(endpoint, {"model": model, **body}), 1000)


def test_the_table_has_every_endpoint() -> None:
    assert BODIES.keys() == registry.endpoints().keys()


@pytest.mark.parametrize("endpoint", BODIES)
def test_a_line_of_every_endpoint_is_a_job_in_its_owner_s_name(gateway: Gateway, endpoint: str) -> None:
    assert not has_app_context()
    job = made(gateway, endpoint, **BODIES[endpoint])
    assert isinstance(job, Job), job
    assert (job.owner, job.endpoint, job.lane) == ("me", endpoint, Lane.BATCH)
    assert len(job.inputs) == str(BODIES[endpoint]).count(PIXELS)


@pytest.mark.parametrize(("owner", "taken"), [("me", True), ("another", False)])
def test_a_line_shows_its_owner_s_files_and_nobody_else_s(
    gateway: Gateway, store: JobStore, owner: str, taken: bool
) -> None:
    file = Files(store).add(owner, "a.wav", "user_data", store.blobs.put(b"RIFF", "audio/wav"), None)
    job = made(gateway, "/v1/audio/transcriptions", file=file.id)
    assert isinstance(job, Job) is taken
    if isinstance(job, OutputLine):
        assert json.loads(job.data)["response"]["body"]["error"]["param"] == "file"


def test_pictures_stand_in_a_line_and_behind_a_link_where_somebody_can_follow_it(gateway: Gateway) -> None:
    job = made(gateway, "/v1/images/generations", prompt="a", response_format="url")
    assert isinstance(job, Job)
    ref = gateway.store.blobs.put(b"pixels", "image/png")
    result = results.PicturesResult((events.Picture(0, ref, 64, 32, 7, 2),), events.Usage(3, 8))
    body = registry.endpoints()[job.endpoint].body
    (inside,) = json.loads(body(Caller(gateway, "me"), job, result).data)["data"]
    (linked,) = json.loads(body(Caller(gateway, "me", "http://here/"), job, result).data)["data"]
    assert base64.b64decode(inside["b64_json"]) == b"pixels" and "url" not in inside
    assert linked["url"].startswith("http://here/v1/images/content/") and "b64_json" not in linked
