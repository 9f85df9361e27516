"""Large bytes beside Redis: content-addressed files, counted by reference in the records that hold them."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tasks.errors import InvalidValue, NotFound, StorageFull
from tasks.requests import BlobRef

_CHUNK = 1 << 20


class BlobTooLarge(InvalidValue):
    """The upload is longer than its limit."""

    code = "request_too_large"


@dataclass(frozen=True)
class BlobStore:
    """Files named by the sha256 of their content, below `root`."""

    root: Path

    def path(self, ref: BlobRef) -> Path:
        """Where the bytes of `ref` are, or would be."""
        return self.root / ref.sha256[:2] / ref.sha256

    def put(self, source: BinaryIO | bytes, type: str, limit: int | None = None) -> BlobRef:
        """Keep a stream's bytes, never all of them in memory; BlobTooLarge past `limit`, StorageFull on a full disk."""
        stream = io.BytesIO(source) if isinstance(source, bytes) else source
        try:
            return self._write(stream, type, limit)
        except OSError as error:
            raise StorageFull(f"a blob could not be written: {error.strerror}", retry_after=60) from error

    def _write(self, stream: BinaryIO, type: str, limit: int | None) -> BlobRef:
        incoming = self.root / "incoming"
        incoming.mkdir(parents=True, exist_ok=True)
        digest, size = hashlib.sha256(), 0
        handle, name = tempfile.mkstemp(dir=incoming)
        try:
            with os.fdopen(handle, "wb") as file:
                while chunk := stream.read(_CHUNK):
                    size += len(chunk)
                    if limit is not None and size > limit:
                        raise BlobTooLarge(f"the upload is larger than {limit} bytes")
                    digest.update(chunk)
                    file.write(chunk)
                file.flush()
                os.fsync(file.fileno())
            ref = BlobRef(digest.hexdigest(), size, type)
            path = self.path(ref)
            path.parent.mkdir(exist_ok=True)
            Path(name).replace(path)
            return ref
        finally:
            Path(name).unlink(missing_ok=True)

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

    def keep(self, ref: BlobRef) -> None:
        """Count the bytes of `ref` as written now: its record is not there yet, and `sweep` must leave it alone."""
        with contextlib.suppress(FileNotFoundError):
            os.utime(self.path(ref))

    def sweep(self, held: Callable[[str], bool], age: float = 3600.0) -> int:
        """Delete files older than `age` seconds that no record holds; returns how many."""
        gone = 0
        for path in self._files():
            try:
                if time.time() - path.stat().st_mtime > age and not held(path.name):
                    path.unlink()
                    gone += 1
            except FileNotFoundError:
                continue
        return gone

    def _files(self) -> Iterator[Path]:
        if self.root.is_dir():
            yield from (path for path in self.root.glob("*/*") if path.is_file())
