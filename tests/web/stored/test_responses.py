"""A stored response is its owner's own, until it is deleted or its time is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from mlxq.catalogue import Catalogue
from mlxq.settings import Settings
from tasks.redis.store import JobStore
from tasks.values import events, results
from tasks.values.errors import Failure, InvalidValue, NotFound
from tasks.values.job import Job, Lane, job_id
from tasks.values.responses import id_of
from tests.support.servers import fake
from web import intake
from web.api.responses.responses import ENDPOINT
from web.gateway import Gateway, connect
from web.identity import Caller
from web.render.failure import failure
from web.stored import responses

LARGE = "long " * 20_000


@pytest.fixture
def gateway(settings: Settings, store: JobStore) -> Iterator[Gateway]:
    made = connect(settings, Catalogue.parse({"models": [fake()]}, "test"))
    yield made
    made.followers.close()


Made = Callable[..., Job]


@pytest.fixture
def made(gateway: Gateway) -> Made:
    """Makes a response that has ended, as its endpoint and a worker would."""

    def make(text: str, said: str = "so", owner: str = "ann", end: events.Terminal | None = None, **more: Any) -> Job:
        caller, clock = Caller(gateway, owner), gateway.store.clock()
        taken = intake.check(caller, ENDPOINT, {"model": "fake", "input": text, **more})
        job = Job(
            id=job_id(clock),
            owner=owner,
            model="fake",
            endpoint=ENDPOINT.path,
            payload=ENDPOINT.payload(taken.data),
            created=clock // 1000,
            deadline=clock // 1000 + 60_000,
            lane=Lane.INTERACTIVE,
            keep=ENDPOINT.keep(gateway.settings, taken.data) or 60,
            options=ENDPOINT.options(caller, taken.data),
            inputs=taken.blobs,
        )
        gateway.store.submit(job, room=9)
        told = [events.Started(1), events.Delta(said, finish_reason="stop"), end or events.Done(at=1)]
        result = results.encode(results.fold(job.payload, told)) if end is None else b""
        gateway.store.scripts.run(*gateway.store.ending(job, told[-1], result=result))  # type: ignore[arg-type]
        return job

    return make


def turns(gateway: Gateway, owner: str = "ann", **more: Any) -> tuple[tuple[str, str], ...]:
    """What a model would read of a request, turn by turn."""
    taken = intake.check(Caller(gateway, owner), ENDPOINT, {"model": "fake", **more})
    payload: Any = ENDPOINT.payload(taken.data)
    return tuple((turn.role, turn.content) for turn in payload.messages)


def test_a_response_is_its_owner_s_alone(gateway: Gateway, made: Made) -> None:
    mine = id_of(made("one").id)
    assert responses.find(Caller(gateway, "ann"), mine).job.owner == "ann"
    with pytest.raises(NotFound, match=mine):
        responses.find(Caller(gateway, "bob"), mine)
    with pytest.raises(InvalidValue, match=f"no response '{mine}'") as caught:
        turns(gateway, "bob", input="two", previous_response_id=mine)
    assert caught.value.failure.param == "previous_response_id"
    item = f"msg_{mine.removeprefix('resp_')}_0"
    assert turns(gateway, input=[{"id": item}]) == (("assistant", "so"),)
    with pytest.raises(InvalidValue, match="there is no response"):
        turns(gateway, "bob", input=[{"id": item}])


@pytest.mark.parametrize("text", ["one", LARGE])
def test_what_was_said_before_is_read_however_long_it_was(gateway: Gateway, made: Made, text: str) -> None:
    first = made(text, text, instructions="Be brief.")
    second = made("two", previous_response_id=id_of(first.id))
    expected = (("user", text), ("assistant", text), ("user", "two"), ("assistant", "so"))
    assert turns(gateway, previous_response_id=id_of(second.id)) == expected
    told = turns(gateway, previous_response_id=id_of(second.id), instructions="Be kind.", input="three")
    assert told == (("system", "Be kind."), *expected, ("user", "three"))
    for job in (first, second):
        record = gateway.store.find(job.id)
        assert record is not None and record.job.payload.messages == ()  # type: ignore[union-attr]
        fields = gateway.store.redis.hgetall(gateway.store.keys.job(job.id))
        assert sum(map(len, fields.values())) < 4096


def test_nothing_is_left_of_a_response_that_is_deleted(gateway: Gateway, made: Made) -> None:
    redis, keys = gateway.store.redis, gateway.store.keys
    job = made(LARGE, LARGE)
    assert len(redis.keys(keys.blob("*"))) == 2  # its request and its result
    record = gateway.store.find(job.id)
    assert record is not None and gateway.store.erase(record)
    assert redis.keys(keys.blob("*")) == [] and redis.keys(keys.job("*")) == []


@pytest.mark.parametrize(
    ("end", "standing"),
    [(events.Cancelled(), "cancelled"), (events.Expired(), "failed")],
)
def test_nothing_goes_on_from_what_came_to_nothing(
    gateway: Gateway, made: Made, end: events.Terminal, standing: str
) -> None:
    job = made("one", end=end)
    assert responses.shown(Caller(gateway, "ann"), responses.find(Caller(gateway, "ann"), id_of(job.id)))["status"] == (
        standing
    )
    with pytest.raises(InvalidValue, match=f"is {standing}, so it cannot be continued"):
        turns(gateway, previous_response_id=id_of(job.id))


def test_what_the_system_says_at_the_beginning_is_one_turn(gateway: Gateway) -> None:
    sent = [{"role": "developer", "content": "b"}, {"role": "system", "content": "c"}, {"role": "user", "content": "d"}]
    assert turns(gateway, instructions="a", input=sent) == (("system", "a\n\nb\n\nc"), ("user", "d"))
    assert turns(gateway, input=[sent[2], sent[0]]) == (("user", "d"), ("system", "b"))


def test_the_seed_of_what_is_made_in_the_background_is_chosen_at_the_edge(made: Made) -> None:
    assert made("one").payload.seed is None  # type: ignore[union-attr]
    assert made("one", background=True).payload.seed is not None  # type: ignore[union-attr]
    assert made("one", background=True, seed=7).payload.seed == 7  # type: ignore[union-attr]


def test_pictures_of_earlier_turns_are_held_by_who_goes_on(gateway: Gateway, made: Made) -> None:
    seen = [{"role": "user", "content": [{"type": "input_image", "image_url": "data:image/png;base64,iVBORw0KGgo="}]}]
    first = made(seen)  # type: ignore[arg-type]
    second = made("two", previous_response_id=id_of(first.id))
    assert first.inputs == second.inputs != ()
    (media,) = [shown for turn in second.payload.messages for shown in turn.media]  # type: ignore[union-attr]
    assert media.param == "previous_response_id" and media.blob in first.inputs


def test_what_an_engine_says_of_messages_is_said_of_the_input(made: Made) -> None:
    refused = Failure("context_length_exceeded", "too long", "messages")
    assert failure(made("one"), events.Failed(refused)).param == "input"
    other = Failure("invalid_value", "no such token", "logit_bias.9")
    assert failure(made("one"), events.Failed(other)) == other
