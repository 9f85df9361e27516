"""Pictures on the command line."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image

from mlxq.cli.terminal.inline import Terminal
from tests.mlxq.cli.shell import Started, mlxq
from tests.support.servers import Stack
from tests.workers.engines.images.drawing import mask, photo

SMALL = ("--size", "64x64", "--steps", "2")


def test_pictures_are_written_with_what_draws_them_again(image_stack: Stack, tmp_path: Path) -> None:
    done = mlxq(image_stack, "image", "a cat", *SMALL, "--seed", "3", "--n", "2", "--out", tmp_path / "cat.png")
    assert done.code == 0, done.err
    assert done.out == f"{tmp_path}/cat-1.png: seed 3, 2 steps\n{tmp_path}/cat-2.png: seed 4, 2 steps\n"
    assert "4 of 4 steps" in done.err
    assert json.loads(Image.open(tmp_path / "cat-1.png").info["mlxq"])["prompt"] == "a cat"  # type: ignore[arg-type]
    words = ["image", "generate", "a cat", *SMALL, "--seed", "4", "--out", tmp_path / "again.png", "--json"]
    assert mlxq(image_stack, *words).json == [{"out": f"{tmp_path}/again.png", "seed": 4, "steps": 2}]
    first, second = (np.asarray(Image.open(tmp_path / name)) for name in ("cat-2.png", "again.png"))
    assert np.array_equal(first, second)


def uploaded(stack: Stack) -> list[dict[str, str]]:
    found: list[dict[str, str]] = httpx.get(f"{stack.url}/v1/files", params={"purpose": "vision"}).json()["data"]
    return found


def test_a_picture_is_edited_within_a_mask(image_stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "photo.png").write_bytes(photo())
    (tmp_path / "mask.png").write_bytes(mask())
    sent = ["--image", tmp_path / "photo.png", "--mask", tmp_path / "mask.png", "--model", "qwen-edit"]
    asked = [*sent, "--background", "transparent", *SMALL]
    done = mlxq(image_stack, "image", "edit", "a dog", *asked, "--out", tmp_path / "dog.webp")
    assert done.code == 0, done.err
    found = Image.open(tmp_path / "dog.webp")
    assert (found.format, found.mode) == ("WEBP", "RGBA")
    assert not [file for file in uploaded(image_stack) if file["filename"] in ("photo.png", "mask.png")]


def test_what_cannot_be_is_said_before_or_by_the_server(image_stack: Stack, tmp_path: Path) -> None:
    out = tmp_path / "cat.png"
    out.write_bytes(b"mine")
    for words, code, told in (
        (["image", "a cat", "--out", out], 2, "--overwrite replaces it"),
        (["image", "a cat", "--out", tmp_path / "cat.bmp"], 2, "--out must end with .png"),
        (["image", "a cat", "--out", tmp_path / "new.png", "--size", "1000x1000"], 1, "multiples of 16"),
        (["image", "edit", "a cat", "--out", tmp_path / "new.png"], 2, "Missing option '--image'"),
    ):
        done = mlxq(image_stack, *words)
        assert (done.code, told in done.err) == (code, True), done.err
    assert out.read_bytes() == b"mine"


def test_ctrl_c_cancels_the_picture(image_stack: Stack, tmp_path: Path) -> None:
    words = ["image", "a cat", "--size", "512x512", "--steps", "100", "--out", tmp_path / "cat.png"]
    done = Started(image_stack.url, *words).says("drawing").interrupt()
    assert done.code == 130 and not (tmp_path / "cat.png").exists()
    assert httpx.get(f"{image_stack.url}/v1/jobs").json()["data"][0]["status"] == "cancelled"


def test_models_are_checked_against_the_installed_mflux(image_stack: Stack) -> None:
    done = mlxq(image_stack, "models", "check")
    assert done.code == 0 and "flux-schnell: fits" in done.out, done.out + done.err


@pytest.mark.parametrize(("program", "begins"), [("iTerm.app", "\x1b]1337;File=size=4;"), ("Apple_Terminal", "")])
def test_a_picture_is_shown_where_the_terminal_can(monkeypatch: pytest.MonkeyPatch, program: str, begins: str) -> None:
    monkeypatch.setenv("TERM_PROGRAM", program)
    monkeypatch.delenv("KITTY_WINDOW_ID", raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    told = Terminal().picture(b"data")
    assert told.startswith(begins) and (base64.b64encode(b"data").decode() in told) == bool(begins)


def test_kitty_gets_a_png_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TERM_PROGRAM", raising=False)
    monkeypatch.setenv("KITTY_WINDOW_ID", "1")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    data = b"\x89PNG" + b"x" * 5000
    pieces = Terminal().picture(data).split("\x1b\\")[:-1]
    assert [piece.partition(";")[0] for piece in pieces] == ["\x1b_Ga=T,f=100,r=12,m=1", "\x1b_Gm=0"]
    assert base64.b64decode("".join(piece.partition(";")[2] for piece in pieces)) == data
    assert Terminal().picture(b"\xff\xd8") == "" and not Terminal().previews


class _Relay(BaseHTTPRequestHandler):
    """Hands calls on, and keeps the answers to the first few new jobs to itself."""

    stack: Stack
    lost = 2

    def handle_call(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        answer = httpx.request(self.command, self.stack.url + self.path, content=body, headers=headers, timeout=60)
        if self.command == "POST" and self.path == "/v1/jobs" and type(self).lost:
            type(self).lost -= 1
            self.close_connection = True
            return
        self.send_response(answer.status_code)
        self.send_header("Content-Type", answer.headers.get("Content-Type", "application/json"))
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    do_GET = do_POST = do_DELETE = handle_call  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: object) -> None:
        del format, args


@pytest.fixture
def losing(image_stack: Stack) -> Iterator[str]:
    """The address of a way to the stack on which the first answers to new jobs are lost."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Relay", (_Relay,), {"stack": image_stack}))
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_picture_is_drawn_once_however_often_its_answer_is_lost(
    image_stack: Stack, losing: str, tmp_path: Path
) -> None:
    def jobs() -> set[str]:
        return {job["id"] for job in httpx.get(f"{image_stack.url}/v1/jobs", params={"limit": 100}).json()["data"]}

    before = jobs()
    done = mlxq(losing, "image", "a cat", *SMALL, "--model", "flux2", "--out", tmp_path / "cat.png")
    assert done.code == 0, done.err
    assert len(jobs() - before) == 1
