"""What a model's entry shows beside its state is what its worker says of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from mlxq.catalogue import Catalogue
from mlxq.settings import Settings
from tasks.processes.presence import ModelState, Presence, Worker
from tasks.redis.store import JobStore
from tasks.values.model import Details
from tests.support.servers import fake
from web.application import create_app


@pytest.fixture
def client(settings: Settings, store: JobStore) -> Iterator[FlaskClient]:
    app = create_app(settings, Catalogue.parse({"models": [fake(context_length=512)]}, "test"))
    yield app.test_client()
    app.extensions["mlxq"].followers.close()


def shown(client: FlaskClient) -> dict[str, Any]:
    found = client.get("/v1/models/fake").json
    assert isinstance(found, dict)
    return found


def test_without_a_worker_it_is_what_the_models_file_says(client: FlaskClient) -> None:
    model = shown(client)
    assert (model["state"], model["context_length"], model["defaults"]) == ("starting", 512, None)


def test_a_worker_tells_the_real_context_length_and_the_defaults(client: FlaskClient, store: JobStore) -> None:
    details = Details(context_length=256, defaults={"temperature": 0.6, "seed": None}, modalities=("text", "image"))
    Presence(store).show(Worker("w", "fake", 1, 8, details))
    model = shown(client)
    assert (model["state"], model["context_length"]) == ("ready", 256)
    assert (model["defaults"], model["modalities"]) == ({"temperature": 0.6, "seed": None}, ["text", "image"])
    assert "steps" not in model
    assert client.get("/v1/models").json["data"] == [model]


def test_a_worker_that_says_nothing_changes_nothing(client: FlaskClient, store: JobStore) -> None:
    Presence(store).show(Worker("w", "fake", 1, 8))
    model = shown(client)
    assert (model["state"], model["context_length"], model["defaults"]) == ("ready", 512, None)


def test_a_model_of_pictures_tells_also_what_it_does_not_take(client: FlaskClient, store: JobStore) -> None:
    details = Details(steps=4, guidance_scale=None, images=1, mask=False, size_multiple=16)
    Presence(store).show(Worker("w", "fake", 1, 8, details))
    told = {"steps": 4, "guidance_scale": None, "images": 1, "mask": False, "size_multiple": 16}
    assert shown(client).items() >= {**told, "context_length": 512, "defaults": None}.items()
    assert "modalities" not in shown(client)


ADMIN = "an-administrator's-key"


def test_an_administrator_asks_for_models_and_nobody_else(settings: Settings, store: JobStore) -> None:
    keyed = Settings(**{**vars(settings), "admin_key": ADMIN, "api_keys": ("alpha",)})
    models = [fake(on_demand=True, aliases=["alias"]), fake("org/other")]
    app = create_app(keyed, Catalogue.parse({"models": models}, "test"))
    client, presence = app.test_client(), Presence(store)
    as_admin = {"Authorization": f"Bearer {ADMIN}"}
    presence.declare("fake", ModelState("loading", progress=40))
    began = store.clock()
    try:
        answer = client.post("/v1/models/alias/load", headers=as_admin)
        assert answer.status_code == 202
        told = {"id": "fake", "on_demand": True, "state": "loading", "progress": 40, "reason": None}
        assert answer.json.items() >= told.items()
        assert client.post("/v1/models/org/other/unload", headers=as_admin).status_code == 202
        wishes = {model: wish for model, (wish, when) in presence.wishes(began).items()}
        assert wishes == {"fake": "load", "org/other": "unload"} and presence.wishes(store.clock()) == {}
        assert client.post("/v1/models/none/load", headers=as_admin).status_code == 404
        for wish in ("load", "unload"):
            refused = client.post(f"/v1/models/fake/{wish}", headers={"Authorization": "Bearer alpha"})
            assert refused.status_code == 403
    finally:
        app.extensions["mlxq"].followers.close()


def test_a_worker_that_leaves_is_not_counted_on(client: FlaskClient, store: JobStore) -> None:
    presence = Presence(store)
    presence.declare("fake", ModelState("unloading"))
    presence.show(Worker("w", "fake", 1, 8))
    assert shown(client)["state"] == "ready"
    presence.show(Worker("w", "fake", 1, 8, leaving=True))
    assert shown(client)["state"] == "unloading" and presence.entered("fake").keys() == {"w"}
