"""The Lua scripts, by file name; each is one atomic change of a job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, OutOfMemoryError
from redis.exceptions import TimeoutError as RedisTimeoutError

from tasks.errors import QueueUnavailable, StorageFull

Value: TypeAlias = str | bytes | int | float
UNREACHABLE = (RedisConnectionError, RedisTimeoutError)
AWAY = (*UNREACHABLE, QueueUnavailable)  # the same, before or after `answers`
_FOLDER = Path(__file__).parent / "lua"


@cache
def _source(name: str) -> str:
    return (_FOLDER / f"{name}.lua").read_text()


class Call(NamedTuple):
    """One run of a script."""

    name: str
    keys: Sequence[str]
    args: Sequence[Value]


class Scripts:
    """Runs the scripts of `tasks/lua` on one Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        names = (path.stem for path in _FOLDER.glob("*.lua"))
        self._scripts: dict[str, Any] = {name: redis.register_script(_source(name)) for name in names}

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """Run several scripts in one round trip, in order but not as one; answers as `run` would give them."""
        try:
            return self._pipelined(calls)
        except NoScriptError:  # a Redis that was started anew
            for name in {call.name for call in calls}:
                self._redis.script_load(_source(name))
            return self._pipelined(calls)

    def _pipelined(self, calls: Sequence[Call]) -> list[Any]:
        with self._redis.pipeline(transaction=False) as pipe:
            for name, keys, args in calls:
                pipe.evalsha(self._scripts[name].sha, len(keys), *keys, *args)
            found: list[Any] = pipe.execute()
        return found

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
