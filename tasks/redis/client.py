"""The connection to Redis: bounded in number, waited for, and one that tells a refusal as what it is, an absence.

A Redis that is out of memory, cannot write to its disk, fails over or loads its file answers every write with an error.
To the caller, that is the same as no answer: the call has done nothing and is to be made again later.
"""

from __future__ import annotations

import re
from typing import Any

from redis import BlockingConnectionPool, Redis
from redis.backoff import ExponentialBackoff
from redis.client import Pipeline
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry

CONNECTIONS = 64  # a process; a call that finds none free waits for one
PATIENCE = 20.0  # seconds
# https://redis.io/docs/latest/develop/reference/protocol-spec/#simple-errors: the first word of an error is its kind.
REFUSALS = frozenset(
    {
        "BUSY",
        "CLUSTERDOWN",
        "EXECABORT",
        "LOADING",
        "MASTERDOWN",
        "MISCONF",
        "NOREPLICAS",
        "OOM",
        "READONLY",
        "TRYAGAIN",
        "UNBLOCKED",
    }
)
FULL = {
    "OOM": "the queue's memory is full",
    "MISCONF": "the queue's Redis cannot write to its disk, which may be full",
}
_KIND = re.compile(r"(?:^|caused error: )([A-Z]+)\b")


class Refused(RedisConnectionError):
    """Redis answers, but carries nothing out for now; `kind` is the first word of its error, as OOM."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def as_refusal(error: ResponseError) -> Exception:
    """A refusal that passes as `Refused`, any other error as it is."""
    # redis-py has classes for some kinds and cuts their word off; a pipeline puts the command before the message.
    match = _KIND.search(str(error))
    kind = getattr(error, "status_code", None) or (match[1] if match else "")
    return Refused(kind, str(error)) if kind in REFUSALS else error


class Client(Redis):
    """A client of Redis whose refusals are absences."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        """Run one command; raises Refused."""
        try:
            return super().execute_command(*args, **options)
        except ResponseError as error:
            raise as_refusal(error) from error

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipe:
        """Commands that are sent together."""
        return Pipe(self.connection_pool, self.response_callbacks, transaction, shard_hint)


class Pipe(Pipeline):
    """A pipeline whose refusals are absences."""

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        """Send the commands; raises Refused."""
        try:
            answers: list[Any] = super().execute(raise_on_error)
        except ResponseError as error:
            raise as_refusal(error) from error
        return answers


def connect(url: str, *, timeout: float | None = 5.0) -> Client:
    """A client of the Redis at this URL; nothing is sent before the first call.

    `timeout` is how many seconds one reply may take, None for calls that block on purpose. A lost reply is asked for
    again at once, three times: every script may run twice. Longer absences are the caller's to answer.
    """
    pool = BlockingConnectionPool.from_url(
        url,
        max_connections=CONNECTIONS,
        timeout=PATIENCE,
        socket_timeout=timeout,
        retry=Retry(ExponentialBackoff(cap=0.2, base=0.05), 3 if timeout else 0),
        # Valkey does not know the command that this would send with every new connection.
        maint_notifications_config=MaintNotificationsConfig(enabled=False),
        **({} if url.startswith("unix:") else {"socket_connect_timeout": 2}),
    )
    return Client(connection_pool=pool)
