"""`/v1/batches`: the lines of a file as calls, run as there is room; `web/batches` runs them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, request

from schemas.answers import jobs as answers
from schemas.jobs.batches import BatchListSchema, BatchSchema
from tasks.batches.batches import BatchState
from tasks.stored.files import File
from tasks.values.errors import InvalidValue, NotFound
from web import intake, registry
from web.availability import waiting_reasons
from web.gateway import gateway
from web.http.access import auth
from web.http.body import unknown_fields
from web.http.prefer import preference
from web.openapi.operation import operation
from web.openapi.parameters import IDEMPOTENCY
from web.render import page as listing
from web.render.jobs import batch as render

blueprint = Blueprint("batches", __name__, url_prefix="/v1/batches")


@blueprint.post("")
@operation(
    "createBatch",
    answers.Batch,
    body=BatchSchema,
    headers=IDEMPOTENCY,
    errors=frozenset({404, 422}),
    example={"input_file_id": "file-…", "endpoint": "/v1/chat/completions", "completion_window": "24h"},
)
def create() -> dict[str, Any]:
    """Have a file's lines run."""
    raw = intake.json(request, gateway())
    data = unknown_fields.read(BatchSchema, raw)
    if data["endpoint"] not in registry.endpoints():
        raise InvalidValue(f"'endpoint' must be one of {', '.join(registry.endpoints())}", param="endpoint")
    window = data["completion_window"]
    state = gateway().batches.create(
        _input(data["input_file_id"]),
        endpoint=data["endpoint"],
        window=window.text,
        seconds=window.seconds,
        metadata=data.get("metadata"),
        output_keep=data.get("output_expires_after", {}).get("seconds"),
        idempotency_key=preference(request.headers, gateway().settings).idempotency_key,
        digest=intake.digest(raw),
    )
    return _shown(state)


def _input(file_id: str) -> File:
    try:
        file = gateway().files.get(file_id, auth.current())
    except NotFound:
        raise InvalidValue(f"you have no file '{file_id}'", param="input_file_id") from None
    if file.purpose != "batch":
        raise InvalidValue(f"'{file_id}' is a file for {file.purpose}, not for batch", param="input_file_id")
    return file


@blueprint.get("")
@operation("listBatches", answers.ListBatchesResponse, query=BatchListSchema)
def index() -> dict[str, Any]:
    """The owner's batches, newest first."""
    asked = unknown_fields.read(BatchListSchema, request.args.to_dict())
    page = gateway().batches.list(auth.current(), limit=asked["limit"], after=asked.get("after"))
    return listing.body([_shown(state) for state in page.states], page.has_more)


@blueprint.get("/<batch_id>")
@operation("retrieveBatch", answers.Batch)
def show(batch_id: str) -> dict[str, Any]:
    """One batch."""
    return _shown(gateway().batches.get(batch_id, auth.current()))


@blueprint.post("/<batch_id>/cancel")
@operation("cancelBatch", answers.Batch, errors=frozenset({409}))
def cancel(batch_id: str) -> dict[str, Any]:
    """Have a batch end with what is done."""
    return _shown(gateway().batches.cancel(batch_id, auth.current()))


def _shown(state: BatchState) -> dict[str, Any]:
    return render.body(state, waiting_reasons.reason(gateway(), state.model, waits=not state.status.terminal))
