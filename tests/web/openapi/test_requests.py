"""What the service takes is what the document says it takes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import islice
from random import Random
from typing import Any, get_type_hints

import msgspec
import pytest
from anthropic.types import MessageCountTokensParams, message_create_params
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from marshmallow import ValidationError, fields
from openai.types import BatchCreateParams, EmbeddingCreateParams, completion_create_params, image_generate_params
from openai.types.audio import SpeechCreateParams
from openai.types.chat import completion_create_params as chat_params

from bench.fuzz import mutations
from bench.fuzz.bodies import chats, media, messages, responses, stored, vectors
from bench.fuzz.request import Json, Request
from bench.fuzz.world import World
from schemas.fields import Body, rows
from schemas.images.shared import Real, Whole
from schemas.jobs.batches import BatchSchema
from schemas.jobs.jobs import JobSchema
from schemas.messages.batches import MessageBatchSchema
from schemas.responses.conversations import ConversationCreateSchema, ConversationUpdateSchema, ItemsCreateSchema
from schemas.responses.responses import CompactSchema
from schemas.server.keys import KeySchema
from schemas.text.stored_completions import MetadataSchema
from tests.support import documented
from tests.support.rounds import rounds
from web import registry

OF_JOBS = {path: endpoint.schema for path, endpoint in registry.endpoints().items()}
BODIES: tuple[tuple[str, Callable[[World, Random], Any]], ...] = (
    ("/v1/chat/completions", chats.chat),
    ("/v1/chat/completions", chats.guided),
    ("/v1/chat/completions", chats.spoken),
    ("/v1/completions", chats.completion),
    ("/v1/embeddings", vectors.embedding),
    ("/v1/rerank", vectors.reranked),
    ("/v2/rerank", vectors.reranked),
    ("/v1/score", vectors.scored),
    ("/v1/tokenize", chats.tokenized),
    ("/v1/detokenize", chats.detokenized),
    ("/v1/chat/render", chats.rendered),
    ("/v1/responses", responses.response),
    ("/v1/responses/input_tokens", responses.response_input),
    ("/v1/responses/compact", responses.response_input),
    ("/v1/messages", messages.message),
    ("/v1/messages/count_tokens", messages.counted),
    ("/v1/messages/batches", messages.message_batch),
    ("/v1/audio/speech", media.spoken),
    ("/v1/images/generations", media.picture),
    ("/v1/images/edits", media.changed),
    ("/v1/batches", stored.batch),
    ("/v1/jobs", stored.job),
    ("/v1/admin/keys", stored.key),
    ("/v1/chat/completions", chats.kept),
    ("/v1/chat/completions/{completion_id}", stored.described),
    ("/v1/conversations", responses.conversation),
    ("/v1/conversations/{conversation_id}", stored.described),
    ("/v1/conversations/{conversation_id}/items", responses.items),
)
SCHEMAS: dict[str, type[Body]] = {
    **OF_JOBS,
    "/v1/batches": BatchSchema,
    "/v1/messages/batches": MessageBatchSchema,
    "/v1/jobs": JobSchema,
    "/v1/admin/keys": KeySchema,
    "/v1/responses/compact": CompactSchema,
    "/v1/chat/completions/{completion_id}": MetadataSchema,
    "/v1/conversations": ConversationCreateSchema,
    "/v1/conversations/{conversation_id}": ConversationUpdateSchema,
    "/v1/conversations/{conversation_id}/items": ItemsCreateSchema,
}


def schema(path: str) -> dict[str, Any]:
    body = documented.whole()["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return dict(body)


def taken(path: str, body: Any) -> bool:
    """Whether the service takes it; what stands for a file is a string, and words for numbers are a form's only."""
    if not isinstance(body, dict):
        return False
    endpoint, known = registry.endpoints().get(path), SCHEMAS[path]()
    for name, value in body.items():
        if endpoint is not None and name in endpoint.files and (value == "" or not isinstance(value, str | None)):
            return False
        if isinstance(value, str) and isinstance(known.fields.get(name), Whole | Real | fields.Boolean):
            return False
    try:
        known.load(body)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(("path", "make"), BODIES, ids=lambda one: getattr(one, "__name__", one))
def test_every_body_that_is_taken_is_one_of_the_document(path: str, make: Callable[[World, Random], Any]) -> None:
    chance, found = Random(7), 0
    for number in range(rounds(60, 3000)):
        body = make(World(), chance)
        if number % 3:
            spoiled = mutations.spoiled(Request(path, "POST", path, body=Json(body)), chance)
            if not isinstance(spoiled.body, Json) or spoiled.wire is not None:
                continue
            try:
                body = msgspec.json.decode(spoiled.body.encoded())
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue
        if taken(path, body):
            found += 1
            assert documented.unfit(schema(path), body) == [], body
    assert found > 10


def test_every_example_is_taken() -> None:
    found = set()
    for method, path, operation in documented.operations():
        content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
        if "example" in content:
            found.add((method, path))
            assert taken(path, content["example"]) and documented.unfit(schema(path), content["example"]) == []
    assert found == {("post", path) for path, _ in BODIES} - {("post", "/v1/images/edits")}


CHAT = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}
TYPES: dict[str, tuple[dict[str, Any], Any]] = {
    "/v1/chat/completions": (CHAT, chat_params.CompletionCreateParamsStreaming),
    "/v1/completions": ({"model": "m", "prompt": "hi"}, completion_create_params.CompletionCreateParamsStreaming),
    "/v1/embeddings": ({"model": "m", "input": "hi"}, EmbeddingCreateParams),
    "/v1/audio/speech": ({"model": "m", "input": "hi", "voice": "alloy"}, SpeechCreateParams),
    "/v1/images/generations": ({"model": "m", "prompt": "hi"}, image_generate_params.ImageGenerateParamsStreaming),
    "/v1/batches": (
        {"input_file_id": "file-1", "endpoint": "/v1/embeddings", "completion_window": "24h"},
        BatchCreateParams,
    ),
    "/v1/messages": ({**CHAT, "max_tokens": 5}, message_create_params.MessageCreateParamsStreaming),
    "/v1/messages/count_tokens": (CHAT, MessageCountTokensParams),
}
SEARCH = settings(max_examples=5000, phases=[Phase.generate], database=None, suppress_health_check=list(HealthCheck))
FIELDS = [
    (path, name)
    for path, (_, params) in TYPES.items()
    for name in params.__annotations__
    if any(row.name == name and row.support == "honoured" for row in rows(SCHEMAS[path]))
    and not (path.startswith("/v1/messages") and name in ("messages", "tools"))  # unions of hundreds of types
]


def _list(value: object) -> list[Any]:
    if not isinstance(value, Iterator):
        raise TypeError("no client could send it")
    return list(islice(value, 100))


@pytest.mark.parametrize(("path", "name"), FIELDS)
def test_values_of_the_sdk_s_types_are_ones_of_the_document(path: str, name: str) -> None:
    least, params = TYPES[path]
    values = st.from_type(get_type_hints(params)[name])

    def sent(value: Any) -> dict[str, Any] | None:
        try:
            body = {**least, name: json.loads(json.dumps(value, default=_list, allow_nan=False))}
        except (TypeError, ValueError):
            return None
        return body if taken(path, body) else None

    @given(values.map(sent))
    def holds(body: dict[str, Any] | None) -> None:
        assert body is None or documented.unfit(schema(path), body) == [], body

    holds()
    find(values, lambda value: sent(value) is not None, settings=SEARCH)
