"""Models are fetched from a hub, listed, checked and deleted: against a server that speaks its routes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from click.testing import CliRunner, Result
from huggingface_hub import constants

from tests.workers.model_files.test_servable import weights
from workers.model_files import hub

COMMIT = "0123456789012345678901234567890123456789"
REPO = "org/tiny"


class Hub(ThreadingHTTPServer):
    """A hub with one repository, whose weights lie elsewhere; it breaks off after so many bytes of them."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), _Routes)
        self.files, self.most = files, 1 << 30
        self.gated = False
        self.sent: list[tuple[str, int, int]] = []  # paths, with the first byte and how many were sent

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Routes(BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if self.server.gated:
            self._answer(403, b"", {"X-Error-Code": "GatedRepo"})
        elif path in (f"/api/models/{REPO}", f"/api/models/{REPO}/revision/main"):
            self._answer(200, json.dumps({"id": REPO, "sha": COMMIT, "siblings": []}).encode())
        elif path == f"/api/models/{REPO}/tree/{COMMIT}":
            self._answer(200, json.dumps([*map(self._listed, self.server.files)]).encode())
        elif path.startswith("/elsewhere/"):
            self._file(path.removeprefix("/elsewhere/"))
        elif path.startswith(f"/{REPO}/resolve/"):
            name = path.rpartition("/")[2]
            headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{_digest(self.server.files[name])}"'}
            if self._large(name):
                headers |= {"X-Linked-Etag": headers["ETag"], "X-Linked-Size": str(len(self.server.files[name]))}
                self._answer(
                    302, b"", {**headers, "Location": f"http://localhost:{self.server.server_port}/elsewhere/{name}"}
                )
            else:
                self._answer(200, self.server.files[name], headers)
        else:
            self._answer(404, b"", {"X-Error-Code": "RepoNotFound"})

    do_HEAD = do_GET  # noqa: N815 - the name http.server looks for

    def _listed(self, name: str) -> dict[str, object]:
        content = self.server.files[name]
        listed = {"type": "file", "path": name, "size": len(content), "oid": _digest(content)[:40]}
        pointer = {"oid": _digest(content), "size": len(content), "pointerSize": 134}
        return {**listed, "lfs": pointer} if self._large(name) else listed

    def _large(self, name: str) -> bool:
        return name.endswith(".safetensors")

    def _file(self, name: str) -> None:
        content = self.server.files[name]
        begin = int(self.headers.get("Range", "bytes=0-")[6:-1])
        part = content[begin : begin + self.server.most]
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(content) - begin))
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        if self.command == "HEAD":
            return
        self.server.sent.append((name, begin, len(part)))
        self.wfile.write(part)

    def _answer(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Tests are quiet."""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    weights(tmp_path / "weights", 200_000)
    config = {"model_type": "llama", "num_hidden_layers": 2}
    names = {"config.json": json.dumps(config).encode(), "model.safetensors": (tmp_path / "weights").read_bytes()}
    server = Hub({**names, "pytorch_model.bin": b"unwanted", "modeling.py": b"print()"})
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("MLXQ_CACHE", str(tmp_path / "cache"))
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def run(*words: str) -> Result:
    done = CliRunner().invoke(hub.main, words)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def test_a_model_is_fetched_listed_checked_and_deleted(server: Hub, tmp_path: Path) -> None:
    assert run("list").output == ""
    done = run("pull", REPO)
    assert done.exit_code == 0, done.output
    assert f"mlxq launch --model-path {REPO} --model-type lm" in done.output
    (snapshot,) = (tmp_path / "hub").glob("models--org--tiny/snapshots/*")
    assert {path.name for path in snapshot.iterdir()} == {"config.json", "model.safetensors"}
    (listed,) = json.loads(run("list", "--json").output)
    assert (listed["name"], listed["serve_as"], listed["path"]) == (REPO, "lm", str(snapshot))
    assert listed["size"] > 200_000
    assert f"{REPO}: whole, and served with model_type: lm\n" in run("check", REPO).output
    assert len(server.sent) == 1
    assert run("pull", REPO).exit_code == 0 and len(server.sent) == 1
    assert "is deleted" in run("rm", REPO, "--yes").output
    assert run("list").output == "" and not snapshot.exists()
    refused = run("rm", "org/tini", "--yes")
    assert refused.exit_code == 1 and "org/tini is not on this machine" in refused.output


def test_a_fetch_that_was_broken_off_goes_on_where_it_stopped(server: Hub, tmp_path: Path) -> None:
    server.most = 60_000
    done = run("pull", REPO)
    assert done.exit_code == 1 and "it goes on where it stopped" in done.output
    server.most = 1 << 30
    assert run("pull", REPO).exit_code == 0
    assert [begin for _, begin, _ in server.sent] == [0, 60_000]
    assert run("check", REPO).exit_code == 0


def test_what_was_damaged_on_its_way_is_thrown_away(server: Hub) -> None:
    whole = server.files["model.safetensors"]
    server.most = 60_000
    run("pull", REPO)
    (partial,) = Path(constants.HF_HUB_CACHE).rglob("*.part")
    partial.write_bytes(b"x" * 60_000)
    server.most = len(whole)
    done = run("pull", REPO)
    assert done.exit_code == 1 and "damaged on its way" in done.output and not partial.exists()
    assert run("pull", REPO).exit_code == 0


@pytest.mark.parametrize(("repo", "words"), [("org/none", "no such repository"), ("a b", "neither a folder nor")])
def test_what_is_not_there_is_a_sentence(server: Hub, repo: str, words: str) -> None:
    done = run("pull", repo)
    assert done.exit_code == 1 and words in done.output


def test_a_gated_model_says_what_to_do(server: Hub) -> None:
    server.gated = True
    done = run("pull", REPO)
    assert done.exit_code == 1 and "accept its terms on its page, then run `hf auth login`" in done.output


def test_no_hub_is_a_sentence(server: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    done = run("pull", REPO)
    assert done.exit_code == 1 and "cannot be reached" in done.output


def test_deleting_is_asked_for(server: Hub) -> None:
    run("pull", REPO)
    kept = CliRunner().invoke(hub.main, ["rm", REPO], input="n\n")
    assert kept.exit_code == 1 and "delete org/tiny" in kept.output
    assert REPO in run("list").output
