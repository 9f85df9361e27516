"""What is stored and this version of mlxq cannot read: a later version wrote it, or it is damaged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

import msgspec
import structlog

from tasks.values.errors import UnreadableRecord

log = structlog.get_logger()


@contextmanager
def readable(what: str) -> Iterator[None]:
    """Raise UnreadableRecord where stored bytes are not what this version writes."""
    try:
        yield
    except (ValueError, KeyError, msgspec.MsgspecError) as error:
        message = f"{what} was written by another version of mlxq, or is damaged, and cannot be read here: {error}"
        raise UnreadableRecord(message) from error


@lru_cache(4096)
def pass_over(id: str, error: str) -> None:
    """Log, once each, that a record cannot be read: it may be listed, or looked for, again and again."""
    log.warning("a record cannot be read and is passed over", id=id, error=error)
