"""The facts are this machine's, and nothing that is wrong with it keeps `mlxq doctor` from telling."""

from __future__ import annotations

import json
import platform
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from mlxq.cli import main
from mlxq.doctor import gather
from mlxq.doctor.facts import Compute
from tests.support.servers import Valkey, free_port


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure nothing."""
    compute = Compute(device="the CPU", metal=False, gflops=99.0, blas="libmkl_rt.so")
    monkeypatch.setattr(gather, "_compute", lambda: (compute, None))


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    config = tmp_path / "models.yaml"
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").write_bytes(b"x" * 1000)
    config.write_text(f"models: [{{model_path: {tmp_path}/model}}, {{model_path: org/x, model_type: whisper}}]")
    return {"MLXQ_CONFIG": str(config), "MLXQ_HOME": str(tmp_path / "var"), "PORT": str(free_port())}


@pytest.mark.usefixtures("quick")
def test_facts_are_those_of_this_machine_and_nothing_is_written(environ: dict[str, str], tmp_path: Path) -> None:
    facts = gather.gather({**environ, "MLXQ_API_KEYS": "abc,defgh", "DEFAULT_TOP_P": "1"})
    assert facts.machine.system == platform.system() and facts.machine.memory > 1 << 28
    assert (facts.models.count, facts.models.types, facts.models.weights) == (2, ("lm", "whisper"), 1000)
    assert (facts.keys.count, facts.keys.shortest, facts.foreign) == (2, 3, ("DEFAULT_TOP_P",))
    assert facts.listening.error is None and not facts.listening.beyond
    assert facts.versions["mlxq"] and not (tmp_path / "var").exists()


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("on_demand", "weights"),
    [((), 1110), (("a",), 1110), (("b", "c"), 1100), (("a", "b", "c"), 1000)],
)
def test_of_models_that_are_loaded_on_demand_the_largest_has_to_fit(
    environ: dict[str, str], tmp_path: Path, on_demand: tuple[str, ...], weights: int
) -> None:
    models = []
    for name, size in {"a": 1000, "b": 100, "c": 10}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(b"x" * size)
        models.append({"model_path": str(tmp_path / name), "on_demand": name in on_demand})
    Path(environ["MLXQ_CONFIG"]).write_text(json.dumps({"models": models}))
    assert gather.gather(environ).models.weights == weights


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("more", "about", "words"),
    [
        ({"MLXQ_TIMEOUT": "soon"}, "settings", "MLXQ_TIMEOUT='soon'"),
        ({"MLXQ_CONFIG": "/nowhere.yaml"}, "models", "no such file"),
        ({"REDIS_URL": "redis://127.0.0.1:1/0"}, "queue", "does not answer"),
        ({"MLXQ_HOST": "0.0.0.0"}, "keys", "without a key"),  # noqa: S104
        ({"MLXQ_HOME": "/etc/passwd/none"}, "disk", "cannot be written"),
    ],
)
def test_what_is_wrong_is_an_error(environ: dict[str, str], more: dict[str, str], about: str, words: str) -> None:
    done = CliRunner(env={**environ, **more}).invoke(main, ["doctor", "--json"])
    told = json.loads(done.stdout)
    assert (done.exit_code, told["ok"]) == (1, False)
    (finding,) = [one for one in told["findings"] if one["state"] == "error"]
    assert finding["about"] == about and words in finding["says"]


@pytest.mark.usefixtures("quick")
def test_a_port_that_is_taken_is_an_error(environ: dict[str, str]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(environ["PORT"])))
        other.listen()
        assert gather.gather(environ).listening.error == "Address already in use"


@pytest.mark.usefixtures("quick")
def test_the_settings_of_a_redis_are_read(environ: dict[str, str], valkey: Valkey) -> None:
    queue = gather.gather({**environ, "REDIS_URL": valkey.url()}).queue
    assert (queue.external, queue.running, queue.policy, queue.append_only) == (True, True, "noeviction", True)
    assert queue.version and queue.limit == 1 << 30


def test_mlx_is_measured_by_a_process_of_its_own() -> None:
    compute, error = gather._compute()
    assert error is None and compute is not None
    assert compute.gflops > 0.1 and compute.device


def test_a_machine_without_mlx_is_told_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gather.sys, "executable", "/usr/bin/false")
    assert gather._compute() == (None, "it ended with code 1")
