"""A Valkey a session, flushed per test, and what stands on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from hypothesis import settings as hypothesis

from mlxq.settings import Settings
from tasks.redis import store as stores
from tasks.redis.store import JobStore
from tests.support import starter
from tests.support.rounds import rounds
from tests.support.servers import PATIENCE, ROOT, Stack, Valkey, fake, running

pytest_plugins = ["tests.support.engines"]

# Several processes of the suite compute at once, and threads that wait for each other take many times as long then.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# No test is about speed; and what CI says of a change depends on the change, while everybody else looks for new cases.
hypothesis.register_profile("mlxq", deadline=None, max_examples=rounds(25, 1000), derandomize="CI" in os.environ)
hypothesis.load_profile("mlxq")

# Started once a session, and so by each process of pytest-xdist that needs it; the first two hold models.
STACKS = ("real_stack", "image_stack", "fake_stack")
# What says nothing of it by its fixtures.
_WITH_PROCESSES = ("tests/contract/", "tests/bench/", "tests/test_", "tests/workers/test_redis_server.py")
_WITH_MODELS = ("tests/workers/engines/", "tests/workers/starter/", "tests/workers/test_tokenisation.py")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Keep the tests of one file, and of the files that load the same models, in one process."""
    from xdist.scheduler import LoadScopeScheduling

    class ByModels(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return _shared(nodeid.partition("::")[0])

    config.option.loadscopereorder = False
    return ByModels(config, log)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out what holds no unit where only those run: importing it takes as long as all of them."""
    elsewhere = (
        collection_path.relative_to(ROOT).as_posix().startswith((*_WITH_PROCESSES, *_WITH_MODELS, "tests/faults/"))
    )
    return True if config.option.markexpr == "unit" and elsewhere else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what each test needs, and begin with what takes longest, so that no process is left with it at the end."""
    for item in items:
        item.add_marker(_mark(item))
    longest = (
        *STACKS,
        "tests/faults/",
        "tests/contract/",
        "tests/workers/engines/",
        "tests/web/",
        "tests/test_launch.py",
    )
    scopes = {item: _shared(item.nodeid.partition("::")[0]) for item in items}
    items.sort(key=lambda item: next((rank for rank, at in enumerate(longest) if scopes[item].startswith(at)), 9))


def _mark(item: pytest.Item) -> str:
    """The one mark of a test, of those that pyproject.toml describes: it follows from the folder, the fixtures, and
    whether its module starts processes itself."""
    fixtures: set[str] = set(getattr(item, "fixturenames", ()))
    if item.nodeid.startswith("tests/faults/"):
        return "faults"
    if item.nodeid.startswith(_WITH_PROCESSES) or fixtures & {*STACKS}:
        return "stack"
    if item.nodeid.startswith(_WITH_MODELS):
        return "engine"
    if "valkey" in fixtures:
        return "redis" if "store" in fixtures else "stack"
    if "own_valkey" in fixtures:
        return "redis"
    return "stack" if hasattr(getattr(item, "module", None), "subprocess") else "unit"


@cache
def _shared(file: str) -> str:
    text = (ROOT / file).read_text()
    return next((stack for stack in STACKS[:2] if stack in text), file)


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    yield server
    server.stop()


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[Valkey]:
    """A server that a test has for itself, and may kill."""
    server = Valkey(tmp_path)
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
    yield from running(Stack(valkey, tmp_path_factory.mktemp("fake"), models))


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
    yield from running(Stack(valkey, tmp_path_factory.mktemp("real"), models))


@pytest.fixture(scope="session")
def image_stack(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The web and the workers with tiny image models of the real architectures."""
    from tests.workers.engines.images import tiny

    home = tmp_path_factory.mktemp("images")
    ink = tiny.adapter(tmp_path_factory.mktemp("adapters") / "ink.safetensors")
    models = [tiny.entry("flux2", adapters={"ink": ink}), tiny.entry("flux2-edit"), tiny.entry("qwen-edit")]
    yield from running(Stack(valkey, home, models))
