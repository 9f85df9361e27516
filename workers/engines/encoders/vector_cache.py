"""Vectors of texts that were embedded before, in a file that outlives the process.

A vector is found by what it depends on, its text's tokens and which of them are a prompt, and by its owner, who finds
nobody else's. A file holds those of one model as its files are: of others there are other files.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import Any, TypeAlias

import numpy as np
import structlog

from workers.engines.encoders.inputs import Text
from workers.serving.check_deadline import ENDLESS, CheckDeadline

Vector: TypeAlias = np.ndarray[Any, np.dtype[np.float32]]
_BEHIND = 64  # changes that may wait to be written; what comes then is not kept
_BUSY = 5.0  # seconds that another process may be writing
_SPARE = 16  # one part of this many is dropped at once when the file is full
_LAYOUT = """
    PRAGMA page_size = 16384;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA wal_autocheckpoint = 256;
    CREATE TABLE IF NOT EXISTS vectors (
        used INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, checksum INTEGER NOT NULL, vector BLOB NOT NULL
    );
"""  # `used` rises with every use, so that what was used least recently lies together
log = structlog.get_logger()


def key(owner: str, text: Text) -> bytes:
    """What a text's vector is kept under."""
    tokens = np.asarray(text.tokens, "<i8").tobytes()
    return sha256(b"%s\0%d\0%s" % (owner.encode(), text.prompt, tokens)).digest()


class VectorCache:
    """At most `max_bytes` of one model's vectors in a SQLite file; those used least recently leave first.

    Any thread may call; what changes the file is done by a thread of its own. A file that is damaged begins anew, and
    what cannot be read or written costs computing it again, nothing else. Raises OSError or sqlite3.Error when there
    can be no such file.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self._path, self._max_bytes = path, max_bytes
        self._reading = Lock()
        self._writer = ThreadPoolExecutor(1, "vector-cache")
        self._free = BoundedSemaphore(_BEHIND)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._connect()
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as error:
            self._begin_anew(error)
        self._change(self._fit)
        self.flush()

    def find(self, keys: Sequence[bytes], deadline: CheckDeadline = ENDLESS) -> Mapping[bytes, Vector]:
        """The vectors that are kept under some of these keys; raises JobCancelled."""
        vectors: dict[bytes, Vector] = {}
        for one in keys:
            deadline.look()
            try:
                with self._reading:
                    reader = self._reader
                    row = reader.execute("SELECT checksum, vector FROM vectors WHERE key = ?", (one,)).fetchone()
            except sqlite3.OperationalError as error:
                log.warning("kept vectors cannot be read", file=str(self._path), error=str(error))
                break
            except sqlite3.DatabaseError as error:
                self._change(self._renew, reader, error)
                break
            if row is not None and isinstance(row[1], bytes) and zlib.crc32(row[1]) == row[0]:
                vectors[one] = np.frombuffer(row[1], "<f4")
        if vectors:
            self._change(self._touch, tuple(vectors))
        return vectors

    def keep(self, vectors: Mapping[bytes, Vector]) -> None:
        """Have vectors written; nobody may write to them any more."""
        self._change(self._store, vectors)

    def flush(self) -> None:
        """Wait until all that was to be written is."""
        self._writer.submit(lambda: None).result()

    def _change(self, change: Callable[..., None], *args: object) -> None:
        if self._free.acquire(blocking=False):
            self._writer.submit(self._changed, change, *args)

    def _changed(self, change: Callable[..., None], *args: object) -> None:
        try:
            try:
                change(*args)
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError as error:
                self._renew(self._reader, error)
        except (OSError, sqlite3.Error) as error:
            log.warning("vectors were not kept", file=str(self._path), error=str(error))
        finally:
            self._free.release()

    def _store(self, vectors: Mapping[bytes, Vector]) -> None:
        written = [(one, vector.astype("<f4").tobytes()) for one, vector in vectors.items()]
        with self._connection as connection:
            connection.executemany(
                "INSERT OR REPLACE INTO vectors (key, checksum, vector) VALUES (?, ?, ?)",
                [(one, zlib.crc32(data), data) for one, data in written],
            )
        self._shrink()

    def _touch(self, keys: Sequence[bytes]) -> None:
        """Note that vectors were used; those of the younger half are far from leaving, and stay where they lie."""
        oldest, newest = self._ends()
        with self._connection as connection:
            connection.executemany(
                "UPDATE vectors SET used = (SELECT max(used) FROM vectors) + 1 WHERE key = ? AND used < ?",
                [(one, (oldest + newest) // 2) for one in keys],
            )

    def _fit(self) -> None:
        """Bring a file that may be larger than it is to be now within its bytes."""
        self._shrink()
        pages, unused = (_number(self._connection, f"PRAGMA {what}_count") for what in ("page", "freelist"))
        if 2 * unused > pages:
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _shrink(self) -> None:
        while _nbytes(self._connection) > self._max_bytes:
            oldest, newest = self._ends()
            if newest == 0:
                return
            with self._connection as connection:
                connection.execute("DELETE FROM vectors WHERE used <= ?", (oldest + (newest - oldest) // _SPARE,))

    def _ends(self) -> tuple[int, int]:
        question = "SELECT (SELECT min(used) FROM vectors), (SELECT max(used) FROM vectors)"
        oldest, newest = self._connection.execute(question).fetchone()
        return oldest or 0, newest or 0

    def _connect(self) -> None:
        self._reader = _open(self._path)
        self._connection = _open(self._path)

    def _renew(self, seen: sqlite3.Connection, error: sqlite3.Error) -> None:
        """Begin anew, unless that was done since somebody saw that the file is damaged."""
        with self._reading:
            if seen is self._reader:
                self._reader.close()
                self._connection.close()
                self._begin_anew(error)

    def _begin_anew(self, error: sqlite3.Error) -> None:
        log.warning("kept vectors are damaged and deleted", file=str(self._path), error=str(error))
        for path in self._path.parent.glob(self._path.name + "*"):  # with its journal
            path.unlink(missing_ok=True)
        self._connect()


def _open(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=_BUSY, check_same_thread=False)
    try:
        connection.executescript(_LAYOUT)
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _nbytes(connection: sqlite3.Connection) -> int:
    pages = _number(connection, "PRAGMA page_count") - _number(connection, "PRAGMA freelist_count")
    return pages * _number(connection, "PRAGMA page_size")


def _number(connection: sqlite3.Connection, question: str) -> int:
    return int(connection.execute(question).fetchone()[0])
