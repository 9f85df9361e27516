"""Files: uploads that outlive their request, and what batches write; each a blob with a name and an owner."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec

from tasks.redis.scripts import answers
from tasks.redis.store import JobStore
from tasks.redis.unreadable import pass_over, readable
from tasks.values.blob_ref import BlobRef
from tasks.values.errors import NotFound, UnreadableRecord
from tasks.values.job import new_id

PREFIX = "file-"
VERSION = 1
READABLE = frozenset({1})
_STRETCH = 500  # files read at once from a listing

Purpose: TypeAlias = Literal["assistants", "batch", "batch_output", "evals", "fine-tune", "user_data", "vision"]


class File(msgspec.Struct, frozen=True, kw_only=True):
    """A file as its record holds it; times are milliseconds since the epoch by Redis' clock."""

    id: str
    owner: str
    filename: str
    purpose: Purpose
    blob: BlobRef
    created: int
    expires: int | None = None
    v: int = VERSION


class Page(NamedTuple):
    """A stretch of a listing."""

    files: tuple[File, ...]
    has_more: bool


@dataclass(frozen=True)
class Files:
    """What is stored of files: records in Redis, bytes in blobs."""

    store: JobStore

    def add(self, owner: str, filename: str, purpose: Purpose, blob: BlobRef, keep: int | None) -> File:
        """Record a file that is kept for `keep` seconds, or until it is deleted."""
        file = self.new(owner, filename, purpose, blob, keep)
        keys = self.store.keys
        with answers():
            self.store.scripts.run(
                "add_file",
                [keys.file(file.id), keys.files(owner), keys.blob(blob.sha256), keys.outdated()],
                [file.id, owner, encode(file), file.expires or ""],
            )
        return file

    def new(self, owner: str, filename: str, purpose: Purpose, blob: BlobRef, keep: int | None) -> File:
        """A file with a new id, not recorded yet."""
        clock = self.store.clock()
        created = clock // 1000
        expires = None if keep is None else created + 1000 * keep
        return File(
            id=new_id(PREFIX, clock), owner=owner, filename=filename, purpose=purpose, blob=blob, created=created,
            expires=expires,
        )  # fmt: skip

    def get(self, file_id: str, owner: str) -> File:
        """One of the owner's files; NotFound for anybody else's."""
        with answers():
            data = self.store.redis.get(self.store.keys.file(file_id))
        file: File | None = None
        if data is not None:
            with readable(file_id):
                file = decode(data)
        if file is None or file.owner != owner or _over(file, self.store.now()):
            raise NotFound(f"no file '{file_id}'")
        return file

    def list(
        self, owner: str, *, limit: int, after: str | None = None, newest_first: bool = True, purpose: str | None = None
    ) -> Page:
        """The owner's files in the order they were made, those after the cursor `after` (a file's id)."""
        files: list[File] = []
        now = self.store.now()
        for file in self._files(owner, after, newest_first):
            if purpose in (None, file.purpose) and not _over(file, now):
                files.append(file)
                if len(files) > limit:
                    break
        return Page(tuple(files[:limit]), len(files) > limit)

    def _files(self, owner: str, after: str | None, newest_first: bool) -> Iterator[File]:
        key = self.store.keys.files(owner)
        while True:
            with answers():
                ids = stretch(self.store.redis, key, after, newest_first, _STRETCH)
                rows = self.store.redis.mget([self.store.keys.file(file_id) for file_id in ids]) if ids else []
            for file_id, data in zip(ids, rows, strict=True):
                if data is not None and (file := _readable(file_id, data)) is not None:
                    yield file
            if len(ids) < _STRETCH:
                return
            after = ids[-1]

    def delete(self, file_id: str, owner: str) -> None:
        """Forget one of the owner's files; a batch that reads it goes on."""
        self.erase(self.get(file_id, owner))

    def erase(self, file: File) -> None:
        """Remove a file's record; its bytes go when nothing else holds them."""
        keys = self.store.keys
        with answers():
            self.store.scripts.run(
                "remove_file",
                [keys.file(file.id), keys.files(file.owner), keys.blob(file.blob.sha256), keys.outdated()],
                [file.id, file.owner],
            )

    def expire(self, file_id: str) -> None:
        """Remove a file whose time is over."""
        data = self.store.redis.get(self.store.keys.file(file_id))
        if data is not None:
            self.erase(decode(data))


def encode(file: File) -> bytes:
    """A file as its record holds it."""
    return msgspec.json.encode(file)


def decode(data: bytes) -> File:
    """The file in these bytes; ValueError for a version that this code does not read."""
    file = msgspec.json.decode(data, type=File)
    if file.v not in READABLE:
        raise ValueError(f"file of version {file.v}; this mlxq reads {sorted(READABLE)}")
    return file


def _readable(file_id: str, data: bytes) -> File | None:
    try:
        with readable(file_id):
            return decode(data)
    except UnreadableRecord as error:
        pass_over(file_id, str(error))
        return None


def stretch(redis: Any, key: str, after: str | None, newest_first: bool, count: int) -> list[str]:
    """The next ids of an index whose ids sort as their records were made."""
    if newest_first:
        members = redis.zrevrangebylex(key, f"({after}" if after else "+", "-", start=0, num=count)
    else:
        members = redis.zrangebylex(key, f"({after}" if after else "-", "+", start=0, num=count)
    return [member.decode() for member in members]


def _over(file: File, now: int) -> bool:
    return file.expires is not None and file.expires <= now
