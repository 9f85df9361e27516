"""A batch whose model was taken out of the models' file waits, says so, and goes on when the model is back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

import pytest
from flask import Flask

from mlxq.catalogue import Catalogue
from mlxq.settings import Settings
from tasks.batches.batches import Status
from tasks.batches.lines import Place
from tasks.processes.presence import ModelState, Presence
from tasks.redis.store import JobStore
from tests.support.servers import eventually, fake
from tests.web.batches.test_runner import batch, finish, line, listed, new_runner, seen, told, work
from tests.web.test_aliases import model as lm
from web.application import create_app
from web.batches.input_lines import Line
from web.batches.line_jobs import LineJobs
from web.gateway import Gateway


@contextmanager
def serving(settings: Settings, *models: str) -> Iterator[Flask]:
    small = Settings(**{**vars(settings), "batch_window": 4})
    app = create_app(small, Catalogue.parse({"models": [fake(name) for name in models]}, "test"))
    try:
        yield app
    finally:
        app.extensions["mlxq"].followers.close()


@pytest.fixture
def was_served(store: JobStore) -> None:
    Presence(store).declare("fake", ModelState("ready"))  # once, by a supervisor that serves it no more


@pytest.mark.parametrize("model", ["text", "alias", "text:sql", "alias:sql"])
def test_it_says_that_its_model_is_loaded_whatever_its_lines_call_it(
    settings: Settings, store: JobStore, model: str
) -> None:
    state = batch(store, line("a", body={"model": model, "input": "x"}), owner="anonymous")
    served = {**lm("text", "lm", "alias"), "adapters": {"sql": "none"}}
    app = create_app(settings, Catalogue.parse({"models": [served]}, "test"))
    try:
        runner = new_runner(app.extensions["mlxq"], store)
        Presence(store).declare("text", ModelState("loading", progress=7))
        eventually(lambda: runner.turn(wait=0.01) or seen(store, state).model)
        shown = app.test_client().get(f"/v1/batches/{state.batch.id}").get_json()
        assert (shown["model"], shown["status_reason"]["code"]) == (model, "model_loading")
    finally:
        app.extensions["mlxq"].followers.close()


@pytest.mark.parametrize(
    ("model", "waits"), [("gone", True), ("gone:sql", True), ("here", False), ("here:sql", False), (None, False)]
)
def test_a_line_waits_for_a_model_that_is_gone_and_for_its_adapters(model: str | None, waits: bool) -> None:
    body = {"input": "x", "model": model}
    asked = Line(1, Place(0, 0), line("a", body=body).encode())
    assert LineJobs(cast("Gateway", None)).waits(asked, frozenset({"gone"})) is waits


def test_it_waits_for_its_model_and_then_goes_on(settings: Settings, store: JobStore, was_served: None) -> None:
    state = batch(store, *(line(f"r{number}") for number in range(10)), owner="anonymous")
    with serving(settings, "fake") as app:
        runner = new_runner(app.extensions["mlxq"], store)
        eventually(lambda: runner.turn(wait=0.01) or listed(store, "anonymous"))
    begun = len(listed(store, "anonymous"))
    with serving(settings, "other") as app:
        runner = new_runner(app.extensions["mlxq"], store, "next")
        for _ in range(20):
            runner.turn(wait=0.01)
        assert seen(store, state).status is Status.IN_PROGRESS and seen(store, state).failed == 0
        assert len(listed(store, "anonymous")) == begun
        client = app.test_client()
        shown = client.get(f"/v1/batches/{state.batch.id}").get_json()
        assert shown["status"] == "in_progress" and shown["status_reason"]["code"] == "model_not_served"
        (job, *_) = listed(store, "anonymous")
        assert client.get(f"/v1/jobs/{job.job.id}").get_json()["status_reason"]["code"] == "model_not_served"
        assert any("'fake'" in warning for warning in client.get("/ready").get_json()["warnings"])
    with serving(settings, "fake") as app:
        runner = new_runner(app.extensions["mlxq"], store, "third")
        client = app.test_client()
        assert client.get(f"/v1/batches/{state.batch.id}").get_json()["status_reason"] is None
        ended = finish(runner, store, state, lambda: work(store, owner="anonymous"))
        assert (ended.status, ended.completed) == (Status.COMPLETED, 10)
        assert told(store, ended, "output").keys() == {f"r{number}" for number in range(10)}


def test_its_owner_may_cancel_it(settings: Settings, store: JobStore, was_served: None) -> None:
    state = batch(store, *(line(f"r{number}") for number in range(10)), owner="anonymous")
    with serving(settings, "other") as app:
        runner = new_runner(app.extensions["mlxq"], store)
        eventually(lambda: runner.turn(wait=0.01) or seen(store, state).status is Status.IN_PROGRESS)
        app.test_client().post(f"/v1/batches/{state.batch.id}/cancel")
        ended = finish(runner, store, state, lambda: None)
        assert (ended.status, ended.completed, ended.failed) == (Status.CANCELLED, 0, 10)


def test_a_model_that_never_was_is_an_error_of_the_line(settings: Settings, store: JobStore) -> None:
    state = batch(store, line("a"), owner="anonymous")
    with serving(settings, "other") as app:
        ended = finish(new_runner(app.extensions["mlxq"], store), store, state, lambda: None)
        error = told(store, ended, "error")["a"]["response"]["body"]["error"]
        assert error["code"] == "model_not_found"
