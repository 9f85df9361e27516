"""Stored chat completions: what jobs that ask for it leave behind when they succeed, until its time is over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from tasks.redis.scripts import answers
from tasks.redis.store import JobStore
from tasks.redis.unreadable import pass_over, readable
from tasks.stored.files import stretch
from tasks.values import chat_completion
from tasks.values.chat_completion import Completion, Output
from tasks.values.errors import NotFound, UnreadableRecord

_STRETCH = 128  # completions read at once from a listing
_FIELDS = ("spec", "metadata", "expires")


class Stored(NamedTuple):
    """A completion with its owner's words about it; it is there until `expires`, in milliseconds since the epoch."""

    completion: Completion
    metadata: dict[str, str]
    expires: int


class Page(NamedTuple):
    """A stretch of a listing."""

    stored: tuple[Stored, ...]
    has_more: bool


@dataclass(frozen=True)
class ChatCompletions:
    """Read, list, describe and delete stored completions; the end of their jobs makes them (`lua/finish.lua`)."""

    store: JobStore

    def get(self, completion_id: str, owner: str) -> Stored:
        """One of the owner's completions; NotFound for anybody else's."""
        (fields,) = self._fields([completion_id])
        with readable(completion_id):
            stored = _stored(fields)
        if stored is None or stored.completion.owner != owner or stored.expires <= self.store.now():
            raise NotFound(f"no stored chat completion '{completion_id}'")
        return stored

    def list(
        self,
        owner: str,
        *,
        limit: int,
        after: str | None = None,
        newest_first: bool = False,
        models: frozenset[str] | None = None,
        adapter: str | None = None,
        metadata: Mapping[str, str] = {},
    ) -> Page:
        """The owner's completions in the order they were made, those after the cursor `after` (a completion's id).

        `models` are the names of the model that wrote them, `adapter` is what it wrote them with.
        """
        completions: list[Stored] = []
        now = self.store.now()
        for one in self._each(owner, after, newest_first):
            completion = one.completion
            fits = (models is None or completion.model in models) and adapter in (None, completion.adapter)
            if fits and metadata.items() <= one.metadata.items() and one.expires > now:
                completions.append(one)
                if len(completions) > limit:
                    break
        return Page(tuple(completions[:limit]), len(completions) > limit)

    def _each(self, owner: str, after: str | None, newest_first: bool) -> Iterator[Stored]:
        key = self.store.keys.completions(owner)
        while True:
            with answers():
                ids = stretch(self.store.redis, key, after, newest_first, _STRETCH)
            for completion_id, fields in zip(ids, self._fields(ids), strict=True):
                if (stored := _readable(completion_id, fields)) is not None:
                    yield stored
            if len(ids) < _STRETCH:
                return
            after = ids[-1]

    def _fields(self, ids: Sequence[str]) -> Sequence[Sequence[bytes | None]]:
        with answers(), self.store.redis.pipeline(transaction=False) as pipe:
            for completion_id in ids:
                pipe.hmget(self.store.keys.completion(completion_id), _FIELDS)
            rows: Sequence[Sequence[bytes | None]] = pipe.execute()
        return rows

    def output(self, stored: Stored) -> Output:
        """What a completion is rendered from; NotFound when its bytes are gone."""
        data = self.store.blobs.read(stored.completion.output)
        with readable(stored.completion.id):
            return chat_completion.decode_output(data)

    def messages(self, stored: Stored) -> Sequence[dict[str, Any]]:
        """The messages that were sent, as they are shown; NotFound when their bytes are gone."""
        data = self.store.blobs.read(stored.completion.input)
        with readable(stored.completion.id):
            return msgspec.json.decode(data, type=tuple[dict[str, Any], ...])

    def describe(self, completion_id: str, owner: str, metadata: Mapping[str, str]) -> Stored:
        """Put other words about a completion into the place of those before."""
        self.get(completion_id, owner)
        with answers():
            self.store.scripts.run(
                "set_metadata", [self.store.keys.completion(completion_id)], [msgspec.json.encode(metadata)]
            )
        return self.get(completion_id, owner)

    def delete(self, completion_id: str, owner: str) -> None:
        """Forget one of the owner's completions; the job that made it stays."""
        self._erase(self.get(completion_id, owner).completion)

    def expire(self, completion_id: str) -> None:
        """Remove a completion whose time is over."""
        spec = self.store.redis.hget(self.store.keys.completion(completion_id), "spec")
        if spec is not None:
            self._erase(chat_completion.decode(spec))

    def _erase(self, completion: Completion) -> None:
        keys = self.store.keys
        with answers():
            self.store.scripts.run(
                "remove_completion",
                [
                    keys.completion(completion.id),
                    keys.completions(completion.owner),
                    keys.outdated(),
                    keys.blob(completion.input.sha256),
                    keys.blob(completion.output.sha256),
                ],
                [completion.id, completion.owner],
            )


def _readable(completion_id: str, fields: Sequence[bytes | None]) -> Stored | None:
    try:
        with readable(completion_id):
            return _stored(fields)
    except UnreadableRecord as error:
        pass_over(completion_id, str(error))
        return None


def _stored(fields: Sequence[bytes | None]) -> Stored | None:
    spec, metadata, expires = fields
    if spec is None or metadata is None or expires is None:
        return None
    return Stored(chat_completion.decode(spec), msgspec.json.decode(metadata, type=dict[str, str]), int(expires))
