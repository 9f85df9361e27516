"""Celery's Redis transport, without the bookkeeping that our records make needless, and made to outlive Redis.

kombu notes every delivered message in Redis (`unacked`) so that it can be delivered again. Here the record, not the
message, says what is in flight: a second delivery is refused at its claim, and a message that is lost with its worker
is sent again. So nothing is noted, nothing restored, and a full Redis cannot end a worker that takes a message.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from kombu.transport import redis as kombu_redis
from kombu.transport import virtual
from redis.exceptions import ResponseError

from tasks.redis.client import as_refusal

_WAIT = 10  # seconds; a message ends it


class QoS(virtual.QoS):
    """Counts what was delivered, in memory."""

    restore_at_shutdown = False

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Forget a message; its job is still unclaimed and is sent again."""
        self._quick_ack(delivery_tag)


class Client(kombu_redis.PrefixedStrictRedis):
    """A client whose refusals are absences."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        try:
            return super().execute_command(*args, **options)
        except ResponseError as error:
            raise as_refusal(error) from error


class Channel(kombu_redis.Channel):
    """A channel with our bookkeeping. A refusal is a lost connection for it: Celery connects again until it passes."""

    QoS = QoS

    def _get_client(self) -> Callable[..., Client]:
        return functools.partial(Client, global_keyprefix=self.global_keyprefix)

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)
        except ResponseError as error:
            raise as_refusal(error) from error

    def close(self) -> None:
        """Close without waiting for the next message: it would be lost, and its job is still unclaimed without it."""
        if self._in_poll:
            self._in_poll.disconnect()
        super().close()


class Transport(kombu_redis.Transport):
    """The transport that `tasks.app` names."""

    Channel = Channel
    brpop_timeout = _WAIT

    def register_with_event_loop(self, connection: Any, loop: Any) -> None:
        """Let a worker's loop wait for messages, but not look every second at queues that expire: none of ours does."""
        super().register_with_event_loop(connection, loop)
        self.cycle._binding_expiry_tref.cancel()
