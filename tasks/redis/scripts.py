"""The Lua scripts, by file name; each is one atomic change of a job."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias, TypeVar

from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError
from redis.exceptions import TimeoutError as RedisTimeoutError

from tasks.redis.client import FULL, Refused
from tasks.values.errors import QueueUnavailable, StorageFull

T = TypeVar("T")
Value: TypeAlias = str | bytes | int | float
UNREACHABLE = (RedisConnectionError, RedisTimeoutError)  # it does not answer, or refuses
AWAY = (*UNREACHABLE, QueueUnavailable, StorageFull)  # the same, before or after `answers`
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
    """Runs the scripts of `tasks/redis/lua` on one Redis, which holds all of them or none: they are loaded as one."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        sources = {path.stem: _source(path.stem) for path in _FOLDER.glob("*.lua")}
        self._hashes = {name: _hash(source) for name, source in sources.items()}
        self._sources = tuple(sources.values())
        self._loaded = False

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """Run several scripts in one round trip, in order but not as one; answers as `run` would give them."""
        return self._with_scripts(lambda: self._pipelined(calls))

    def run(self, name: str, keys: Sequence[str], args: Sequence[Value]) -> Any:
        """Run one script; what Redis' absence or fullness mean to a client is raised by `answers`."""
        return self._with_scripts(lambda: self._redis.evalsha(self._hashes[name], len(keys), *keys, *args))

    def _with_scripts(self, call: Callable[[], T]) -> T:
        # Loaded before the first call, and all together: of a batch none may be missing while a later one runs.
        if not self._loaded:
            self._load()
        try:
            return call()
        except NoScriptError:  # a Redis that was started anew
            self._load()
            return call()

    def _load(self) -> None:
        with self._redis.pipeline(transaction=True) as pipe:
            for source in self._sources:
                pipe.script_load(source)
            pipe.execute()
        self._loaded = True

    def _pipelined(self, calls: Sequence[Call]) -> list[Any]:
        with self._redis.pipeline(transaction=False) as pipe:
            for name, keys, args in calls:
                pipe.evalsha(self._hashes[name], len(keys), *keys, *args)
            found: list[Any] = pipe.execute()
        return found


def _hash(source: str) -> str:
    """What Redis calls a script by."""
    return hashlib.sha1(source.encode(), usedforsecurity=False).hexdigest()


@contextmanager
def answers() -> Iterator[None]:
    """Turn an unreachable or full Redis into the error that tells a client when to come back."""
    try:
        yield
    except Refused as error:
        if error.kind in FULL:
            raise StorageFull(f"{FULL[error.kind]}; try again when there is room", retry_after=30) from error
        raise QueueUnavailable(f"the queue takes nothing at the moment ({error.kind})", retry_after=2) from error
    except UNREACHABLE as error:
        raise QueueUnavailable("the queue cannot be reached at the moment", retry_after=2) from error
