"""Conversations: items in their order, which calls add to and read, until nobody has written to them for long."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from tasks.redis.scripts import answers
from tasks.redis.store import JobStore
from tasks.redis.unreadable import readable
from tasks.values import chat_completion
from tasks.values.blob_ref import BlobRef
from tasks.values.chat_completion import Output
from tasks.values.errors import InvalidValue, NotFound
from tasks.values.job import new_id
from tasks.values.turn import Turn

PREFIX = "conv_"
VERSION = 1
READABLE = frozenset({1})
MOST = 100_000  # conversations of an owner; then those that nobody has written to for longest go
MOST_ITEMS = 4096  # of a conversation
MOST_BYTES = 16 << 20  # of an item, as JSON
_ADDED, _GONE, _FULL = b"added", b"gone", b"full"


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation as its record holds it, made at `created` (milliseconds since the epoch).

    It goes when nobody has written to it for `keep` seconds.
    """

    id: str
    owner: str
    created: int
    keep: int
    v: int = VERSION


class Described(NamedTuple):
    """A conversation with its owner's words about it."""

    conversation: Conversation
    metadata: dict[str, str]


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where an item is: the blob holds a JSON list, of which it is one."""

    blob: BlobRef
    index: int


class Page(NamedTuple):
    """A stretch of a conversation's items."""

    items: tuple[dict[str, Any], ...]
    has_more: bool


@dataclass(frozen=True)
class Conversations:
    """Make, read, describe, extend and delete conversations; every item is a JSON object with an `id`."""

    store: JobStore

    def create(self, owner: str, metadata: Mapping[str, str], keep: int) -> Described:
        """A new conversation without items."""
        clock = self.store.clock()
        conversation = Conversation(id=new_id(PREFIX, clock), owner=owner, created=clock // 1000, keep=keep)
        keys = self.store.keys
        with answers():
            self.store.scripts.run(
                "open_conversation",
                [keys.conversation(conversation.id), keys.conversations(owner), keys.outdated()],
                [
                    conversation.id,
                    encode(conversation),
                    msgspec.json.encode(metadata),
                    keep,
                    keys.conversation(""),
                    MOST,
                ],
            )
        return Described(conversation, dict(metadata))

    def get(self, conversation_id: str, owner: str) -> Described:
        """One of the owner's conversations; NotFound for anybody else's, and for one that was deleted."""
        with answers():
            spec, metadata, expires = self.store.redis.hmget(
                self.store.keys.conversation(conversation_id), ["spec", "metadata", "expires"]
            )
        described = None
        if spec is not None and metadata is not None:
            with readable(conversation_id):
                described = Described(decode(spec), msgspec.json.decode(metadata, type=dict[str, str]))
        if described is None or described.conversation.owner != owner or int(expires) <= self.store.now():
            raise NotFound(f"no conversation '{conversation_id}'; it may have been deleted, or its time is over")
        return described

    def describe(self, conversation_id: str, owner: str, metadata: Mapping[str, str]) -> Described:
        """Put other words about a conversation into the place of those before."""
        self.get(conversation_id, owner)
        with answers():
            self.store.scripts.run(
                "set_metadata", [self.store.keys.conversation(conversation_id)], [msgspec.json.encode(metadata)]
            )
        return self.get(conversation_id, owner)

    def add(self, conversation: Conversation, items: Sequence[Mapping[str, Any]]) -> None:
        """Put items behind those that are there, all of them or none.

        InvalidValue names one that is too large, or has the id of another, and says when there is no room; NotFound
        when the conversation is gone.
        """
        keys, (blob, placed) = self.store.keys, self._placed(items, most=MOST_BYTES)
        with answers():
            outcome = self.store.scripts.run(
                "add_items",
                [
                    keys.conversation(conversation.id),
                    keys.conversations(conversation.owner),
                    keys.items(conversation.id),
                    keys.places(conversation.id),
                    keys.blob(blob.sha256),
                ],
                [
                    conversation.id,
                    conversation.owner,
                    conversation.keep,
                    MOST_ITEMS,
                    secrets.token_hex(8),
                    *placed,
                ],
            )
        if outcome == _GONE:
            raise NotFound(f"no conversation '{conversation.id}'; it has been deleted, or its time is over")
        if outcome == _FULL:
            raise InvalidValue(f"'items': the conversation may hold {MOST_ITEMS} items, and no more", param="items")
        if outcome != _ADDED:
            ids = [item["id"] for item in items]
            param = f"items[{ids.index(outcome.decode().partition(' ')[2])}].id"
            raise InvalidValue(f"'{param}': the conversation has an item of this id already", param=param)

    def _placed(self, items: Sequence[Mapping[str, Any]], most: int | None) -> tuple[BlobRef, list[str | bytes]]:
        """The blob of these items, and id and place of each."""
        written = [msgspec.json.encode(item) for item in items]
        for index, data in enumerate(written):
            if most is not None and len(data) > most:
                param = f"items[{index}]"
                raise InvalidValue(f"'{param}' has {len(data)} bytes; at most {most} are taken", param=param)
        blob = self.store.blobs.put(b"[" + b",".join(written) + b"]", "application/json")
        places = [msgspec.json.encode(Place(blob, index)) for index in range(len(items))]
        return blob, [part for item, place in zip(items, places, strict=True) for part in (item["id"], place)]

    def items(
        self, conversation: Conversation, *, limit: int, after: str | None = None, newest_first: bool = True
    ) -> Page:
        """The items in their order, those after the cursor `after` (an item's id); InvalidValue when it is not one."""
        ids = self._ids(conversation, limit + 1, after, newest_first)
        with answers():
            places = self.store.redis.hmget(self.store.keys.places(conversation.id), ids[:limit]) if ids else []
        return Page(tuple(self._read(filter(None, places))), len(ids) > limit)

    def _ids(self, conversation: Conversation, count: int, after: str | None, newest_first: bool) -> list[str]:
        redis, key = self.store.redis, self.store.keys.items(conversation.id)
        begin = "+inf" if newest_first else "-inf"
        with answers():
            if after is not None:
                place = redis.zscore(key, after)
                if place is None:
                    raise InvalidValue(f"'after': the conversation has no item '{after}'", param="after")
                begin = f"({int(place)}"
            if newest_first:
                members = redis.zrevrangebyscore(key, begin, "-inf", start=0, num=count)
            else:
                members = redis.zrangebyscore(key, begin, "+inf", start=0, num=count)
        return [member.decode() for member in members]

    def item(self, conversation: Conversation, item_id: str) -> dict[str, Any]:
        """One item; NotFound when there is none of this id."""
        (item,) = self._read([self._place(conversation, item_id)])
        return item

    def remove(self, conversation: Conversation, item_id: str) -> None:
        """Take one item out; NotFound when there is none of this id."""
        keys = self.store.keys
        held = msgspec.json.decode(self._place(conversation, item_id), type=Place).blob
        with answers():
            self.store.scripts.run(
                "remove_item",
                [keys.items(conversation.id), keys.places(conversation.id), keys.blob(held.sha256)],
                [item_id, conversation.owner],
            )

    def _place(self, conversation: Conversation, item_id: str) -> bytes:
        with answers():
            place: bytes | None = self.store.redis.hget(self.store.keys.places(conversation.id), item_id)
        if place is None:
            raise NotFound(f"no item '{item_id}' in '{conversation.id}'")
        return place

    def turns(self, conversation: Conversation) -> list[bytes]:
        """What calls have said that has not become items yet, in the order in which they ended."""
        with answers():
            members: list[bytes] = self.store.redis.lrange(self.store.keys.turns(conversation.id), 0, -1)
        return members

    def output(self, turn: bytes) -> Output:
        """What a turn is rendered from; NotFound when its bytes are gone."""
        data = self.store.blobs.read(msgspec.json.decode(turn, type=Turn).output)
        with readable("what was said in a conversation"):
            return chat_completion.decode_output(data)

    def settle(self, conversation: Conversation, turn: bytes, items: Sequence[Mapping[str, Any]]) -> None:
        """Make a turn its items, behind those that are there; once, also when several processes do so."""
        keys, (blob, placed) = self.store.keys, self._placed(items, most=None)
        with answers():
            self.store.scripts.run(
                "settle_turn",
                [
                    keys.conversation(conversation.id),
                    keys.items(conversation.id),
                    keys.places(conversation.id),
                    keys.turns(conversation.id),
                    keys.blob(blob.sha256),
                ],
                [turn, conversation.owner, keys.blob(""), *placed],
            )

    def delete(self, conversation_id: str, owner: str) -> None:
        """Forget one of the owner's conversations, and its items."""
        self._erase(self.get(conversation_id, owner).conversation)

    def expire(self, conversation_id: str) -> int | None:
        """Remove a conversation whose time is over; or when, in milliseconds since the epoch, to look at it again."""
        spec = self.store.redis.hget(self.store.keys.conversation(conversation_id), "spec")
        return None if spec is None else self._erase(decode(spec), self.store.now())

    def _erase(self, conversation: Conversation, now: int | None = None) -> int | None:
        """Remove a conversation; where `now` is given only if its time is over then, else the answer is its end."""
        keys = self.store.keys
        with answers():
            left = self.store.scripts.run(
                "remove_conversation",
                [
                    keys.conversation(conversation.id),
                    keys.conversations(conversation.owner),
                    keys.items(conversation.id),
                    keys.places(conversation.id),
                    keys.turns(conversation.id),
                    keys.outdated(),
                ],
                [conversation.id, conversation.owner, "" if now is None else now, keys.blob("")],
            )
        return None if left is None else int(left)

    def _read(self, places: Iterable[bytes]) -> Iterator[dict[str, Any]]:
        """The items in these places; of each blob's items the bytes are read once."""
        lists: dict[str, list[dict[str, Any]]] = {}
        for data in places:
            place = msgspec.json.decode(data, type=Place)
            if place.blob.sha256 not in lists:
                lists[place.blob.sha256] = msgspec.json.decode(self.store.blobs.read(place.blob))
            yield lists[place.blob.sha256][place.index]


def encode(conversation: Conversation) -> bytes:
    """A conversation as its record holds it."""
    return msgspec.json.encode(conversation)


def decode(data: bytes) -> Conversation:
    """The conversation in these bytes; ValueError for a version that this code does not read."""
    conversation = msgspec.json.decode(data, type=Conversation)
    if conversation.v not in READABLE:
        raise ValueError(f"conversation of version {conversation.v}; this mlxq reads {sorted(READABLE)}")
    return conversation
