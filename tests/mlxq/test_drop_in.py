"""Who has mlx-openai-server's command or file exchanges the program's name, or is told why that does not go."""

from __future__ import annotations

import shlex
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from mlxq import configuration
from mlxq.catalogue import Catalogue, CatalogueError, Server
from mlxq.cli import flags, main
from mlxq.cli.commands import launch
from mlxq.entries import ENTRIES
from mlxq.entries.model_entry import ModelEntry
from mlxq.settings import Settings
from tests.mlxq import mlx_openai_server as theirs
from tests.support.servers import free_port


@pytest.fixture
def filled(tmp_path: Path) -> Callable[[str], str]:
    """Put the test's own paths where braces stand."""
    paths = {name: tmp_path / name for name in ("model", "readme", "memory", "example", "template")}
    paths["model"].mkdir()
    paths["template"].write_text("{{ messages }}")
    paths["folder"] = tmp_path

    def fill(text: str) -> str:
        for name, path in paths.items():
            text = text.replace(f"{{{name}}}", str(path))
        return text

    for name, text in (("readme", theirs.README), ("memory", theirs.MEMORY), ("example", theirs.EXAMPLE)):
        paths[name].write_text(fill(text))
    return fill


class Launched:
    """What `mlxq launch` would start its processes with; None where it refuses."""

    def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.environ: dict[str, str] | None = None
        self._env: dict[str, str | None] = {"MLXQ_HOME": str(tmp_path / "home"), "PORT": str(free_port())}
        self._env |= dict.fromkeys(("MLXQ_CONFIG", "MLXQ_PORT", "MLXQ_HOST", "MLXQ_API_KEYS", "MLXQ_ADMIN_KEY"))

        def run(environ: dict[str, str]) -> int:
            self.environ = environ
            return 0

        monkeypatch.setattr(launch, "_run", run)

    def __call__(self, words: str, **env: str) -> Result:
        return CliRunner(env={**self._env, **env}).invoke(main, ["launch", *shlex.split(words)])

    def loaded(self) -> tuple[Settings, Catalogue]:
        assert self.environ is not None
        return configuration.load(self.environ)


@pytest.fixture
def launched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Launched:
    return Launched(tmp_path, monkeypatch)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield int(other.getsockname()[1])


def parsed(words: list[str]) -> dict[str, Any]:
    """The flags that were given, by the names of their keys."""
    params = launch.launch.make_context("launch", list(words)).params
    return {name: value for name, value in params.items() if value is not None and name in flags.KEYS}


@pytest.mark.parametrize("flag", theirs.FLAGS, ids=lambda flag: flag.words[0])
def test_every_flag_of_a_model_is_taken_with_its_meaning(flag: theirs.Flag, filled: Callable[[str], str]) -> None:
    given = parsed(["--model-path", "x", "--model-type", flag.model_type, *map(filled, flag.words)])
    (entry,) = Catalogue.parse({"models": [flags.entry_of(given)]}, "flags")
    value = filled(flag.value) if isinstance(flag.value, str) else flag.value
    assert getattr(entry, flag.key) == value


@pytest.mark.parametrize(("words", "key", "value"), theirs.SERVER_FLAGS, ids=str)
def test_every_flag_of_the_server_is_taken_with_its_meaning(
    words: list[str], key: str, value: Any, filled: Callable[[str], str], launched: Launched
) -> None:
    done = launched(filled(shlex.join(["--model-path", "{model}", *words])))
    assert done.exit_code == 0, done.output
    settings, _ = launched.loaded()
    found = getattr(settings, key)
    assert (str(found) if isinstance(found, Path) else found) == (filled(value) if isinstance(value, str) else value)


def test_no_flag_of_theirs_is_forgotten() -> None:
    known = {name for param in launch.launch.params for name in (*param.opts, *param.secondary_opts)}
    named = {words[0] for words, *_ in theirs.SERVER_FLAGS} | {word for flag in theirs.FLAGS for word in flag.words}
    assert {word for word in named if word.startswith("--")} | {"--config"} <= known


@pytest.mark.parametrize("key", theirs.MODEL_KEYS)
def test_every_key_of_a_model_is_taken(key: str) -> None:
    value, model_type = theirs.MODEL_KEYS[key]
    document = {"models": [{"model_path": "org/model", "model_type": model_type, key: value}]}
    (entry,) = Catalogue.parse(document, "theirs")
    found = getattr(entry, key)
    assert (list(found) if isinstance(found, tuple) else found) == value


@pytest.mark.parametrize("key", theirs.SERVER_KEYS)
def test_every_key_of_the_server_is_taken(key: str) -> None:
    assert key in Server.__struct_fields__
    document = {"server": {key: theirs.SERVER_KEYS[key]}, "models": [{"model_path": "x"}]}
    found = getattr(Settings.from_env({}, Catalogue.parse(document, "theirs").server), key)
    assert (str(found) if isinstance(found, Path) else found) == theirs.SERVER_KEYS[key]


def test_every_key_of_ours_is_a_flag() -> None:
    known = {param.name for param in launch.launch.params if isinstance(param, click.Option)}
    keys = {key for kind in ENTRIES.values() for key in kind.__struct_fields__} - {"options"}
    assert keys | {*Server.__struct_fields__, "model_type"} <= known


@pytest.mark.parametrize("command", theirs.COMMANDS, ids=lambda command: command.words)
def test_every_command_starts_or_is_refused_with_a_reason(
    command: theirs.Command, filled: Callable[[str], str], launched: Launched
) -> None:
    done = launched(filled(command.words))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    if command.refused is not None:
        assert done.exit_code in (1, 2) and launched.environ is None
        assert command.refused in done.output
        return
    assert done.exit_code == 0, done.output
    _, catalogue = launched.loaded()
    assert list(catalogue)


@pytest.mark.parametrize("key", ["model_id", "max_concurrency"])
def test_a_key_of_an_earlier_version_is_refused_with_its_name_here(key: str) -> None:
    with pytest.raises(CatalogueError, match=f"'{key}' is called '[a-z_]+' here; rename it"):
        Catalogue.parse({"models": [{"model_path": "x", key: 1}]}, "theirs")


def test_one_request_after_the_other_whatever_the_sizes() -> None:
    (entry,) = Catalogue.parse({"models": [{"model_path": "x", "disable_batching": True}]}, "theirs")
    assert entry.rows == 1 and entry.batch_completion_size == 32  # type: ignore[attr-defined]


def test_a_flag_goes_before_the_file(filled: Callable[[str], str], launched: Launched, tmp_path: Path) -> None:
    own = {"server": {"no_log_file": True, "log_level": "debug", "port": 1}, "models": [{"model_path": "x"}]}
    config = tmp_path / "own.yaml"
    config.write_text(yaml.safe_dump(own))
    done = launched(f"--config {config} --log-file {tmp_path}/a/x.log --log-level ERROR --port {(port := free_port())}")
    assert done.exit_code == 0, done.output
    settings, _ = launched.loaded()
    assert (settings.log_to, settings.log_level, settings.port) == (tmp_path / "a" / "x.log", "ERROR", port)
    launched(f"--config {config}")
    assert launched.loaded()[0].log_to is None


def test_a_folder_of_models_needs_no_file_and_goes_with_one(
    launched: Launched, filled: Callable[[str], str], tmp_path: Path
) -> None:
    model = tmp_path / "models" / "small"
    model.mkdir(parents=True)
    (model / "config.json").write_text('{"model_type": "llama"}')
    (model / "model.safetensors").touch()
    for words, names in (
        ("", ["small"]),
        ("--config {memory}", [filled("{model}"), "small"]),
        ("--model-path {model} --served-model-name mine", ["mine", "small"]),
    ):
        done = launched(filled(f"--model-dir {model.parent} --memory-budget 24GiB {words}"))
        assert done.exit_code == 0, done.output
        settings, catalogue = launched.loaded()
        assert (list(catalogue.models), settings.memory_budget) == (names, 24 << 30)


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ("--model-path ./nowhere", 1, "model_path: ./nowhere: no such folder"),
        ("--model-path {template}", 1, "is a file; model_path must be the folder"),
        ("--model-path {model} --draft-model-path /none/such", 1, "draft_model_path: /none/such: no such folder"),
        ("--model-path {model} --adapter-path /none/such", 1, "adapter_path: /none/such: no such file or folder"),
        ("--model-path {model} --adapters sql=/none/such", 1, "adapters.sql: /none/such: no such file or folder"),
        ("--model-path {model} --chat-template-file no.jinja", 1, "chat_template_file: no.jinja: no such file"),
        ("--model-path {model} --tool-call-parser hermse", 2, "did you mean 'hermes'?"),
        ("--model-path {model} --kv-bits 3", 2, "--kv-bits must be one of 2, 4, 8, not '3'"),
        ("--model-path {model} --port http", 2, "--port='http': must be a whole number from 1 to 65535"),
        ("--model-path {model} --memory-budget much", 2, "--memory-budget='much': must be a number of bytes"),
        ("--model-dir {template}", 1, "no such folder"),
        ("--model-path {model} --log-level LOUD", 2, "--log-level='LOUD': must be one of"),
        ("--model-path {model} --log-file {template}/app.log", 1, "cannot write the log file"),
        ("--model-path {model} --host 203.0.113.7 --allow-unauthenticated", 1, "cannot listen on 203.0.113.7:"),
        ("--model-path {model} --host 0.0.0.0", 1, "refusing to listen on 0.0.0.0 without authentication"),
        ("--model-path {model} --config models.yaml", 2, "give --config, or --model-path"),
        ("--model-path {model} --quantize 8", 1, "'quantize' is for image-generation and image-edit models"),
        ("--config {folder}", 1, "Is a directory"),
        ("--config {template}", 1, "template: "),
    ],
)
def test_what_cannot_be_launched_is_a_sentence(
    words: str, code: int, message: str, filled: Callable[[str], str], launched: Launched
) -> None:
    done = launched(filled(words))
    assert isinstance(done.exception, SystemExit) and launched.environ is None
    assert (done.exit_code, message in done.output) == (code, True), done.output


def test_a_port_that_is_taken_is_a_sentence(filled: Callable[[str], str], launched: Launched, taken_port: int) -> None:
    done = launched(filled(f"--model-path {{model}} --port {taken_port}"))
    assert done.exit_code == 1 and launched.environ is None
    assert f"cannot listen on 127.0.0.1:{taken_port}: Address already in use; --port" in done.output


def test_a_home_that_cannot_be_used_is_a_sentence(filled: Callable[[str], str], launched: Launched) -> None:
    done = launched(filled("--model-path {model}"), MLXQ_HOME=filled("{template}"))
    assert isinstance(done.exception, SystemExit) and done.exit_code == 1 and launched.environ is None


def test_models_of_every_type_have_what_launch_looks_at() -> None:
    entries = [kind(model_path="org/model") for kind in ENTRIES.values()]
    assert all(isinstance(entry, ModelEntry) and list(launch._absent(entry)) == [] for entry in entries)
