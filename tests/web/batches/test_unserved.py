"""A batch whose model was taken out of the models' file waits, says so, and goes on when the model is back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from flask import Flask

from mlxq.catalogue import Catalogue
from mlxq.settings import Settings
from tasks.batches import Status
from tasks.processes.presence import ModelState, Presence
from tasks.redis.store import JobStore
from tests.servers import eventually, fake
from tests.web.batches.test_runner import batch, finish, line, listed, new_runner, seen, told, work
from web.application import create_app


@contextmanager
def serving(settings: Settings, *models: str) -> Iterator[Flask]:
    small = Settings(**{**vars(settings), "batch_window": 4})
    app = create_app(small, Catalogue.parse({"models": [fake(name) for name in models]}, "test"))
    try:
        yield app
    finally:
        app.extensions["mlxq"].follower.close()


@pytest.fixture
def was_served(store: JobStore) -> None:
    Presence(store).declare("fake", ModelState("ready"))  # once, by a supervisor that serves it no more


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
