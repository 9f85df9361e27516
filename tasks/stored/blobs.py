"""Large bytes beside Redis: content-addressed files, counted by reference in the records that hold them."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import structlog

from tasks.values.blob_ref import BlobRef
from tasks.values.errors import InvalidValue, NotFound, StorageFull

_CHUNK = 1 << 20
log = structlog.get_logger()


class BlobTooLarge(InvalidValue):
    """The upload is longer than its limit."""

    code = "request_too_large"


class Incoming:
    """Bytes on their way into a store: they go to the disk as they are written, then are kept or dropped.

    BlobTooLarge past `limit` bytes, StorageFull on a full disk.
    """

    def __init__(self, root: Path, limit: int | None) -> None:
        self._root, self._limit = root, limit
        self._digest, self.size = hashlib.sha256(), 0
        folder = root / "incoming"
        with _disk():
            folder.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=folder)
        self._file, self._path = os.fdopen(handle, "wb"), Path(name)

    def write(self, data: bytes) -> int:
        """Append."""
        self.size += len(data)
        if self._limit is not None and self.size > self._limit:
            raise BlobTooLarge(f"the upload is larger than {self._limit} bytes")
        self._digest.update(data)
        with _disk():
            return self._file.write(data)

    def seek(self, *_: int) -> int:
        """A parser of forms rewinds what it has written for a reader; there is none here."""
        return 0

    def keep(self, type: str) -> BlobRef:
        """Name the bytes by their content; they outlive a crash from here on."""
        with _disk():
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()
            ref = BlobRef(self._digest.hexdigest(), self.size, type)
            path = BlobStore(self._root).path(ref)
            path.parent.mkdir(exist_ok=True)
            self._path.replace(path)
        return ref

    def drop(self) -> None:
        """Leave nothing behind; after `keep` there is nothing to drop."""
        with suppress(OSError):  # what a full disk did not take
            self._file.close()
        self._path.unlink(missing_ok=True)


@contextmanager
def _disk() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageFull(f"a blob could not be written: {error.strerror}", retry_after=60) from error


@dataclass(frozen=True)
class BlobStore:
    """Files named by the sha256 of their content, below `root`."""

    root: Path

    def path(self, ref: BlobRef) -> Path:
        """Where the bytes of `ref` are, or would be."""
        return self.root / ref.sha256[:2] / ref.sha256

    def incoming(self, limit: int | None = None) -> Incoming:
        """A new blob, to be written."""
        return Incoming(self.root, limit)

    def put(self, source: BinaryIO | bytes, type: str, limit: int | None = None) -> BlobRef:
        """Keep a stream's bytes, never all of them in memory; BlobTooLarge past `limit`, StorageFull on a full disk."""
        stream = io.BytesIO(source) if isinstance(source, bytes) else source
        incoming = self.incoming(limit)
        try:
            while chunk := stream.read(_CHUNK):
                incoming.write(chunk)
            return incoming.keep(type)
        finally:
            incoming.drop()

    def open(self, ref: BlobRef) -> BinaryIO:
        """The bytes of `ref`; NotFound when they are gone."""
        try:
            return self.path(ref).open("rb")
        except FileNotFoundError:
            raise NotFound(f"blob {ref.sha256} is gone") from None

    def read(self, ref: BlobRef) -> bytes:
        """All bytes of `ref`; NotFound when they are gone."""
        with self.open(ref) as file:
            return file.read()

    def touch(self, ref: BlobRef) -> None:
        """Make a blob young again, so that no sweep takes it before a record holds it; NotFound when it is gone."""
        try:
            os.utime(self.path(ref))
        except FileNotFoundError:
            raise NotFound(f"blob {ref.sha256} is gone") from None

    def sweep(self, held: Callable[[str], bool], age: float = 3600.0) -> Iterator[bool]:
        """Delete files older than `age` seconds that no record holds, uploads that were broken off among them.

        Looks at one file after the other, at its caller's pace, and says of each whether it was deleted.
        """

        def old(path: Path) -> bool:
            return time.time() - path.stat().st_mtime > age

        for path in self._files():
            try:
                # Looked at again, as somebody may have put it anew meanwhile.
                gone = old(path) and not held(path.name) and old(path)
                if gone:
                    path.unlink()
            except FileNotFoundError:
                gone = True
            except OSError as error:
                gone = False
                log.warning("a file cannot be swept", path=str(path), error=str(error))
            yield gone

    def _files(self) -> Iterator[Path]:
        if self.root.is_dir():
            yield from (path for path in self.root.glob("*/*") if path.is_file())
