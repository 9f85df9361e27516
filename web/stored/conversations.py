"""Conversations with all that calls have said in them: what is not stored as items yet becomes items when it is read.

A job that ends leaves its result to its conversation (`lua/finish.lua`), and only the web knows what items that is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.responses.turns import turns
from tasks.redis.unreadable import pass_over
from tasks.stored.conversations import MOST_ITEMS, Described
from tasks.values import results
from tasks.values.chat_completion import Output
from tasks.values.errors import InvalidValue, NotFound
from web.gateway import Gateway
from web.http.errors import path
from web.identity import Caller
from web.render.items import identified
from web.render.responses import body, items
from web.stored import responses


def settled(caller: Caller, conversation_id: str) -> Described:
    """One of the caller's conversations, with everything in it that was said; NotFound when there is none."""
    conversations = caller.gateway.conversations
    conversation = conversations.get(conversation_id, caller.owner)
    for turn in conversations.turns(conversation.conversation):
        try:
            items = _items(caller.gateway, conversations.output(turn))
        except NotFound as error:  # somebody deleted the files that it was kept in
            pass_over(conversation_id, str(error))
            items = []
        conversations.settle(conversation.conversation, turn, items)
    return conversation


def _items(gateway: Gateway, response: Output) -> list[dict[str, Any]]:
    """A response's input and output."""
    assert isinstance(response.result, results.TextResult)  # noqa: S101  (a response's events fold to nothing else)
    request = responses.asked(gateway, response.job)
    output = body.completed(response.job, request, response.result, 0)["output"]
    return [identified(item) for item in (*items.listed(response.job, request), *output)]


def past(caller: Caller, conversation_id: str, param: str | None) -> tuple[dict[str, Any], ...]:
    """All items of a conversation that a call goes on with; InvalidValue names `param` when it cannot."""
    try:
        conversation = settled(caller, conversation_id).conversation
    except NotFound as error:
        raise InvalidValue(str(error), param=param) from None
    items = caller.gateway.conversations.items(conversation, limit=MOST_ITEMS, newest_first=False).items
    if len(items) >= MOST_ITEMS:
        message = f"the conversation '{conversation_id}' holds {MOST_ITEMS} items, as many as it may; begin another"
        raise InvalidValue(message, param=param)
    return items


def resolve(caller: Caller, data: Mapping[str, Any], within: str = "") -> Mapping[str, Any]:
    """A response's checked body with what it refers to in its place, its conversation before its own messages."""
    if "conversation" not in data:
        return responses.resolve(caller, data, within)
    before = past(caller, data["conversation"], path(within, "conversation"))
    resolved_body = responses.resolve(caller, data, within, before)
    earlier_messages = turns(responses.resolved(caller, before, "conversation"), "conversation")
    return {**resolved_body, "messages": [*earlier_messages, *resolved_body["messages"]]}
