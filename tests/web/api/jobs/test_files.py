"""Uploads over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.servers import Stack

LINE = b'{"custom_id": "a"}\n'


def upload(http: httpx.Client, content: bytes = LINE, name: str = "in.jsonl", **fields: str) -> httpx.Response:
    return http.post("/v1/files", files={"file": (name, content)}, data={"purpose": "batch", **fields})


def test_an_upload_is_a_file_object_and_its_bytes_come_back(http: httpx.Client) -> None:
    answer = upload(http, LINE * 3, "../folder/in.jsonl")
    file = answer.json()
    assert answer.status_code == 200 and file["id"].startswith("file-")
    assert file["expires_at"] - file["created_at"] == 30 * 86_400
    told = {key: value for key, value in file.items() if key not in ("id", "created_at", "expires_at")}
    assert told == {
        "object": "file", "bytes": 57, "filename": "in.jsonl", "purpose": "batch", "status": "processed",
        "status_details": None,
    }  # fmt: skip
    assert http.get(f"/v1/files/{file['id']}").json() == file
    content = http.get(f"/v1/files/{file['id']}/content")
    assert content.content == LINE * 3 and content.headers["Content-Type"] == "application/octet-stream"
    assert "in.jsonl" in content.headers["Content-Disposition"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ('filename="C:\\\\x\\\\in.jsonl"', "in.jsonl"),
        ("filename*=UTF-8''%E6%97%A5%E6%9C%AC.jsonl", "日本.jsonl"),
        ("filename*=UTF-8''a%0D%0Ab%1B.jsonl", "ab.jsonl"),
    ],
)
def test_a_name_is_kept_as_far_as_it_is_one(given: str, kept: str, http: httpx.Client) -> None:
    head = f'--b\r\nContent-Disposition: form-data; name="file"; {given}\r\n\r\n'.encode()
    purpose = b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    file = http.post("/v1/files", content=purpose + head + LINE + b"\r\n--b--\r\n", headers=headers).json()
    assert file["filename"] == kept
    assert http.get(f"/v1/files/{file['id']}/content").content == LINE


def test_a_deleted_file_is_gone(http: httpx.Client) -> None:
    file = upload(http).json()["id"]
    assert http.delete(f"/v1/files/{file}").json() == {"id": file, "object": "file", "deleted": True}
    answers = [http.get(f"/v1/files/{file}"), http.get(f"/v1/files/{file}/content"), http.delete(f"/v1/files/{file}")]
    assert {answer.status_code for answer in answers} == {404}


def test_a_file_lives_as_long_as_it_is_told_to(http: httpx.Client) -> None:
    told = {"expires_after[anchor]": "created_at", "expires_after[seconds]": "3600"}
    file = upload(http, **told).json()
    assert file["expires_at"] == file["created_at"] + 3600
    assert upload(http, purpose="user_data", name="x.bin").json()["expires_at"] is None


@pytest.mark.parametrize(
    ("fields", "name", "param"),
    [
        ({"purpose": "fine-tuning"}, "in.jsonl", "purpose"),
        ({"purpose": "batch_output"}, "in.jsonl", "purpose"),
        ({}, "in.txt", "file"),
        ({"expires_after[anchor]": "created_at", "expires_after[seconds]": "1"}, "in.jsonl", "expires_after.seconds"),
        ({"expires_after[seconds]": "3600"}, "in.jsonl", "expires_after.anchor"),
        ({"expires_after": "3600"}, "in.jsonl", "expires_after._schema"),
        ({"purpos": "x"}, "in.jsonl", "purpos"),
    ],
)
def test_what_cannot_be_kept_names_its_field(http: httpx.Client, fields: dict[str, str], name: str, param: str) -> None:
    answer = upload(http, name=name, **fields)
    assert answer.status_code == 400 and answer.json()["error"]["param"] in (param, param.removesuffix("._schema"))


def test_a_form_without_its_file_or_no_form_at_all(http: httpx.Client) -> None:
    none = http.post("/v1/files", data={"purpose": "batch"}, files={"other": ("a", b"b")})
    assert none.status_code == 400 and none.json()["error"]["param"] == "other"
    text = http.post("/v1/files", files={"purpose": (None, "batch"), "file": (None, "text")})
    assert text.status_code == 400 and text.json()["error"]["param"] == "file"
    assert http.post("/v1/files", json={"purpose": "batch"}).status_code == 415
    broken = http.post("/v1/files", content=b"--b\r\n", headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert broken.status_code == 400 and "form" in broken.json()["error"]["message"]


@pytest.mark.parametrize("head", [b"Content-Disposition: form-data", b'Content-Disposition: form-data; filename="a"'])
def test_a_part_of_a_form_needs_a_name(http: httpx.Client, head: bytes) -> None:
    content = b"--b\r\n" + head + b"\r\n\r\nbatch\r\n--b--\r\n"
    answer = http.post("/v1/files", content=content, headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_value")
    assert "name" in answer.json()["error"]["message"]


def test_files_are_listed_and_paged(http: httpx.Client) -> None:
    made = [upload(http, name=f"{number}.jsonl", purpose="vision").json()["id"] for number in range(3)]
    first = http.get("/v1/files", params={"purpose": "vision", "limit": 2}).json()
    assert [file["id"] for file in first["data"]] == made[:0:-1] and first["has_more"]
    assert (first["first_id"], first["last_id"]) == (made[2], made[1])
    rest = http.get("/v1/files", params={"purpose": "vision", "after": first["last_id"], "limit": 1}).json()
    assert [file["id"] for file in rest["data"]] == made[:1]
    oldest = http.get("/v1/files", params={"order": "asc", "purpose": "vision", "limit": 10_000}).json()
    assert [file["id"] for file in oldest["data"]][-3:] == made
    assert http.get("/v1/files", params={"limit": 10_001}).json()["error"]["param"] == "limit"


@pytest.fixture
def blobs(fake_stack: Stack) -> Path:
    return fake_stack.settings.home / "blobs"


def left(blobs: Path) -> list[Path]:
    return [path for path in (blobs / "incoming").glob("*") if path.is_file()]


def test_a_refused_upload_leaves_nothing(http: httpx.Client, blobs: Path) -> None:
    before = sum(1 for _ in blobs.rglob("*"))
    assert upload(http, b"refused because of its name", name="in.txt").status_code == 400
    assert left(blobs) == [] and sum(1 for _ in blobs.rglob("*")) == before


def test_an_upload_that_breaks_off_leaves_nothing(http: httpx.Client, blobs: Path) -> None:
    def body() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n' + LINE * 1000
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        http.post("/v1/files", content=body(), headers={"Content-Type": "multipart/form-data; boundary=b"})
    assert upload(http).status_code == 200
    assert left(blobs) == []


def test_a_batch_s_file_has_its_own_limit(http: httpx.Client) -> None:
    def body() -> Iterator[bytes]:
        yield b'--b\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
        yield b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jsonl"\r\n\r\n'
        for _ in range(201):
            yield b"x" * (1 << 20)
        yield b"\r\n--b--\r\n"

    headers: dict[str, Any] = {"Content-Type": "multipart/form-data; boundary=b"}
    answer = http.post("/v1/files", content=body(), headers=headers)
    assert answer.status_code == 413 and answer.json()["error"]["param"] == "file"


def test_a_file_is_media_of_a_call(http: httpx.Client) -> None:
    def call(file: object) -> httpx.Response:
        body = {"model": "fake", "file": file}
        return http.post("/v1/jobs", json={"url": "/v1/audio/transcriptions", "body": body})

    mine = upload(http, b"RIFF", "a.wav", purpose="user_data").json()["id"]
    assert call(mine).json()["error"]["code"] == "model_not_found"  # the file itself was taken
    for other in ("file-none", "words"):
        error = call(other).json()["error"]
        assert (error["code"], error["param"]) == ("invalid_value", "body.file")
