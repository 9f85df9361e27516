"""The scripts are there or not there as one, so that no batch of calls runs in part."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tasks.redis import scripts
from tasks.redis.claims import Begun, Changes, Claims, Ended, Published
from tasks.redis.store import JobStore
from tasks.values import events
from tasks.values.job import Status
from tests.support.jobs import chat

FOLDER = Path(scripts.__file__).parent / "lua"
SOURCES = {path.stem: path.read_text() for path in FOLDER.glob("*.lua")}
SHARED = {path.stem: path.read_text() for path in (FOLDER / "shared").glob("*.lua")}
HEAD = re.compile(r"^-- (?:KEYS|ARGV|USES): (.+)$", re.MULTILINE)


def test_a_batch_runs_as_a_whole_on_a_redis_that_was_started_anew(store: JobStore, one: Claims) -> None:
    job = chat(store)
    store.submit(job, room=5)
    claim = one.claim(job.id)
    assert claim is not None
    store.redis.script_flush()
    assert not store.ended(job.id)
    store.follow(job.id, "web-1", 0)  # somebody else's call brings the scripts back
    published = [Published(claim, [(2, events.Delta("a"))], None)]
    one.write(Changes([Begun(claim, 1)], published, [Ended(claim, events.Cancelled())]), "0-0")
    kinds = [type(events.decode(fields[b"e"])) for _, fields in store.redis.xrange(store.keys.events(job.id))]
    assert kinds == [events.Started, events.Delta, events.Cancelled]
    assert store.get(job.id, "anonymous").status is Status.CANCELLED


def test_what_a_sender_was_given_it_is_given_again_when_the_reply_was_lost(store: JobStore) -> None:
    keys = [store.keys.hooks(), store.keys.reply("sender")]
    store.redis.zadd(store.keys.hooks(), {"evt_a": 0, "evt_b": 1, "evt_c": 2})
    taken = [store.scripts.run("take_deliveries", keys, [60_000, 2, token]) for token in ("one", "one", "two")]
    assert taken == [[b"evt_a", b"evt_b"], [b"evt_a", b"evt_b"], [b"evt_c"]]


@pytest.mark.parametrize("name", SOURCES)
def test_a_script_says_what_it_takes_by_name_and_uses_all_of_it(name: str) -> None:
    source = SOURCES[name]
    code = "\n".join(line.partition("--")[0] for line in source.splitlines())
    assert not re.search(r"(KEYS|ARGV)\[\d", code)
    declared = [one.removesuffix("...") for names in HEAD.findall(source) for one in names.split(", ")]
    assert declared and len(set(declared)) == len(declared)
    assert [one for one in declared if not re.search(rf"\b{one}\b", code)] == []


def test_a_script_has_its_names_and_the_beginning_of_what_follows_them(store: JobStore) -> None:
    text = scripts.script("settle_batch").text
    assert text.startswith("#!lua flags=allow-oom\n")  # Redis reads that in the first line alone
    assert "local batch, runner, inflight, running, outdated, index, input, owed, files = KEYS[1], " in text
    assert "KEYS[8], 9\n" in text and "ARGV[8], 9\n" in text
    assert all(
        text.count(f"local function {name}(") == 1 for name in ("clock", "release_blob", "record_webhooks", "nudge")
    )
    assert text.index("local function nudge(") < text.index("local function record_webhooks(")
    assert not scripts.script("submit").text.startswith("#!")  # which full memory refuses


@pytest.mark.parametrize("name", SHARED)
def test_a_shared_function_is_one_file_s_and_more_than_one_script_s(name: str) -> None:
    assert re.findall(r"^local function (\w+)\(", SHARED[name], re.MULTILINE) == [name]
    users = [user for user, source in SOURCES.items() if f"local function {name}(" in scripts.script(user).text]
    assert len(users) > 1 and all(f"function {name}(" not in source for source in SOURCES.values())
