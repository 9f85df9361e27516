"""A page of a listing costs what the page holds, however long the list is; and pages put together are the list."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tasks.leader.housekeeping import Housekeeping
from tasks.redis.records import Page
from tasks.redis.search import Criteria
from tasks.redis.store import JobStore
from tasks.values import events
from tasks.values.job import Job, Lane, Listing, job_id
from tests.support.jobs import chat

START = 1_795_458_550_000  # milliseconds
MANY, FEW = 600, 60


def made(store: JobStore, owner: str, at: int, micros: int = 0, **fields: Any) -> Job:
    """A job of a known millisecond, recorded."""
    made_at = {"id": job_id(1000 * (START + at) + micros), "created": START + at, "deadline": START + 10**9}
    job = chat(store, owner=owner, **{**made_at, **fields})
    store.submit(job, room=10_000)
    return job


@pytest.fixture
def jobs(store: JobStore) -> list[Job]:
    """Two owners' jobs, synchronous ones and lines among them; three are of one millisecond each time."""
    found = []
    for number in range(24):
        fields: dict[str, Any] = {"sync": number % 4 == 1}
        if number % 4 == 3:
            fields = {"lane": Lane.BATCH, "id": f"job_{START - number:012x}7{number:019x}"}  # of its batch's time
        owner = ("mine", "yours")[number % 5 == 0]
        found.append(made(store, owner, number // 3, 100 * (number % 3), model="ab"[number % 2], **fields))
    return found


def pages(store: JobStore, owner: str | None, limit: int, **asked: Any) -> Iterator[str]:
    """The ids of all pages, each begun after the one before."""
    after = asked.pop("after", None)
    while True:
        page = store.list(owner, limit=limit, after=after, **asked)
        yield from (record.job.id for record in page.records)
        if not page.has_more:
            return
        assert len(page.records) == limit
        after = page.records[-1].job.id


ASKED: list[tuple[dict[str, Any], Callable[[Job], bool]]] = [
    ({}, lambda job: job.listing is Listing.JOBS),
    ({"include": Listing.SYNC}, lambda job: job.listing is not Listing.LINES),
    ({"include": Listing.LINES}, lambda job: job.listing is not Listing.SYNC),
    ({"criteria": Criteria(models=frozenset({"a"}))}, lambda job: job.listing is Listing.JOBS and job.model == "a"),
    ({"criteria": Criteria(models=frozenset({"none"}))}, lambda job: False),
    (
        {"criteria": Criteria(since=START + 2, before=START + 5), "include": Listing.SYNC},
        lambda job: job.listing is not Listing.LINES and START + 2 <= job.created < START + 5,
    ),
    (
        {"criteria": Criteria(since=START + 5, before=START + 2)},
        lambda job: False,
    ),
]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
@pytest.mark.parametrize("owner", ["mine", "yours", "nobody", None])
@pytest.mark.parametrize(("asked", "fits"), ASKED)
def test_pages_put_together_are_the_list_each_job_once_and_newest_first(
    store: JobStore, jobs: list[Job], owner: str | None, limit: int, asked: dict[str, Any], fits: Callable[[Job], bool]
) -> None:
    expected = sorted((job.id for job in jobs if owner in (None, job.owner) and fits(job)), reverse=True)
    assert list(pages(store, owner, limit, **asked)) == expected


@pytest.mark.parametrize("owner", ["mine", None])
@pytest.mark.parametrize(
    "after",
    [
        *("job_", "job_0", "job_x", "job_ ", "foo", "zoo", "\x00", "job_" + "f" * 32, "job_" + "0" * 32),
        *(f"job_{START + 3:012x}", f"job_{START + 3:x}".upper(), f"job_{START + 3:012x}zz"),
    ],
)
def test_a_cursor_may_be_of_a_job_that_is_gone_or_never_was(
    store: JobStore, jobs: list[Job], owner: str | None, after: str
) -> None:
    for include in (None, Listing.SYNC, Listing.LINES):
        listed = [job for job in jobs if job.listing in (Listing.JOBS, include) and owner in (None, job.owner)]
        expected = sorted((job.id for job in listed if job.id < after), reverse=True)
        assert list(pages(store, owner, 2, include=include, after=after)) == expected


def test_a_list_goes_on_after_a_job_that_was_deleted_meanwhile(store: JobStore, jobs: list[Job]) -> None:
    plain = sorted((job.id for job in jobs if job.listing is Listing.JOBS and job.owner == "mine"), reverse=True)
    page = store.list("mine", limit=3)
    store.finish(page.records[-1].job.id, events.Cancelled())
    store.delete(page.records[-1].job.id, "mine")
    assert list(pages(store, "mine", 3, after=page.records[-1].job.id)) == plain[3:]
    assert list(pages(store, None, 100)).count(page.records[-1].job.id) == 0


def test_jobs_that_were_all_made_in_one_millisecond_are_paged_too(store: JobStore) -> None:
    ids = [made(store, "mine", 0, micros).id for micros in range(20)]
    assert list(pages(store, "mine", 3)) == list(pages(store, None, 3)) == sorted(ids, reverse=True)


class Cost:
    """What a call costs Redis: commands by name, and bytes of replies."""

    def __init__(self, store: JobStore, call: Callable[[], Page]) -> None:
        store.redis.config_resetstat()
        self.page = call()
        commands = store.redis.info("commandstats")
        self.bytes = store.redis.info("stats")["total_net_output_bytes"]
        names = {name.removeprefix("cmdstat_"): counts["calls"] for name, counts in commands.items()}
        self.commands = {name: calls for name, calls in names.items() if name not in ("config|resetstat", "info")}


@pytest.mark.parametrize("limit", [1, 10])
@pytest.mark.parametrize("include", [None, Listing.SYNC])
def test_a_page_costs_as_much_of_a_long_list_as_of_a_short_one(
    store: JobStore, limit: int, include: Listing | None
) -> None:
    for owner, count in (("few", FEW), ("many", MANY)):
        for number in range(count):
            job = made(store, owner, number, sync=number % 2 == 0)
            store.finish(job.id, events.Cancelled())

    def cost(owner: str | None, count: int, after: bool) -> Cost:
        middle = f"job_{START + count // 2:012x}" if after else None
        return Cost(store, lambda: store.list(owner, limit=limit, include=include, after=middle))

    for after in (False, True):
        few = cost("few", FEW, after)
        for page in (few, cost("many", MANY, after), cost(None, MANY, after)):
            assert len(page.page.records) == limit and page.page.has_more
            assert page.commands == few.commands and page.bytes < 1.2 * few.bytes
            assert sum(page.commands.values()) <= 2 * (limit + 1) + 6


def test_what_is_sparse_is_read_in_larger_and_larger_pieces(store: JobStore) -> None:
    for owner, count in (("few", FEW), ("many", MANY)):
        for number in range(count):
            made(store, owner, number)
    short = Cost(store, lambda: store.list("few", limit=1, criteria=Criteria(models=frozenset({"none"}))))
    long = Cost(store, lambda: store.list("many", limit=1, criteria=Criteria(models=frozenset({"none"}))))
    lookups = [sum(cost.commands.values()) - cost.commands["hgetall"] for cost in (short, long)]
    assert long.commands["hgetall"] == MANY and lookups[1] < 4 * lookups[0]


def test_jobs_of_an_earlier_version_come_into_the_lists_of_all_owners(store: JobStore, jobs: list[Job]) -> None:
    store.finish(jobs[0].id, events.Cancelled())
    expected = {listing: list(pages(store, None, 100, include=listing)) for listing in (None, Listing.SYNC)}
    store.redis.delete(*(store.keys.everybody(listing) for listing in Listing))
    new = made(store, "mine", 100)
    housekeeping = Housekeeping(store)
    while housekeeping.run() or housekeeping.under_way:
        pass
    for listing, ids in expected.items():
        assert list(pages(store, None, 100, include=listing)) == [new.id, *ids]
