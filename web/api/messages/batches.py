"""`/v1/messages/batches`: many calls of `/v1/messages`, run as there is room, as batches of ours of the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from schemas.answers import messages as answers
from schemas.messages.batches import MessageBatchListSchema, MessageBatchSchema
from tasks.batches import batches
from tasks.batches.batches import BatchState, Status
from tasks.stored.files import File
from tasks.values.errors import JobConflict, NotFound
from web import intake
from web.api.messages.messages import ENDPOINT
from web.gateway import gateway
from web.http import cursors
from web.http.access import auth
from web.http.body import unknown_fields
from web.http.prefer import preference
from web.openapi.operation import operation
from web.openapi.parameters import IDEMPOTENCY
from web.render import anthropic
from web.render.messages import batches as render

JSONL = "application/x-jsonl"
PREFIX = "msgbatch_"
_FILENAME = "message_batch.jsonl"
_WINDOW, _SECONDS = "24h", 86_400
_PAGE = 100  # batches that are read at once
blueprint = Blueprint("messages_batches", __name__, url_prefix="/v1/messages/batches")


@blueprint.post("")
@operation(
    "createMessageBatch",
    answers.MessageBatch,
    body=MessageBatchSchema,
    headers=IDEMPOTENCY,
    errors=frozenset({422}),
    example={
        "requests": [
            {
                "custom_id": "first",
                "params": {
                    "model": "smollm2-135m-instruct",
                    "max_tokens": 32,
                    "messages": [{"role": "user", "content": "What is the capital of France?"}],
                },
            }
        ]
    },
)
def create() -> dict[str, Any]:
    """Have many messages made."""
    raw, shared, owner = intake.json(request, gateway()), gateway(), auth.current()
    data = unknown_fields.read(MessageBatchSchema, raw)
    lines = b"".join(map(_line, data["requests"]))
    blob = shared.store.blobs.put(lines, JSONL)
    file = shared.files.add(owner, _FILENAME, "batch", blob, shared.settings.batch_ttl)
    state = shared.batches.create(
        file,
        endpoint=ENDPOINT.path,
        window=_WINDOW,
        seconds=_SECONDS,
        metadata=None,
        output_keep=None,
        idempotency_key=preference(request.headers, shared.settings).idempotency_key,
        digest=intake.digest(raw),
    )
    if state.batch.input_file != file.id:  # an earlier request with the same key made it
        shared.files.erase(file)
    return _shown(state)


def _line(asked: Mapping[str, Any]) -> bytes:
    call = {"custom_id": asked["custom_id"], "method": "POST", "url": ENDPOINT.path, "body": asked["params"]}
    return msgspec.json.encode(call) + b"\n"


@blueprint.get("")
@operation("listMessageBatches", answers.MessageBatchPage, query=MessageBatchListSchema)
def index() -> dict[str, Any]:
    """The owner's batches of messages, newest first."""
    asked = unknown_fields.read(MessageBatchListSchema, request.args.to_dict())
    return anthropic.page(*cursors.stretch(map(_shown, _all()), asked))


def _all() -> Iterator[BatchState]:
    after, more = None, True
    while more:
        page = gateway().batches.list(auth.current(), limit=_PAGE, after=after)
        yield from (state for state in page.states if state.batch.endpoint == ENDPOINT.path)
        after, more = page.states[-1].batch.id if page.states else None, page.has_more


@blueprint.get("/<batch_id>")
@operation("retrieveMessageBatch", answers.MessageBatch)
def show(batch_id: str) -> dict[str, Any]:
    """One batch of messages."""
    return _shown(_found(batch_id))


@blueprint.post("/<batch_id>/cancel")
@operation("cancelMessageBatch", answers.MessageBatch, errors=frozenset({409}))
def cancel(batch_id: str) -> dict[str, Any]:
    """Have a batch of messages end with what is done."""
    return _shown(gateway().batches.cancel(_found(batch_id).batch.id, auth.current()))


@blueprint.delete("/<batch_id>")
@operation("deleteMessageBatch", answers.DeletedMessageBatch, errors=frozenset({409}))
def delete(batch_id: str) -> dict[str, Any]:
    """Forget a batch of messages that has ended, and its results."""
    state, shared, owner = _found(batch_id), gateway(), auth.current()
    shared.batches.delete(state.batch.id, owner)
    for file_id in filter(None, (state.output_file, state.error_file, state.batch.input_file)):
        with suppress(NotFound):
            file = shared.files.get(file_id, owner)
            if file.purpose == "batch_output" or file.filename == _FILENAME:
                shared.files.erase(file)
    return {"id": batch_id, "type": "message_batch_deleted"}


@blueprint.get("/<batch_id>/results")
@operation(
    "retrieveMessageBatchResults",
    media={JSONL: bytes},
    errors=frozenset({409}),
    about="A line for each request, in any order: a `MessageBatchIndividualResponse`.",
)
def results(batch_id: str) -> Response:
    """What came of the requests of a batch of messages that has ended."""
    state = _found(batch_id)
    if not state.status.terminal:
        raise JobConflict(f"'{batch_id}' is in progress; it has results when it has ended")
    files = [
        gateway().files.get(file_id, auth.current()) for file_id in (state.output_file, state.error_file) if file_id
    ]
    return Response(_results([_path(file) for file in files]), content_type=JSONL)


def _path(file: File) -> Path:
    path = gateway().store.blobs.path(file.blob)
    if not path.is_file():
        raise NotFound(f"the bytes of '{file.id}' are gone")
    return path


def _results(paths: list[Path]) -> Iterator[bytes]:
    for path in paths:
        with path.open("rb") as file:
            for line in file:
                yield render.result(line)


def _found(batch_id: str) -> BatchState:
    """One of the owner's batches of messages; NotFound for any other."""
    if batch_id.startswith(PREFIX):
        with suppress(NotFound):
            state = gateway().batches.get(batches.PREFIX + batch_id.removeprefix(PREFIX), auth.current())
            if state.batch.endpoint == ENDPOINT.path:
                return state
    raise NotFound(f"no batch of messages '{batch_id}'")


def _shown(state: BatchState) -> dict[str, Any]:
    shared, batch_id = gateway(), PREFIX + state.batch.id.removeprefix(batches.PREFIX)
    total = state.total or _lines(shared.store.blobs.path(state.batch.input))
    undone: Mapping[str, int] = {}
    if state.status in (Status.CANCELLED, Status.EXPIRED) and state.error_file is not None:
        with suppress(NotFound):
            undone = _undone(_path(shared.files.get(state.error_file, auth.current())))
    return render.body(state, batch_id, total, undone, f"{request.host_url}v1/messages/batches/{batch_id}/results")


@lru_cache(maxsize=256)
def _lines(path: Path) -> int:
    """How many requests a batch has that was not checked yet."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        return sum(1 for _ in file)
    return 0


@lru_cache(maxsize=256)
def _undone(path: Path) -> Mapping[str, int]:
    """How many requests were not carried out, by why; a file's path names its content."""
    with path.open("rb") as file:
        return Counter(filter(None, map(render.undone, file)))
