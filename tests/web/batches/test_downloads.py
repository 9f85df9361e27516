"""Lines whose media is slow to come hold up no others, and end as others do whatever happens meanwhile."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from mlxq.catalogue import Catalogue
from mlxq.settings import Settings
from tasks.batches.batches import Batch, Batches, BatchState, Status
from tasks.batches.lines import Place, Tally
from tasks.redis.claims import Claims
from tasks.redis.store import JobStore
from tasks.stored.blobs import BlobStore
from tasks.stored.files import Files
from tasks.values import events, results
from tasks.values.blob_ref import BlobRef
from tasks.values.errors import StorageFull
from tasks.values.job import Status as JobStatus
from tests.support import sites
from tests.support.servers import PATIENCE, eventually, fake
from tests.support.sites import Site
from tests.web.batches.test_runner import URL as CHAT
from tests.web.batches.test_runner import body, finish, listed, new_runner, seen, told
from tests.web.batches.test_runner import work as work_chats
from tests.web.http.body.test_remote import EAR
from web.batches import downloads as module
from web.batches.downloads import Downloads
from web.batches.input_lines import Line
from web.batches.line_jobs import OutputLine
from web.gateway import Gateway, connect

URL = "/v1/audio/transcriptions"


@pytest.fixture
def site() -> Iterator[Site]:
    yield from sites.running()


@pytest.fixture
def gateway(settings: Settings, store: JobStore) -> Iterator[Gateway]:
    small = Settings(**{**vars(settings), "media_allow_private": True})
    made = connect(small, Catalogue.parse({"models": [EAR, fake()]}, "test"))
    yield made
    made.followers.close()


def batch(store: JobStore, *addresses: str) -> BatchState:
    return batch_of(store, URL, {address: {"model": "ear", "file": address} for address in addresses})


def batch_of(store: JobStore, url: str, bodies: Mapping[str, Mapping[str, Any]], owner: str = "me") -> BatchState:
    lines = ({"custom_id": one, "method": "POST", "url": url, "body": asked} for one, asked in bodies.items())
    blob = store.blobs.put("\n".join(map(json.dumps, lines)).encode(), "application/jsonl")
    file = Files(store).add(owner, "in.jsonl", "batch", blob, None)
    return Batches(store).create(file, endpoint=url, window="24h", seconds=86_400, metadata=None, output_keep=None)


def shows(address: str) -> dict[str, Any]:
    """A chat about a picture."""
    parts = [{"type": "text", "text": "Look: "}, {"type": "image_url", "image_url": {"url": address}}]
    return {"model": "fake", "messages": [{"role": "user", "content": parts}]}


def work(store: JobStore) -> None:
    for record in listed(store):
        claim = Claims(store, "ear", "worker-1").claim(record.job.id) if record.status is JobStatus.QUEUED else None
        if claim is not None:
            result = results.TranscriptResult(store.blobs.read(claim.job.inputs[0]).decode(), (), 1.0)
            Claims(store, "ear", "worker-1").settle(claim, events.Done(), result)


def test_a_line_s_media_is_fetched_and_what_cannot_be_is_its_error(
    gateway: Gateway, store: JobStore, site: Site
) -> None:
    good, bad = f"{site.url}/a.wav", f"{site.url}/none.wav"
    state = batch(store, good, bad)
    found = finish(new_runner(gateway, store), store, state, lambda: work(store))
    assert (found.status, found.completed, found.failed) == (Status.COMPLETED, 1, 1)
    assert told(store, found, "output")[good]["response"]["body"]["text"] == "RIFF"
    response = told(store, found, "error")[bad]["response"]
    assert (response["status_code"], response["body"]["error"]["code"]) == (400, "fetch_failed")
    assert response["body"]["error"]["param"] == "file"


def test_a_slow_server_holds_up_no_other_batch(gateway: Gateway, store: JobStore, site: Site) -> None:
    slow = batch(store, *(f"{site.url}/slow.wav?{number}" for number in range(3)))
    runner = new_runner(gateway, store)
    other = batch(store, f"{site.url}/a.wav")
    assert finish(runner, store, other, lambda: work(store)).completed == 1
    assert (seen(store, slow).status, seen(store, slow).completed) == (Status.IN_PROGRESS, 0)
    runner._swept = 0.0  # looks for lines without a job: these are on their way
    runner.turn(wait=0.01)
    site.open.set()
    assert finish(runner, store, slow, lambda: work(store)).completed == 3
    assert sorted(site.asked) == ["/a.wav", *(f"/slow.wav?{number}" for number in range(3))]


def test_a_slow_picture_of_a_chat_holds_up_no_other_owner_s_batch(
    gateway: Gateway, store: JobStore, site: Site
) -> None:
    slow = batch_of(store, CHAT, {"slow": shows(f"{site.url}/slow.png")})
    other = batch_of(store, CHAT, {"other": body("word")}, owner="another")
    runner = new_runner(gateway, store)
    assert finish(runner, store, other, lambda: work_chats(store, owner="another")).completed == 1
    assert seen(store, slow).status is Status.IN_PROGRESS and listed(store) == ()
    site.open.set()
    assert finish(runner, store, slow, lambda: work_chats(store)).completed == 1
    assert site.asked == ["/slow.png"]


def test_a_line_that_finds_no_room_on_the_disk_waits_alone_and_is_tried_again(
    gateway: Gateway, store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.01)
    put, full, tries = BlobStore.put, threading.Event(), list[bytes]()

    def disk(blobs: BlobStore, source: Any, *more: Any) -> BlobRef:
        if source == b"pixels":
            tries.append(source)
            if not full.is_set():
                raise StorageFull("no room")
        return put(blobs, source, *more)

    waits = batch_of(store, CHAT, {"waits": shows("data:image/png;base64,cGl4ZWxz")})
    other = batch_of(store, CHAT, {"other": body("word")}, owner="another")
    monkeypatch.setattr(BlobStore, "put", disk)
    runner = new_runner(gateway, store)
    assert finish(runner, store, other, lambda: work_chats(store, owner="another")).completed == 1
    eventually(lambda: runner.turn(wait=0.01) or len(tries) > 2)
    full.set()
    assert finish(runner, store, waits, lambda: work_chats(store)).completed == 1


def test_a_line_s_data_url_may_be_written_in_many_ways(gateway: Gateway, store: JobStore) -> None:
    urls = ["DATA:image/png;BASE64,cGl4\nZWxz", "data:image/png;a=b;base64,cGl4%5AWxz", "data:,pix%65ls"]
    state = batch_of(store, CHAT, {f"line {number}": shows(url) for number, url in enumerate(urls)})
    assert finish(new_runner(gateway, store), store, state, lambda: work_chats(store)).completed == 3


def test_a_batch_is_cancelled_without_waiting_for_its_media(gateway: Gateway, store: JobStore, site: Site) -> None:
    state, runner = batch(store, f"{site.url}/slow.wav"), new_runner(gateway, store)

    def asked() -> list[str]:
        runner.turn(wait=0.01)
        return site.asked

    eventually(asked)
    Batches(store).cancel(state.batch.id, "me")
    found = finish(runner, store, state, lambda: None)
    assert found.status is Status.CANCELLED and not site.open.is_set()
    assert [one["error"]["code"] for one in told(store, found, "error").values()] == ["batch_cancelled"]
    site.open.set()
    for _ in range(5):
        runner.turn(wait=0.05)
    assert listed(store) == ()


def test_a_runner_that_begins_anew_fetches_what_was_under_way(gateway: Gateway, store: JobStore, site: Site) -> None:
    state, first = batch(store, f"{site.url}/slow.wav"), new_runner(gateway, store)
    for _ in range(5):
        first.turn(wait=0.01)
    site.open.set()
    found = finish(new_runner(gateway, store, "another"), store, state, lambda: work(store))
    assert (found.status, found.completed) == (Status.COMPLETED, 1)


class Kitchen:
    """Makes nothing of a line before it may."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, int]] = []
        self.open = threading.Semaphore(0)

    def __call__(self, batch: Batch, line: Line) -> OutputLine:
        self.begun.append((batch.id, line.number))
        assert self.open.acquire(timeout=PATIENCE)
        if not line.data:
            raise OSError("the disk is gone")
        return OutputLine("error", line.data, Tally(failed=1))


def line(number: int, data: bytes = b"words") -> Line:
    return Line(number, Place(0, 5), data)


def test_so_many_are_under_way_and_every_batch_among_them(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 4)
    kitchen, (one, other) = Kitchen(), (batch(store, "a").batch, batch(store, "a").batch)
    downloads = Downloads(kitchen)
    for number in range(9):
        downloads.add(one, line(number))
    downloads.add(other, line(1))
    assert list(downloads.turn()) == []
    eventually(lambda: len(kitchen.begun) == 4)
    assert set(kitchen.begun) == {(one.id, 0), (one.id, 1), (one.id, 2), (other.id, 1)}
    kitchen.open.release(10)
    made: list[int] = []

    def all_made() -> bool:
        made.extend(found.line.number for found in downloads.turn())
        return len(made) == 10

    eventually(all_made)
    assert sorted(made) == [0, 1, 1, 2, 3, 4, 5, 6, 7, 8] and (one.id, 0) not in downloads


def test_what_is_dropped_comes_to_nothing_unless_it_is_wanted_again(store: JobStore) -> None:
    kitchen, (one, other) = Kitchen(), (batch(store, "a").batch, batch(store, "a").batch)
    downloads = Downloads(kitchen)
    for which in (one, other):
        downloads.add(which, line(1))
    assert list(downloads.turn()) == []
    downloads.clear()
    assert (one.id, 1) not in downloads
    downloads.add(other, line(1))
    kitchen.open.release(2)
    assert [found.batch for found in eventually(lambda: list(downloads.turn()))] == [other]
    assert len(kitchen.begun) == 2


def test_a_fault_that_is_no_line_s_concerns_it_alone_and_it_is_tried_again(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSE", 0.01)
    kitchen, one = Kitchen(), batch(store, "a").batch
    downloads = Downloads(kitchen)
    kitchen.open.release(10)
    for sent in (line(1, b""), line(2)):
        downloads.add(one, sent)
    assert [found.line.number for found in eventually(lambda: list(downloads.turn()))] == [2]
    assert eventually(lambda: not list(downloads.turn()) and kitchen.begun.count((one.id, 1)) > 2)
    assert (one.id, 1) in downloads
    downloads.drop(one.id)
    assert (one.id, 1) not in downloads
