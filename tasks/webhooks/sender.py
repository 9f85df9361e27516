"""Sends webhook deliveries, signed as the Standard Webhooks spec has it, and tries again for a day.

Every supervisor runs a sender. A delivery that one takes is its own for a minute; when it dies, another one sends it,
so a receiver may hear of an event twice, under the same id.
"""

from __future__ import annotations

import math
import secrets
import threading
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import urlsplit

import msgspec
import structlog
from standardwebhooks import Webhook as Signer

from tasks.outbound.outbound import Outbound
from tasks.processes.loops import Apart, Loop, rest
from tasks.redis.scripts import AWAY, answers
from tasks.redis.store import JobStore
from tasks.values.errors import FetchFailed, InvalidValue
from tasks.webhooks import deliveries
from tasks.webhooks.deliveries import Attempt, Delivery, DeliveryRecord, DeliveryState

DELAYS = (5, 30, 120, 600, 1800, 3600, 7200, 14_400, 28_800, 28_800)  # seconds after each try: 23 h 43 min
TIMEOUT = 10.0  # seconds a receiver has to answer
LEASE = 60_000  # milliseconds that a taken delivery is nobody else's
AT_ONCE = 8  # sockets
PER_HOST = 2  # so that a receiver that does not answer leaves room for the others
_LOOK = 0.25  # seconds between looks for more while there is no room
_SHORTEST = 0.01  # seconds; none at all would be for ever
_GONE = 410
log = structlog.get_logger()


class WebhookSender:
    """The deliveries of one supervisor, each attempt in a thread of its own."""

    def __init__(self, store: JobStore, outbound: Outbound, delays: Sequence[float] = DELAYS) -> None:
        self._store, self._outbound, self._delays = store, outbound, delays
        self._lock, self._taking = threading.Lock(), threading.Lock()
        self._calls: Counter[str] = Counter()  # under way, by host
        self._id = uuid.uuid4().hex
        self._apart = Apart("webhooks")
        self._loop = Loop("webhooks", self._run)

    def start(self) -> None:
        """Deliver until stopped."""
        self._loop.start()

    def stop(self, within: float) -> None:
        """Take nothing more, and wait `within` seconds for what is under way; the rest is sent again later."""
        until = time.monotonic() + within
        self._loop.stop(0)  # it may be asleep, and then takes nothing any more
        if self._taking.acquire(timeout=within):
            self._taking.release()
        while self._under_way() and time.monotonic() < until:
            time.sleep(0.05)

    def _run(self) -> None:
        if self._under_way() >= AT_ONCE:
            time.sleep(_LOOK)
        elif (left := self._until_due()) > 0:
            owed = self._store.keys.owed()
            nudged = self._store.redis.blpop([owed], timeout=max(_SHORTEST, min(left, rest())))
            if nudged and self._loop.stopping:  # it was meant for one that goes on
                self._store.redis.lpush(owed, 1)
        else:
            with self._taking:
                if not self._loop.stopping:
                    self.turn()

    def _until_due(self) -> float:
        """Seconds until the next attempt is due; for ever when none is."""
        due = self._store.redis.zrange(self._store.keys.hooks(), 0, 0, withscores=True)
        return (due[0][1] - self._store.now()) / 1000 if due else math.inf

    def turn(self) -> None:
        """Begin to send what is due, as far as there is room."""
        keys, room = self._store.keys, AT_ONCE - self._under_way()
        if room <= 0:
            return
        with answers():
            taken = self._store.scripts.run(
                "take_deliveries", [keys.hooks(), keys.reply(self._id)], [LEASE, room, secrets.token_hex(8)]
            )
        for member in taken:
            # One that cannot be read or begun comes again when its lease is over.
            self._apart.run(member.decode(), self._see_to, member.decode())

    def _see_to(self, delivery_id: str) -> None:
        recorded = deliveries.read(self._store, delivery_id)
        if recorded is None or recorded.state != "pending":
            self._store.redis.zrem(self._store.keys.hooks(), delivery_id)
        else:
            self._begin(recorded)

    def _under_way(self) -> int:
        with self._lock:
            return self._calls.total()

    def _begin(self, recorded: DeliveryRecord) -> None:
        host = _host(recorded.delivery.url)
        with self._lock:
            busy = self._calls[host] >= PER_HOST
            self._calls[host] += not busy
        if busy:
            self._store.redis.zadd(self._store.keys.hooks(), {recorded.delivery.id: self._store.now() + 1000}, xx=True)
            return
        threading.Thread(target=self._deliver, args=(recorded, host), name="delivery", daemon=True).start()

    def _deliver(self, recorded: DeliveryRecord, host: str) -> None:
        try:
            self.deliver(recorded)
        except AWAY as error:
            log.warning("what came of a delivery is not written; it is sent again", error=str(error))
        except Exception:
            log.exception("a delivery failed", delivery_id=recorded.delivery.id)
        finally:
            with self._lock:
                self._calls[host] -= 1
                self._calls += Counter()  # forgets who is at nothing

    def deliver(self, recorded: DeliveryRecord) -> None:
        """Try once, and write down what came of it."""
        began, at = time.monotonic(), self._store.now()
        status, error, final = self._try(recorded)
        attempt = Attempt(at, round(time.monotonic() - began, 3), status, error)
        number = len(recorded.attempts)
        state: DeliveryState = "pending"
        if status is not None and 200 <= status < 300:
            state = "delivered"
        elif final or number >= len(self._delays):
            state = "failed"
        delay = int(1000 * self._delays[number]) if state == "pending" else 0
        delivery = recorded.delivery
        say = log.warning if state == "failed" else log.info
        say("delivery", delivery_id=delivery.id, type=delivery.type, state=state, status=status, error=error)
        with answers():
            self._store.scripts.run(
                "deliver",
                [self._store.keys.hook(delivery.id), self._store.keys.hooks(), self._store.keys.owed()],
                [delivery.id, number, state, delay, msgspec.json.encode(attempt), delivery.keep],
            )

    def _try(self, recorded: DeliveryRecord) -> tuple[int | None, str | None, bool]:
        """Status, error, and whether another try would be no use."""
        delivery, secret = recorded.delivery, self._store.settings.webhook_secret
        if secret is None:
            return None, "the server has no signing secret any more", False
        data, now = body(delivery, recorded.created), datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": delivery.id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": Signer(secret).sign(delivery.id, now, data.decode()),
        }
        try:
            status = self._outbound.post(delivery.url, data, headers, timeout=TIMEOUT)
        except InvalidValue as error:
            return None, error.failure.message, True
        except FetchFailed as error:
            return None, error.failure.message, False
        except Exception as error:
            log.exception("an event could not be sent", delivery_id=delivery.id)
            return None, f"it could not be sent: {type(error).__name__}", False
        return status, None, status == _GONE


def _host(url: str) -> str:
    """Whose room a delivery takes; one whose URL cannot be read fails when it is sent, and takes its own."""
    try:
        return urlsplit(url).netloc
    except ValueError:
        return url


def body(delivery: Delivery, created: int) -> bytes:
    """The event as it is sent, the same bytes at every try."""
    return msgspec.json.encode(
        {
            "id": delivery.id,
            "object": "event",
            "type": delivery.type,
            "created_at": created // 1000,
            "data": delivery.data,
        }
    )
