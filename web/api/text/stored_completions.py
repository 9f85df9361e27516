"""`/v1/chat/completions`: the chat completions that are stored, as `store: true` in their call has it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from flask import Blueprint, request

from schemas.answers import stored as answers
from schemas.text.stored_completions import ChatCompletionListSchema, MetadataSchema, PageSchema
from tasks.redis.unreadable import pass_over
from tasks.stored.completions import Stored
from tasks.values.errors import InvalidValue, NotFound, UnreadableRecord
from web import intake
from web.gateway import gateway
from web.http.access import auth
from web.http.body import queries, unknown_fields
from web.openapi.operation import operation
from web.render import page as listing
from web.render.text import stored_completions as render

blueprint = Blueprint("chat_completions", __name__, url_prefix="/v1/chat/completions")


@blueprint.get("")
@operation("listChatCompletions", answers.ChatCompletionList, query=ChatCompletionListSchema)
def index() -> dict[str, Any]:
    """The owner's stored chat completions, oldest first unless asked otherwise."""
    asked = unknown_fields.read(ChatCompletionListSchema, queries.read(request.args))
    models, adapter = gateway().catalogue.known(asked["model"]) if "model" in asked else (None, None)
    page = gateway().completions.list(
        auth.current(),
        limit=asked["limit"],
        after=asked.get("after"),
        newest_first=asked["order"] == "desc",
        models=models,
        adapter=adapter,
        metadata=asked.get("metadata", {}),
    )
    return listing.body(list(_readable(page.stored)), page.has_more)


@blueprint.get("/<completion_id>")
@operation("getChatCompletion", answers.StoredChatCompletion)
def show(completion_id: str) -> dict[str, Any]:
    """One stored chat completion."""
    return _shown(_stored(completion_id))


@blueprint.post("/<completion_id>")
@operation(
    "updateChatCompletion",
    answers.StoredChatCompletion,
    body=MetadataSchema,
    example={"metadata": {"topic": "capitals"}},
)
def update(completion_id: str) -> dict[str, Any]:
    """Put other metadata into the place of a stored chat completion's."""
    data = unknown_fields.read(MetadataSchema, intake.json(request, gateway()))
    return _shown(gateway().completions.describe(completion_id, auth.current(), data["metadata"]))


@blueprint.delete("/<completion_id>")
@operation("deleteChatCompletion", answers.ChatCompletionDeleted)
def delete(completion_id: str) -> dict[str, Any]:
    """Forget a stored chat completion."""
    gateway().completions.delete(completion_id, auth.current())
    return {"id": completion_id, "object": "chat.completion.deleted", "deleted": True}


@blueprint.get("/<completion_id>/messages")
@operation("getChatCompletionMessages", answers.ChatCompletionMessageList, query=PageSchema)
def messages(completion_id: str) -> dict[str, Any]:
    """The messages that a stored chat completion answered."""
    asked = unknown_fields.read(PageSchema, request.args.to_dict())
    shown = render.identified(completion_id, gateway().completions.messages(_stored(completion_id)))
    if asked["order"] == "desc":
        shown.reverse()
    if (after := asked.get("after")) is not None:
        places = [place for place, message in enumerate(shown) if message["id"] == after]
        if not places:
            raise InvalidValue(f"'{completion_id}' has no message '{after}'", param="after")
        shown = shown[places[0] + 1 :]
    return listing.body(shown[: asked["limit"]], len(shown) > asked["limit"])


def _stored(completion_id: str) -> Stored:
    return gateway().completions.get(completion_id, auth.current())


def _readable(several: Iterable[Stored]) -> Iterator[dict[str, Any]]:
    """Those whose bytes are there; somebody may have deleted the others' below MLXQ_HOME."""
    for stored in several:
        try:
            yield _shown(stored)
        except (NotFound, UnreadableRecord) as error:
            pass_over(stored.completion.id, str(error))


def _shown(stored: Stored) -> dict[str, Any]:
    return render.body(stored, gateway().completions.output(stored))
