"""What the end of a job stores besides its own record, as `lua/finish.lua` takes it."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from tasks.redis.keys import Keys
from tasks.redis.scripts import Value
from tasks.stored.blobs import BlobStore
from tasks.values import chat_completion
from tasks.values.blob_ref import BlobRef
from tasks.values.chat_completion import Completion
from tasks.values.job import Job, Storage
from tasks.values.requests import Sampling
from tasks.values.turn import Turn

_NO_KEYS: tuple[str, ...] = ("",) * 5
_NO_ARGS: tuple[Value, ...] = ("",) * 6


class StoredOutput(NamedTuple):
    """The script's part that writes a stored completion or a conversation's turn.

    Its keys are `completion` to `turns`, its arguments `stored` to `turn`.
    """

    keys: tuple[str, ...] = (*_NO_KEYS, "", "")
    args: tuple[Value, ...] = (*_NO_ARGS, "")


def stored_output(keys: Keys, blobs: BlobStore, done: Job, result: bytes) -> StoredOutput:
    """What is stored of a job with this result, if that was asked for; the bytes are beside Redis from here on."""
    response = done.options.response
    if not result or (done.storage is None and (response is None or response.conversation is None)):
        return StoredOutput()
    output = blobs.put(chat_completion.encode_output(done, result), "application/json")
    if done.storage is not None:
        return _completion(keys, done, done.storage, output)
    assert response is not None and response.conversation is not None  # noqa: S101  (there is nothing else to store)
    turn = msgspec.json.encode(Turn(done.id, output, response.blob))
    conversation, turns = keys.conversation(response.conversation), keys.turns(response.conversation)
    return StoredOutput((*_NO_KEYS, conversation, turns), (*_NO_ARGS, turn))


def _completion(keys: Keys, done: Job, storage: Storage, output: BlobRef) -> StoredOutput:
    stored = Completion(
        id=chat_completion.completion_id(done),
        owner=done.owner,
        model=done.model,
        created=done.created,
        input=storage.input,
        output=output,
        adapter=done.payload.adapter if isinstance(done.payload, Sampling) else "",
    )
    return StoredOutput(
        (
            keys.completion(stored.id),
            keys.completions(stored.owner),
            keys.outdated(),
            keys.blob(stored.input.sha256),
            keys.blob(stored.output.sha256),
            "",
            "",
        ),
        (
            chat_completion.encode(stored),
            stored.id,
            msgspec.json.encode(storage.metadata),
            storage.keep,
            keys.completion(""),
            chat_completion.MOST,
            "",
        ),
    )
