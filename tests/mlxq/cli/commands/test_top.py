"""`mlxq ps` and `mlxq top` show the models and what is to do."""

from __future__ import annotations

from tests.mlxq.cli.shell import mlxq
from tests.support.servers import Stack


def test_models_are_listed_with_their_queues(fake_stack: Stack) -> None:
    done = mlxq(fake_stack, "ps")
    head, *rows = done.out.splitlines()
    assert done.code == 0 and head.split()[:4] == ["model", "type", "state", "rows"]
    assert {row.split()[0]: row.split()[2] for row in rows} == dict.fromkeys(fake_stack.names, "ready")
    told = mlxq(fake_stack, "ps", "--json").json
    assert [model["id"] for model in told] == fake_stack.names and "tokens_per_second" in told[0]


def test_the_live_view_looks_as_often_as_it_is_told(fake_stack: Stack) -> None:
    done = mlxq(fake_stack, "top", "--interval", "0.1", "--count", "2")
    assert done.code == 0 and all(name in done.out for name in fake_stack.names)


def test_no_server_is_a_sentence() -> None:
    done = mlxq("http://127.0.0.1:1", "ps")
    assert done.code == 3 and "nothing answers at http://127.0.0.1:1" in done.err
