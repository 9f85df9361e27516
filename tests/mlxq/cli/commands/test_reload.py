"""`mlxq reload` has the running server read its models' file, and says what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import yaml
from click.testing import CliRunner, Result

from mlxq.cli import main
from tests.support.servers import Stack, Valkey, fake, running


@pytest.fixture(scope="module")
def stack(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    yield from running(Stack(valkey, tmp_path_factory.mktemp("reload"), [fake(), fake("other")]))


def reload(home: Path) -> Result:
    return CliRunner(env={"MLXQ_HOME": str(home)}).invoke(main, ["reload"])


def test_what_has_changed_is_told_and_served(stack: Stack) -> None:
    stack.settings.config.write_text(yaml.safe_dump({"models": [fake(aliases=["alias"]), fake("new", on_demand=True)]}))
    done = reload(stack.settings.home)
    assert (done.exit_code, done.output) == (0, "added: new\nchanged: fake\nremoved: other\n")
    models = {model["id"]: model["aliases"] for model in httpx.get(f"{stack.url}/v1/models").json()["data"]}
    assert models == {"fake": ["alias"], "new": []}
    done = reload(stack.settings.home)
    assert (done.exit_code, done.output) == (0, "nothing has changed\n")
    assert len(stack.supervisor.log('"worker started"')) == 2  # an alias is no matter of the worker


def test_a_wrong_file_changes_nothing(stack: Stack) -> None:
    before = stack.settings.config.read_text()
    stack.settings.config.write_text("models: [{model_path: x, kv_bits: 3}]")
    done = reload(stack.settings.home)
    stack.settings.config.write_text(before)
    assert done.exit_code == 1 and "nothing was changed" in done.output and "'kv_bits' must be one of" in done.output


def test_without_a_server_it_says_so(tmp_path: Path) -> None:
    done = reload(tmp_path)
    assert done.exit_code == 1 and "no server runs with the folder" in done.output
