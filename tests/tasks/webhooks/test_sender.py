"""Whatever owes a delivery, it is sent until it arrives, its receiver is gone, or a day is over; under one id."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest
from standardwebhooks import Webhook as Verifier

from mlxq.settings import Settings
from tasks.batches.batches import Batches
from tasks.batches.batches import Status as BatchStatus
from tasks.batches.lines import BatchLines
from tasks.outbound.outbound import Outbound
from tasks.redis import client
from tasks.redis import store as stores
from tasks.redis.claims import Claims
from tasks.redis.scripts import Scripts
from tasks.redis.store import JobStore
from tasks.stored.files import Files
from tasks.values import events
from tasks.values.errors import Failure
from tasks.values.job import Job, Lane, Webhook
from tasks.webhooks import deliveries
from tasks.webhooks import sender as senders
from tasks.webhooks.deliveries import DeliveryRecord
from tasks.webhooks.sender import WebhookSender
from tests.support import receivers
from tests.support.jobs import chat
from tests.support.receivers import SECRET, Receiver
from tests.support.servers import PATIENCE, eventually

ENDPOINT = "/v1/embeddings"


@pytest.fixture
def store(store: JobStore) -> JobStore:
    """Here time decides what is due, so that the same question may have another answer a moment later."""
    return replace(store, scripts=Scripts(store.redis))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    yield from receivers.running()


@pytest.fixture
def settings(settings: Settings, receiver: Receiver) -> Settings:
    return Settings(**{**vars(settings), "webhook_url": f"{receiver.url}/all", "webhook_secret": SECRET})


def sender(store: JobStore, outbound: Outbound | None = None, delays: tuple[float, ...] = (0, 0)) -> WebhookSender:
    return WebhookSender(store, outbound or Outbound(allow_private=True), delays)


def ended(store: JobStore, event: events.Terminal = events.Done(), **fields: object) -> Job:  # noqa: B008
    job = chat(store, **{"detached": True, **fields})
    store.submit(job, room=500)
    assert store.finish(job.id, event)
    return job


def told(store: JobStore, job: Job) -> list[DeliveryRecord]:
    return list(deliveries.recorded(store, store.keys.job(job.id)))


def settled(store: JobStore, sending: WebhookSender, job: Job) -> list[DeliveryRecord]:
    def all_over() -> list[DeliveryRecord] | None:
        sending.turn()
        found = told(store, job)
        return found if all(one.state != "pending" for one in found) else None

    return list(eventually(all_over, every=0.05))


def test_an_end_is_told_to_the_server_s_webhook_and_the_job_s_own(store: JobStore, receiver: Receiver) -> None:
    job = ended(store, webhook=Webhook(f"{receiver.url}/own"), labels=("night",), metadata={"a": "b"})
    found = settled(store, sender(store), job)
    assert [(one.state, one.delivery.type, one.delivery.own, one.due) for one in found] == [
        ("delivered", "job.succeeded", False, None),
        ("delivered", "job.succeeded", True, None),
    ]
    for one in receiver.about(job.id):
        event = Verifier(SECRET).verify(one.body, one.headers)
        assert (event["object"], event["type"], event["id"]) == ("event", "job.succeeded", one.headers["webhook-id"])
        assert event["data"]["status"] == "succeeded" and event["data"]["labels"] == ["night"]
    assert {one.path for one in receiver.about(job.id)} == {"/all", "/own"}
    assert store.redis.zcard(store.keys.hooks()) == 0
    assert all(store.redis.ttl(store.keys.hook(one.delivery.id)) > deliveries.KEPT - 60 for one in found)


@pytest.mark.parametrize(
    ("event", "name"),
    [
        (events.Failed(Failure("poison", "why")), "job.failed"),
        (events.Cancelled(), "job.cancelled"),
        (events.Expired(), "job.expired"),
    ],
)
def test_every_way_to_end_is_told(store: JobStore, event: events.Terminal, name: str) -> None:
    (one,) = told(store, ended(store, event))
    assert (one.delivery.type, one.state, one.attempts) == (name, "pending", ())
    assert ("error" in one.delivery.data) == isinstance(event, events.Failed)


def test_what_a_worker_ends_is_told_once_however_often_it_says_so(store: JobStore, one: Claims) -> None:
    job = chat(store, webhook=Webhook("http://a.example/"), sync=True)
    store.submit(job, room=5)
    claim = one.claim(job.id)
    assert claim is not None
    for _ in range(2):
        one.settle(claim, events.Cancelled())
    (found,) = told(store, job)
    assert found.delivery.own and store.redis.zcard(store.keys.hooks()) == 1


def test_who_waits_and_a_batch_s_lines_are_told_where_they_asked_only(store: JobStore, receiver: Receiver) -> None:
    for fields in ({"sync": True, "detached": False}, {"lane": Lane.BATCH}):
        assert told(store, ended(store, **fields)) == []
        (one,) = told(store, ended(store, webhook=Webhook(f"{receiver.url}/own"), **fields))
        assert one.delivery.own
    filtered = ended(store, webhook=Webhook(f"{receiver.url}/own", ("job.failed",)))
    assert [one.delivery.own for one in told(store, filtered)] == [False]


def test_it_is_tried_again_after_each_delay_under_the_same_id(store: JobStore, receiver: Receiver) -> None:
    job = ended(store, webhook=Webhook(f"{receiver.url}/answers/500,302,204"))
    (one,) = [one for one in settled(store, sender(store), job) if one.delivery.own]
    assert one.state == "delivered" and [attempt.status for attempt in one.attempts] == [500, 302, 204]
    sent = receiver.about(job.id, "/answers/500,302,204")
    assert len({each.headers["webhook-id"] for each in sent}) == len({each.body for each in sent}) == 1
    assert receiver.calls["/elsewhere"] == 0


def test_the_next_try_waits_for_its_delay(store: JobStore, receiver: Receiver) -> None:
    job = ended(store, webhook=Webhook(f"{receiver.url}/answers/500"))
    sending = sender(store, delays=senders.DELAYS)
    sending.turn()

    def tried() -> DeliveryRecord | None:
        (one,) = [one for one in told(store, job) if one.delivery.own]
        return one if one.attempts else None

    one = eventually(tried)
    assert one.state == "pending" and 4000 <= one.due - one.attempts[0].at <= 6000
    sending.turn()
    assert receiver.calls["/answers/500"] == 1


def test_the_schedule_lasts_for_a_day() -> None:
    assert 23 * 3600 < sum(senders.DELAYS) <= 24 * 3600


@pytest.mark.parametrize(("answers", "statuses"), [("410", [410]), ("500", [500, 500, 500])])
def test_it_is_given_up_when_the_receiver_is_gone_or_the_tries_are(
    store: JobStore, receiver: Receiver, answers: str, statuses: list[int]
) -> None:
    job = ended(store, webhook=Webhook(f"{receiver.url}/answers/{answers}"))
    (one,) = [one for one in settled(store, sender(store), job) if one.delivery.own]
    assert one.state == "failed" and [attempt.status for attempt in one.attempts] == statuses


def test_this_network_is_not_called_unless_that_is_allowed(store: JobStore, receiver: Receiver) -> None:
    job = ended(store, webhook=Webhook(f"http://webhooks.example:{receiver.server_port}/own"))
    inner = Outbound(resolver=lambda host, port: ["127.0.0.1"])
    for one in settled(store, sender(store, inner), job):
        (attempt,) = one.attempts
        assert one.state == "failed" and "not called" in (attempt.error or "")
    assert receiver.received == []


def test_what_a_dead_sender_took_is_sent_by_the_next_one(store: JobStore, receiver: Receiver) -> None:
    job = ended(store)
    (one,) = told(store, job)
    taken = store.scripts.run(
        "take_deliveries", [store.keys.hooks(), store.keys.reply("other")], [senders.LEASE, 8, "token"]
    )
    assert taken == [one.delivery.id.encode()]
    sending = sender(store)
    sending.turn()
    assert told(store, job)[0].attempts == () and receiver.received == []  # it is the other's, as far as anyone knows
    store.redis.zadd(store.keys.hooks(), {one.delivery.id: store.now()})  # its minute is over
    assert settled(store, sending, job)[0].state == "delivered"


def test_an_attempt_is_written_once(store: JobStore) -> None:
    job = ended(store)
    (one,) = told(store, job)
    for _ in range(2):  # as after a lost reply
        sender(store).deliver(one)
    assert len(told(store, job)[0].attempts) == 1


def test_one_receiver_that_hangs_leaves_room_for_the_others(store: JobStore, receiver: Receiver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        hanging = [ended(store, lane=Lane.BATCH, webhook=Webhook(url)) for _ in range(20)]
        job = ended(store, lane=Lane.BATCH, webhook=Webhook(f"{receiver.url}/own"))
        assert settled(store, sender(store), job)[0].state == "delivered"
        assert all(told(store, other)[0].attempts == () for other in hanging)


def test_a_deleted_job_s_deliveries_go_with_it_once_they_are_over(store: JobStore) -> None:
    over = ended(store)
    (sent,) = settled(store, sender(store), over)
    pending = ended(store, webhook=Webhook("http://a.example/"))
    waiting = told(store, pending)
    for job in (over, pending):
        store.delete(job.id, "anonymous")
    assert deliveries.read(store, sent.delivery.id) is None
    assert all(deliveries.read(store, one.delivery.id) is not None for one in waiting)


def test_a_batch_owes_deliveries_of_its_own_once(store: JobStore, receiver: Receiver) -> None:
    file = Files(store).add("me", "in.jsonl", "batch", store.blobs.put(b"line\n", "application/jsonl"), None)
    batch = (
        Batches(store)
        .create(file, endpoint=ENDPOINT, window="24h", seconds=60, metadata={"a": "b"}, output_keep=None)
        .batch
    )
    store.redis.set(store.keys.runner(), "runner")
    made = Files(store).new("me", "out.jsonl", "batch_output", file.blob, 60)
    lines, sending = BatchLines(store, "runner"), sender(store)
    assert lines.settle(batch, BatchStatus.CANCELLED, {"output_file": made})
    assert not lines.settle(batch, BatchStatus.COMPLETED)  # as after a lost reply
    for _ in range(2):
        sending.turn()
        (sent,) = eventually(lambda: receiver.about(batch.id))
    assert sent.event["type"] == "batch.cancelled" and sent.event["data"] == {
        "id": batch.id,
        "object": "batch",
        "status": "cancelled",
        "endpoint": ENDPOINT,
        "created_at": batch.created // 1000,
        "metadata": {"a": "b"},
        "output_file_id": made.id,
        "error_file_id": None,
    }
    (one,) = deliveries.recorded(store, store.keys.batch(batch.id))
    assert not one.delivery.own and one.delivery.keep == store.settings.batch_ttl


def test_it_runs_by_itself_until_it_is_stopped(store: JobStore, receiver: Receiver) -> None:
    sending = sender(stores.connect(store.settings))
    sending.start()
    job = ended(store)
    eventually(lambda: receiver.about(job.id))
    sending.stop(5)
    eventually(lambda: told(store, job)[0].state == "delivered")


def test_one_that_has_stopped_leaves_the_nudge_to_others(store: JobStore) -> None:
    gone = sender(store)
    gone.start()
    eventually(lambda: gone._loop.alive and store.redis.info("clients")["blocked_clients"])
    gone.stop(0)
    store.redis.lpush(store.keys.owed(), 1)
    eventually(lambda: not gone._loop._thread.is_alive())
    assert store.redis.llen(store.keys.owed()) == 1


def test_a_sender_asleep_is_woken_by_what_is_owed_and_by_a_try_that_is_due(
    store: JobStore, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(senders, "rest", lambda: 4 * PATIENCE)  # a sleep that nobody ends is one for ever
    patient = replace(stores.connect(store.settings), redis=client.connect(store.settings.redis_url, timeout=None))
    sending = sender(patient, delays=(0.2,) * 9)
    sending.start()
    try:
        eventually(lambda: store.redis.info("clients")["blocked_clients"])
        job = ended(store, webhook=Webhook(f"{receiver.url}/answers/500,204"))
        eventually(lambda: all(one.state == "delivered" for one in told(store, job)))
    finally:
        sending.stop(5)
        store.redis.lpush(store.keys.owed(), 1)  # its thread ends


def test_what_cannot_be_sent_at_all_is_an_attempt_too(store: JobStore) -> None:
    def broken(host: str, port: int) -> list[str]:
        raise RuntimeError("the resolver broke")

    job = ended(store)
    (one,) = settled(store, sender(store, Outbound(True, broken)), job)
    assert (
        one.state == "failed"
        and [attempt.error for attempt in one.attempts] == ["it could not be sent: RuntimeError"] * 3
    )


def test_a_delivery_that_cannot_be_sent_concerns_itself_alone(store: JobStore, receiver: Receiver) -> None:
    bad = ended(store, webhook=Webhook("http://["))
    good = ended(store, webhook=Webhook(f"{receiver.url}/own"))
    sending = sender(store)
    assert {one.state for one in settled(store, sending, good)} == {"delivered"}
    assert {one.delivery.url: one.state for one in settled(store, sending, bad)}["http://["] == "failed"
