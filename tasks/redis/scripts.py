"""The Lua scripts, by file name; each is one atomic change of a job.

A script declares keys and arguments in its head, as `-- KEYS: record, events` and `-- ARGV: id, worker`, and has them
as locals of these names. A last name with dots behind it, as `blobs...`, is where the rest begins, as a number. What
scripts share they name as `-- USES: clock`: functions, each a file in `lua/shared`.
"""

from __future__ import annotations

import hashlib
import re
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
_DECLARED = re.compile(r"^-- (KEYS|ARGV|USES): (.+)$", re.MULTILINE)
_REST = "..."


class Script(NamedTuple):
    """A script as Redis runs it, and what Redis calls it by."""

    text: str
    hash: str


@cache
def script(name: str) -> Script:
    """The script of this name, with what it declares before it."""
    lua = (_FOLDER / f"{name}.lua").read_text()
    shebang, _, body = lua.partition("\n") if lua.startswith("#!") else ("", "", lua)
    prelude = [*_shared(lua, set()), _named(lua, "KEYS"), _named(lua, "ARGV")]
    text = "\n".join([*([shebang] if shebang else []), *prelude, body])
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest())


def _declared(lua: str, what: str) -> list[str]:
    return [name for kind, names in _DECLARED.findall(lua) if kind == what for name in names.split(", ")]


def _shared(lua: str, known: set[str]) -> Iterator[str]:
    """The functions that a script uses, each behind those that it uses itself."""
    for name in _declared(lua, "USES"):
        if name not in known:
            known.add(name)
            function = (_FOLDER / "shared" / f"{name}.lua").read_text()
            yield from _shared(function, known)
            yield function


def _named(lua: str, table: str) -> str:
    names = _declared(lua, table)
    values = (str(at) if name.endswith(_REST) else f"{table}[{at}]" for at, name in enumerate(names, 1))
    return f"local {', '.join(name.removesuffix(_REST) for name in names)} = {', '.join(values)}" if names else ""


class Call(NamedTuple):
    """One run of a script."""

    name: str
    keys: Sequence[str]
    args: Sequence[Value]


class Scripts:
    """Runs the scripts of `tasks/redis/lua` on one Redis, which holds all of them or none: they are loaded as one."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._scripts = {path.stem: script(path.stem) for path in _FOLDER.glob("*.lua")}
        self._loaded = False

    def batch(self, calls: Sequence[Call]) -> list[Any]:
        """Run several scripts in one round trip, in order but not as one; answers as `run` would give them."""
        return self._with_scripts(lambda: self._pipelined(calls))

    def run(self, name: str, keys: Sequence[str], args: Sequence[Value]) -> Any:
        """Run one script; what Redis' absence or fullness mean to a client is raised by `answers`."""
        return self._with_scripts(lambda: self._redis.evalsha(self._scripts[name].hash, len(keys), *keys, *args))

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
            for loaded in self._scripts.values():
                pipe.script_load(loaded.text)
            pipe.execute()
        self._loaded = True

    def _pipelined(self, calls: Sequence[Call]) -> list[Any]:
        with self._redis.pipeline(transaction=False) as pipe:
            for name, keys, args in calls:
                pipe.evalsha(self._scripts[name].hash, len(keys), *keys, *args)
            replies: list[Any] = pipe.execute()
        return replies


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
