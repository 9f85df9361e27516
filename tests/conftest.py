"""A Valkey a session, flushed per test, and what stands on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from hypothesis import settings as hypothesis

from mlxq.settings import Settings
from tasks import store as stores
from tasks.store import JobStore
from tests import starter
from tests.rounds import rounds
from tests.servers import PATIENCE, ROOT, Stack, Valkey, fake, running

pytest_plugins = ["tests.engines"]

# Several processes of the suite compute at once, and threads that wait for each other take many times as long then.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# No test is about speed; and what CI says of a change depends on the change, while everybody else looks for new cases.
hypothesis.register_profile("mlxq", deadline=None, max_examples=rounds(25, 1000), derandomize="CI" in os.environ)
hypothesis.load_profile("mlxq")

# Started once by each process that runs tests. The rest of the suite shares no more than its file does.
STACKS = ("real_stack", "image_stack", "fake_stack")
# What takes longest begins first, so that no process is left with it at the end.
LONGEST = ("tests/faults/", "tests/contract/", "tests/workers/engines/", "tests/web/", "tests/test_launch.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep what shares a stack, or a file, in one process of pytest-xdist, and begin with what takes longest."""
    groups = {item: _group(item) for item in items}
    for item, group in groups.items():
        item.add_marker(pytest.mark.xdist_group(group))
    ranks = [*STACKS, *LONGEST]
    items.sort(
        key=lambda item: next((rank for rank, at in enumerate(ranks) if groups[item].startswith(at)), len(ranks))
    )


def _group(item: pytest.Item) -> str:
    asked = getattr(item, "fixturenames", ())
    return next((stack for stack in STACKS if stack in asked), item.nodeid.partition("::")[0])


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    yield server
    server.stop()


@pytest.fixture
def settings(valkey: Valkey, tmp_path: Path) -> Settings:
    return Settings(redis_url=valkey.url(), namespace="test", home=tmp_path)


@pytest.fixture
def store(settings: Settings) -> Iterator[JobStore]:
    store = stores.connect(settings)
    store.redis.flushdb()
    yield store
    store.redis.close()


@pytest.fixture(autouse=True)
def quiet(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a test leaves under way on a stack that others use too ends with it."""
    yield
    for name in STACKS:
        if name in request.fixturenames:
            stack: Stack = request.getfixturevalue(name)
            stack.quieten()


@pytest.fixture(scope="session")
def fake_stack(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The web and the workers with fake engines: `small` has one slot and room for two."""
    models = [fake(slots=8, step_ms=5), fake("small", slots=1, step_ms=40, queue_size=2)]
    yield from running(Stack(valkey, tmp_path_factory.mktemp("fake"), models, db=1))


@pytest.fixture
def http(fake_stack: Stack) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=fake_stack.url, timeout=PATIENCE) as client:
        yield client


@pytest.fixture(scope="session")
def real_stack(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The web and the workers with the starter models, as `make serve` runs them."""
    models = yaml.safe_load((ROOT / "models.yaml").read_text())["models"]
    for model in models:
        starter.folder(model["served_model_name"])
    yield from running(Stack(valkey, tmp_path_factory.mktemp("real"), models, db=3))


@pytest.fixture(scope="session")
def image_stack(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The web and the workers with tiny image models of the real architectures."""
    from tests.workers.engines.images import tiny

    models = [tiny.entry("flux2"), tiny.entry("flux2-edit"), tiny.entry("qwen-edit")]
    yield from running(Stack(valkey, tmp_path_factory.mktemp("images"), models, db=8))
