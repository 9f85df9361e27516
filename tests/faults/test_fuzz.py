"""Requests meant to hurt end in an answer of ours, and nothing breaks; `make fuzz` sends many more."""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random

import pytest

from bench.fuzz import sockets, values
from bench.fuzz.__main__ import ENV
from bench.fuzz.campaign import Campaign, rules
from bench.fuzz.examples import EXAMPLES
from bench.fuzz.watch import Watch, signature, troubles
from bench.fuzz.world import World
from tests.support.servers import Stack, Valkey, fake, running

SEED, REQUESTS = 12, 1500
TRACEBACK = """Traceback (most recent call last):
  File "/x/web/intake.py", line 127, in _parsed
    plain = name.removesuffix("[]")
AttributeError: 'NoneType' object has no attribute 'removesuffix'"""


@pytest.fixture
def stack(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own, so that every line of its logs is about what was sent here."""
    models = [fake(step_ms=1)]
    yield from running(Stack(valkey, tmp_path_factory.mktemp("fuzz"), models, **ENV))


def test_no_spoiled_request_breaks_anything(stack: Stack) -> None:
    world = World()
    campaign = Campaign("127.0.0.1", stack.port, world, SEED, Watch(stack))
    campaign.prepare()
    campaign.run(REQUESTS, clients=4)
    sockets.run(stack, world, SEED, campaign.findings)
    assert [f"{finding}: {finding.request}" for finding in campaign.found()] == []


def test_every_route_has_an_example() -> None:
    assert rules() <= {(example.route, example.method) for example in EXAMPLES}


def test_a_request_is_made_from_the_seed_and_its_number() -> None:
    def made(seed: int) -> list[bytes]:
        world = World()
        chances = [Random(f"{seed}/{number}") for number in range(len(EXAMPLES))]
        return [example.make(world, chance).encoded("x") for example, chance in zip(EXAMPLES, chances, strict=True)]

    assert made(1) == made(1) != made(2)


def test_what_no_json_may_hold_is_written_where_it_is_meant() -> None:
    value = {"a": values.Literal("1e400"), "b": values.Pairs([("c", 1), ("c", [None])])}
    assert values.text(value) == '{"a":1e400,"b":{"c":1,"c":[null]}}'
    assert json.loads(values.text({"a": [1.5, "é", True]})) == {"a": [1.5, "é", True]}


def test_a_traceback_is_known_by_its_error_and_the_place_in_our_code() -> None:
    said = signature(TRACEBACK)
    assert said.startswith("AttributeError") and said.endswith("at web/intake.py:127 (_parsed)")
    lines = [
        "{}",
        *TRACEBACK.splitlines(),
        "[2026] another line",
        json.dumps({"exception": TRACEBACK, "request_id": "r"}),
    ]
    assert [(one.number, said in one.said) for one in troubles("web", lines)] == [("", True), ("r", True)]
