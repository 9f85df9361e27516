"""What the end of a job stores besides its own record, as `lua/finish.lua` takes it."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from tasks.blobs import BlobStore
from tasks.redis.keys import Keys
from tasks.redis.scripts import Value
from tasks.values import chat_completion
from tasks.values.chat_completion import Completion
from tasks.values.job import Job


class Storing(NamedTuple):
    """The script's part that writes a stored completion: its keys `completion` to `output`, `stored` to `most`."""

    keys: tuple[str, ...] = ("",) * 5
    args: tuple[Value, ...] = ("",) * 6


NOTHING = Storing()


def storing(keys: Keys, blobs: BlobStore, done: Job, result: bytes) -> Storing:
    """What is stored of a job with this result, if that was asked for; the bytes are beside Redis from here on."""
    if done.storage is None or not result:
        return NOTHING
    output = blobs.put(chat_completion.encode_output(done, result), "application/json")
    stored = Completion(
        id=chat_completion.completion_id(done),
        owner=done.owner,
        model=done.model,
        created=done.created,
        input=done.storage.input,
        output=output,
    )
    return Storing(
        (
            keys.completion(stored.id),
            keys.completions(stored.owner),
            keys.outdated(),
            keys.blob(stored.input.sha256),
            keys.blob(stored.output.sha256),
        ),
        (
            chat_completion.encode(stored),
            stored.id,
            msgspec.json.encode(done.storage.metadata),
            done.storage.keep,
            keys.completion(""),
            chat_completion.MOST,
        ),
    )
