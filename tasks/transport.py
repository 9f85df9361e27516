"""Celery's Redis transport, made to outlive a restart of Redis.

kombu 5.7.0 requeues what is in flight when a channel closes; after a lost connection the channel has no client
any more and the worker dies on it (`QoS.restore_unacked`). Our records, not the messages, say what is in flight
(a second delivery of a job is refused at its claim), so nothing needs to be restored when a channel closes.
"""

from __future__ import annotations

from kombu.transport import redis as kombu_redis


class QoS(kombu_redis.QoS):
    """In-flight bookkeeping that leaves messages alone when its channel closes."""

    restore_at_shutdown = False

    def ack(self, delivery_tag: str) -> None:
        """Acknowledge; a message of a lost connection is left to its visibility timeout and refused then."""
        connection = self.channel.connection
        if connection is not None and connection.client is not None:
            super().ack(delivery_tag)
        else:
            self._quick_ack(delivery_tag)


class Channel(kombu_redis.Channel):
    """A channel with our bookkeeping."""

    QoS = QoS


class Transport(kombu_redis.Transport):
    """The transport that `tasks.app` names."""

    Channel = Channel
