"""`POST /v1/responses/compact`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, request

from schemas.answers.responses import CompactedResponse
from schemas.responses.responses import CompactSchema
from tasks.values.job import new_id
from web import identity, intake
from web.api.responses.responses import ENDPOINT
from web.availability import model_lookup
from web.gateway import gateway
from web.http.body import unknown_fields
from web.openapi.operation import operation
from web.render.responses import compacted as render
from web.stored import responses

CHARACTERS = 2  # that a token of the model's context leaves of a conversation: about the half of it
UNKNOWN_CONTEXT = 8192  # tokens
blueprint = Blueprint("responses_compact", __name__)


@blueprint.post("/v1/responses/compact")
@operation(
    "compactResponse",
    CompactedResponse,
    body=CompactSchema,
    errors=frozenset({404}),
    example={
        "model": "smollm2-135m-instruct",
        "input": [{"role": "user", "content": "What is the capital of France?"}],
    },
)
def create() -> dict[str, Any]:
    """Make a conversation short: thinking and its oldest turns are left out."""
    caller = identity.current()
    raw = model_lookup.named(gateway(), ENDPOINT, intake.json(request, gateway()))
    data = unknown_fields.read(CompactSchema, raw)
    entry = model_lookup.model(gateway(), data["model"], ENDPOINT, adapter=data.get("adapter"))
    own_items = responses.resolve(caller, {**data, "previous_response_id": None})["input"]
    before = list(responses.chain(caller, data.get("previous_response_id"), "previous_response_id"))
    history = [item for past in reversed(before) for item in (*past.asked.items, *past.output())]
    context = gateway().details(entry.name).context_length or UNKNOWN_CONTEXT
    items = _told(data.get("instructions")) + _newest([*history, *own_items], CHARACTERS * context)
    now = gateway().clock.micros()
    return render.body(new_id("resp_", now), now // 1_000_000, items)


def _told(instructions: str | None) -> list[Mapping[str, Any]]:
    return [{"type": "message", "role": "system", "content": instructions}] if instructions else []


def _newest(items: Sequence[Mapping[str, Any]], most: int) -> list[Mapping[str, Any]]:
    """The last items of at most `most` characters, from a user's message on; what was thought is left out."""
    visible = [item for item in items if item["type"] != "reasoning"]
    begins = [index for index, item in enumerate(visible) if item.get("role") == "user"]
    sizes = [_characters(item) for item in visible]
    fitting = [index for index in begins if sum(sizes[index:]) <= most]
    return visible[(fitting or begins[-1:] or [0])[0] :]


def _characters(value: Any) -> int:
    """Of all texts in a JSON value."""
    if isinstance(value, str):
        return len(value)
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return sum(map(_characters, inner))
