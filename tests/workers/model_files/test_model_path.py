"""A model_path is a folder, a starter model or a repo id; what leads nowhere says what to do."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import huggingface_hub
import huggingface_hub.constants
import pytest

from mlxq.model_path import ModelPathError
from mlxq.settings import Settings
from tests.support import starter
from workers.model_files.model_path import resolve


def test_a_folder_is_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "models" / "one").mkdir(parents=True)
    assert resolve(str(tmp_path / "models" / "one"), tmp_path) == (tmp_path / "models" / "one").resolve()
    assert resolve("~/models/one", tmp_path) == (tmp_path / "models" / "one").resolve()
    monkeypatch.chdir(tmp_path)
    assert resolve("models/one", tmp_path) == (tmp_path / "models" / "one").resolve()


@pytest.mark.parametrize("path", ["./missing", "/missing/model", "~/missing", "a/b/c"])
def test_a_mistyped_folder_is_not_looked_for_elsewhere(path: str, tmp_path: Path) -> None:
    with pytest.raises(ModelPathError, match="no such folder"):
        resolve(path, tmp_path)


def test_a_file_is_not_a_folder(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(ModelPathError, match="the folder that holds the model"):
        resolve(str(tmp_path / "model.safetensors"), tmp_path)


def test_a_starter_model_that_is_there() -> None:
    folder = starter.folder("all-minilm-l6-v2")
    assert resolve("starter:all-minilm-l6-v2", folder.parent.parent) == folder


def test_a_starter_model_that_is_not_says_how_to_make_it(tmp_path: Path) -> None:
    with pytest.raises(ModelPathError, match=r"run `python -m workers.starter`$"):
        resolve("starter:all-minilm-l6-v2", tmp_path)
    with pytest.raises(ModelPathError, match=r"--only whisper-base`$"):
        resolve("starter:whisper-base", tmp_path)


def test_an_unknown_starter_model_names_those_there_are() -> None:
    with pytest.raises(ModelPathError, match="all-minilm-l6-v2"):
        resolve("starter:gpt-5", Settings().cache)


class _Hub(BaseHTTPRequestHandler):
    """Answers as the hub does for a repository of nobody's and for a gated one."""

    def do_GET(self) -> None:
        gated = "gated" in self.path
        self.send_response(403 if gated else 404)
        self.send_header("X-Error-Code", "GatedRepo" if gated else "RepoNotFound")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET  # noqa: N815 - the name http.server looks for

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    yield
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.usefixtures("hub")
def test_a_repository_that_does_not_exist_or_is_gated(tmp_path: Path) -> None:
    with pytest.raises(ModelPathError, match="no such repository"):
        resolve("nobody/nothing", tmp_path)
    with pytest.raises(ModelPathError, match="accept its terms"):
        resolve("nobody/gated", tmp_path)


def test_weights_and_code_are_downloaded_only_where_they_are_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[set[str]] = []

    def download(repo: str, *, allow_patterns: list[str]) -> str:
        asked.append(set(allow_patterns))
        return str(tmp_path)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    for wanted in ({}, {"weights": False}, {"code": True}):
        assert resolve("org/model", tmp_path, **wanted) == tmp_path
    loaded, looked_at, trusted = asked
    assert loaded - looked_at == {"*.safetensors", "*.npz"} and looked_at < loaded
    assert trusted - loaded == {"*.py"}


def test_no_way_to_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:1")
    with pytest.raises(ModelPathError, match="cannot be reached"):
        resolve("nobody/nothing", tmp_path)


def test_what_can_be_no_repository(tmp_path: Path) -> None:
    with pytest.raises(ModelPathError, match="neither a folder nor"):
        resolve("no such model!", tmp_path)
