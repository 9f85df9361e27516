"""Stored responses: found by id for their owner, followed back to the responses that they continue, and shown."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from marshmallow import ValidationError

from schemas.responses.items import ItemList
from schemas.responses.turns import turns
from tasks.values import events, responses, results
from tasks.values.errors import InvalidValue, NotFound
from tasks.values.job import Job, Record
from tasks.values.messages import Message
from tasks.values.responses import Asked
from web.gateway import Gateway
from web.http.errors import path, validation
from web.identity import Caller
from web.render.failure import failure
from web.render.responses import body, items

MAX_CHAIN = 1024  # responses that continue each other
_REFERENCE = re.compile(r"[a-z]+_([0-9a-f]{32})_(i?)([0-9]{1,6})\Z")


class Past(NamedTuple):
    """A response that has ended well, what it was asked, and what it made."""

    job: Job
    asked: Asked
    result: results.TextResult
    at: int

    def output(self) -> list[dict[str, Any]]:
        """Its items."""
        return list(body.completed(self.job, self.asked, self.result, self.at)["output"])

    def turns(self) -> tuple[Message, ...]:
        """Its own input and what it said, as a later one reads them."""
        (choice,) = self.result.choices
        reply = Message("assistant", choice.text, calls=choice.calls, reasoning=choice.reasoning)
        return (*self.asked.turns, reply) if choice.text or choice.calls else self.asked.turns


def asked(gateway: Gateway, job: Job) -> Asked:
    """What a response keeps of its request; NotFound when somebody deleted the file that it is kept in."""
    response = job.options.response
    assert response is not None  # noqa: S101  (its endpoint makes no other)
    if response.asked is not None:
        return response.asked
    assert response.blob is not None  # noqa: S101  (it is kept somewhere)
    return responses.decode(gateway.store.blobs.read(response.blob))


def find(caller: Caller, response_id: str) -> Record:
    """A response of the caller's that is stored, or known where it calls from; NotFound for everything else."""
    record = caller.gateway.store.find(responses.job_of(response_id))
    response = record.job.options.response if record is not None else None
    known = response is not None and (response.stored or response_id in caller.unstored)
    if record is None or record.job.owner != caller.owner or not known:
        raise NotFound(f"no response '{response_id}'; it never existed, was not stored, was deleted, or has expired")
    return record


def shown(caller: Caller, record: Record) -> dict[str, Any]:
    """A response as it stands."""
    job, store = record.job, caller.gateway.store
    request = asked(caller.gateway, job)
    if isinstance(record.terminal, events.Done):
        result = store.result(record)
        assert isinstance(result, results.TextResult)  # noqa: S101  (its events fold to nothing else)
        return body.completed(job, request, result, record.terminal.at)
    if record.terminal is not None:
        return body.ended(job, request, record.status, failure(job, record.terminal))
    return body.head(job, request, body.STATUS[record.status])


def past(caller: Caller, response_id: str, param: str | None) -> Past:
    """A response to continue; InvalidValue names `param` when it cannot be continued."""
    try:
        record = find(caller, response_id)
        request = asked(caller.gateway, record.job)
        if isinstance(record.terminal, events.Done):
            result = caller.gateway.store.result(record)
            assert isinstance(result, results.TextResult)  # noqa: S101  (its events fold to nothing else)
            return Past(record.job, request, result, record.terminal.at)
    except NotFound:
        message = f"there is no response '{response_id}': it never existed, was not stored, was deleted, or has expired"
        raise InvalidValue(message, param=param) from None
    standing = body.STATUS[record.status]
    raise InvalidValue(f"the response '{response_id}' is {standing}, so it cannot be continued", param=param)


def chain(caller: Caller, response_id: str | None, param: str | None) -> Iterator[Past]:
    """A response, the one that it continues, and so on to the first."""
    for _ in range(MAX_CHAIN):
        if response_id is None:
            return
        earlier = past(caller, response_id, param)
        yield earlier
        response_id = earlier.asked.previous
    raise InvalidValue(f"more than {MAX_CHAIN} responses continue each other", param=param)


def resolve(
    caller: Caller, data: Mapping[str, Any], within: str = "", conversation: Sequence[Mapping[str, Any]] = ()
) -> Mapping[str, Any]:
    """A checked body with what it refers to in its place: `messages` of its own, and the `history` before them.

    It may also refer to items of its `conversation`.
    """
    known = {item["id"]: item for item in conversation}
    sent = [known.get(item["id"], item) if item["type"] == "item_reference" else item for item in data.get("input", ())]
    own_items = resolved(caller, sent, f"{path(within, 'input')}")
    param = path(within, "previous_response_id")
    before = [one.turns() for one in chain(caller, data.get("previous_response_id"), param)]
    history = [_again(turn) for one in reversed(before) for turn in one]
    return {**data, "input": own_items, "messages": turns(own_items), "history": tuple(history)}


def _again(turn: Message) -> Message:
    """A turn of an earlier response, whose parts have no place in the body."""
    media = tuple(msgspec.structs.replace(one, param="previous_response_id") for one in turn.media)
    return msgspec.structs.replace(turn, media=media)


def resolved(caller: Caller, sent: Sequence[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    """Checked items with what they refer to in their place; `name` is the field that holds them, for errors."""
    items: list[Mapping[str, Any]] = []
    for index, item in enumerate(sent):
        param = f"{name}[{index}]"
        if item["type"] == "item_reference":
            items.append(_referred(caller, item["id"], f"{param}.id"))
        elif item["type"] == "compaction":
            if any(earlier["type"] == "compaction" for earlier in sent[:index]):
                raise InvalidValue("an input can hold one compaction only", param=param)
            items += _expanded(item["encrypted_content"], f"{param}.encrypted_content")
        else:
            items.append(_readable(item, f"{param}.encrypted_content"))
    return items


def _referred(caller: Caller, item_id: str, param: str) -> Mapping[str, Any]:
    named = _REFERENCE.match(item_id)
    if named is None:
        raise InvalidValue(f"no item '{item_id}' is stored here", param=param)
    earlier = past(caller, responses.PREFIX + named[1], param)
    listed = items.listed(earlier.job, earlier.asked) if named[2] else earlier.output()
    if int(named[3]) >= len(listed) or listed[int(named[3])]["id"] != item_id:
        raise InvalidValue(f"no item '{item_id}' is stored here", param=param)
    return listed[int(named[3])]


def _expanded(content: str, param: str) -> list[Mapping[str, Any]]:
    try:
        unpacked = list(ItemList().deserialize(items.expanded(content)))
    except ValidationError as error:
        raise validation(error, param) from None
    except ValueError as error:
        raise InvalidValue(f"'{param}' {error}; send the items that compacting returned", param=param) from None
    if any(item["type"] in ("compaction", "item_reference") for item in unpacked):
        raise InvalidValue(f"'{param}' was not made here; send the items that compacting returned", param=param)
    return unpacked


def _readable(item: Mapping[str, Any], param: str) -> Mapping[str, Any]:
    """The same item, with the thinking in it that came sealed."""
    if item["type"] != "reasoning" or item.get("content") or item.get("summary") or "encrypted_content" not in item:
        return item
    try:
        thinking = items.unsealed(item["encrypted_content"])
    except ValueError as error:
        raise InvalidValue(f"'{param}' {error}; send reasoning items as they were received", param=param) from None
    return {**item, "content": [{"type": "reasoning_text", "text": thinking}]}
