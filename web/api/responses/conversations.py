"""`/v1/conversations`: items that outlive the calls which add to them and read them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, request

from schemas.answers import conversations as answers
from schemas.responses.conversations import (
    ConversationCreateSchema,
    ConversationUpdateSchema,
    ItemListSchema,
    ItemSchema,
    ItemsCreateSchema,
)
from tasks.stored.conversations import Conversation, Described
from tasks.values.errors import InvalidValue
from web import identity, intake
from web.gateway import gateway
from web.http.access import auth
from web.http.body import queries, unknown_fields
from web.openapi.operation import operation
from web.render import conversation as render
from web.render import items as render_items
from web.stored import conversations

_INCLUDE = ("include",)
_ID = re.compile(r"[\w.-]{1,128}", re.ASCII)
blueprint = Blueprint("conversations", __name__, url_prefix="/v1/conversations")


@blueprint.post("")
@operation(
    "createConversation",
    answers.Conversation,
    body=ConversationCreateSchema,
    example={"items": [{"type": "message", "role": "user", "content": "Hello!"}], "metadata": {"topic": "demo"}},
)
def create() -> dict[str, Any]:
    """Begin a conversation."""
    data = unknown_fields.read(ConversationCreateSchema, intake.json(request, gateway()))
    items = _identified(data.get("items", ()))
    conversation = gateway().conversations.create(
        auth.current(), data.get("metadata", {}), gateway().settings.response_ttl
    )
    if items:
        gateway().conversations.add(conversation.conversation, items)
    return render.body(conversation)


def _identified(items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Checked items with ids; InvalidValue names the field that keeps one from being an item of a conversation."""
    known: set[str] = set()
    for index, item in enumerate(items):
        name, param = item.get("id"), f"items[{index}].id"
        if item["type"] == "item_reference":
            raise InvalidValue(f"'{param}' refers to an item; send the item itself", param=param)
        if name is not None and not _ID.fullmatch(name):
            raise InvalidValue(f"'{param}' must be 1 to 128 letters, digits and any of '_.-'", param=param)
        if name in known:
            raise InvalidValue(f"'{param}' is the id of an item before it", param=param)
        known |= {name} if name is not None else set()
    return [render_items.identified(item) for item in items]


@blueprint.get("/<conversation_id>")
@operation("getConversation", answers.Conversation)
def show(conversation_id: str) -> dict[str, Any]:
    """One conversation."""
    return render.body(_described(conversation_id))


@blueprint.post("/<conversation_id>")
@operation(
    "updateConversation", answers.Conversation, body=ConversationUpdateSchema, example={"metadata": {"topic": "demo"}}
)
def update(conversation_id: str) -> dict[str, Any]:
    """Put other metadata into the place of a conversation's."""
    data = unknown_fields.read(ConversationUpdateSchema, intake.json(request, gateway()))
    return render.body(gateway().conversations.describe(conversation_id, auth.current(), data["metadata"]))


@blueprint.delete("/<conversation_id>")
@operation("deleteConversation", answers.ConversationDeleted)
def delete(conversation_id: str) -> dict[str, Any]:
    """Forget a conversation and its items."""
    gateway().conversations.delete(conversation_id, auth.current())
    return {"id": conversation_id, "object": "conversation.deleted", "deleted": True}


@blueprint.post("/<conversation_id>/items")
@operation(
    "createConversationItems",
    answers.ConversationItemList,
    body=ItemsCreateSchema,
    query=ItemSchema,
    example={"items": [{"type": "message", "role": "user", "content": "And in Italy?"}]},
)
def create_items(conversation_id: str) -> dict[str, Any]:
    """Put items behind those of a conversation."""
    unknown_fields.read(ItemSchema, queries.read(request.args, _INCLUDE))
    data = unknown_fields.read(ItemsCreateSchema, intake.json(request, gateway()))
    items = _identified(data["items"])
    gateway().conversations.add(_conversation(conversation_id), items)
    return _listing(items, has_more=False)


@blueprint.get("/<conversation_id>/items")
@operation("listConversationItems", answers.ConversationItemList, query=ItemListSchema)
def list_items(conversation_id: str) -> dict[str, Any]:
    """The items of a conversation."""
    asked = unknown_fields.read(ItemListSchema, queries.read(request.args, _INCLUDE))
    page = gateway().conversations.items(
        _conversation(conversation_id),
        limit=asked["limit"],
        after=asked.get("after"),
        newest_first=asked["order"] == "desc",
    )
    return _listing(page.items, page.has_more)


@blueprint.get("/<conversation_id>/items/<item_id>")
@operation("getConversationItem", answers.ConversationItem, query=ItemSchema)
def show_item(conversation_id: str, item_id: str) -> dict[str, Any]:
    """One item of a conversation."""
    unknown_fields.read(ItemSchema, queries.read(request.args, _INCLUDE))
    return gateway().conversations.item(_conversation(conversation_id), item_id)


@blueprint.delete("/<conversation_id>/items/<item_id>")
@operation("deleteConversationItem", answers.Conversation)
def delete_item(conversation_id: str, item_id: str) -> dict[str, Any]:
    """Take an item out of a conversation."""
    described = _settled(conversation_id)
    gateway().conversations.remove(described.conversation, item_id)
    return render.body(described)


def _described(conversation_id: str) -> Described:
    return gateway().conversations.get(conversation_id, auth.current())


def _conversation(conversation_id: str) -> Conversation:
    return _settled(conversation_id).conversation


def _settled(conversation_id: str) -> Described:
    """A conversation whose items are to be read or written."""
    return conversations.settled(identity.current(), conversation_id)


def _listing(items: Sequence[Mapping[str, Any]], has_more: bool) -> dict[str, Any]:
    """Items as a list; OpenAI's SDK wants an id at either end of one without items too."""
    ends = {"first_id": items[0]["id"], "last_id": items[-1]["id"]} if items else {"first_id": "", "last_id": ""}
    return {"object": "list", "data": items, **ends, "has_more": has_more}
