"""The Lua scripts, by file name; each is one atomic change of a job."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import OutOfMemoryError
from redis.exceptions import TimeoutError as RedisTimeoutError

from tasks.errors import QueueUnavailable, StorageFull

Value: TypeAlias = str | bytes | int | float
UNREACHABLE = (RedisConnectionError, RedisTimeoutError)
AWAY = (*UNREACHABLE, QueueUnavailable)  # the same, before or after `answers`
_FOLDER = Path(__file__).parent / "lua"


@cache
def _source(name: str) -> str:
    return (_FOLDER / f"{name}.lua").read_text()


class Scripts:
    """Runs the scripts of `tasks/lua` on one Redis."""

    def __init__(self, redis: Redis) -> None:
        names = (path.stem for path in _FOLDER.glob("*.lua"))
        self._scripts: dict[str, Callable[..., Any]] = {name: redis.register_script(_source(name)) for name in names}

    def run(self, name: str, keys: Sequence[str], args: Sequence[Value]) -> Any:
        """Run one script; what Redis' absence or fullness mean to a client is raised by `answers`."""
        return self._scripts[name](keys=keys, args=args)


@contextmanager
def answers() -> Iterator[None]:
    """Turn an unreachable or full Redis into the error that tells a client when to come back."""
    try:
        yield
    except OutOfMemoryError as error:
        raise StorageFull("the queue's memory is full; try again when jobs have ended", retry_after=30) from error
    except UNREACHABLE as error:
        raise QueueUnavailable("the queue cannot be reached at the moment", retry_after=2) from error
