"""What messages show comes from data URLs, checked addresses and ids, never from a path; refusals name the part."""

from __future__ import annotations

import base64
import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from mlxq.catalogue import Catalogue
from mlxq.settings import Settings
from schemas.text.chat import ChatSchema
from tasks.redis.store import JobStore
from tasks.values.messages import Media, Message
from tests.support.servers import fake
from tests.web.bodies import CHAT
from web.api.text import chat
from web.application import create_app
from web.gateway import connect
from web.http.body import media
from web.identity import Caller

WHERE = "messages[0].content[1]"


def body(url: str, model: str = "fake") -> dict[str, Any]:
    parts = [{"type": "text", "text": "Look: "}, {"type": "image_url", "image_url": {"url": url}}]
    return {"model": model, "messages": [{"role": "user", "content": parts}], "max_tokens": 2}


def data_url(data: bytes, type: str = "image/png") -> str:
    return f"data:{type};base64,{base64.b64encode(data).decode()}"


REFUSED = [
    "http://127.0.0.1:9/a.png",
    "http://127.1/a.png",
    "http://2130706433/a.png",
    "http://0x7f000001/a.png",
    "http://0.0.0.0/a.png",
    "http://localhost:6479/",
    "http://localhost./a.png",
    "HTTP://LOCALHOST/a.png",
    "http://[::1]/a.png",
    "http://[::ffff:127.0.0.1]/a.png",
    "http://[fe80::1]/a.png",
    "http://10.0.0.1/a.png",
    "http://172.16.0.1/a.png",
    "http://192.168.1.1/a.png",
    "http://169.254.169.254/latest/meta-data",
    "http://100.64.0.1/a.png",
    "http://user:password@a.example/a.png",
    "http://",
    "https://",
    "http://a.example/" + "x" * 4096,
    "http://no-such-name.invalid/a.png",
    "file:///etc/passwd",
    "/etc/passwd",
    "../../etc/passwd",
    "ftp://a.example/a.png",
    "gopher://127.0.0.1:6479/_FLUSHALL",
    "javascript:alert(1)",
    "a.png",
    "data:",
    "data:image/png;base64",
    "data:image/png;base64,%%%",
    "data:image/png;base64,iVBORw0KGgo=====",
    "data:image/png;base64,iVBOR",
    "data:image/png;base64,iVBO-_==",
    "data:image/png;base64#,iVBO",
    "blob_" + "0" * 64,
    "blob_../../etc/passwd",
    "file-0",
]


@pytest.mark.parametrize("url", REFUSED)
def test_what_is_no_picture_s_address_is_refused(http: httpx.Client, url: str) -> None:
    response = http.post(CHAT, json=body(url))
    assert 400 <= response.status_code < 500, response.text
    error = response.json()["error"]
    assert error["param"] == f"{WHERE}.image_url.url" and len(error["message"]) > 10


def test_a_name_that_leads_into_this_network_is_refused(
    settings: Settings, store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo

    def resolved(host: str, port: int, *more: Any, **named: Any) -> Any:
        return resolve("10.0.0.7" if host == "pictures.example" else host, port, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", resolved)
    app = create_app(settings, Catalogue.parse({"models": [fake()]}, "test"))
    answer = app.test_client().post(CHAT, json=body("http://pictures.example/a.png"))
    app.extensions["mlxq"].followers.close()
    assert answer.json is not None and answer.status_code == 400
    assert "'pictures.example' is an address of this machine" in answer.json["error"]["message"]
    assert answer.json["error"]["param"] == f"{WHERE}.image_url.url"
    assert [path for path in (settings.home / "blobs").rglob("*") if path.is_file()] == []


def test_a_data_url_of_100_megabytes_is_too_large(http: httpx.Client) -> None:
    response = http.post(CHAT, json=body(data_url(bytes(75_000_000))))
    assert response.status_code == 413
    assert response.json()["error"]["code"] == "request_too_large"


def test_so_many_parts_and_no_more(http: httpx.Client) -> None:
    part = {"type": "image_url", "image_url": {"url": "data:,a"}}
    response = http.post(CHAT, json={"model": "fake", "messages": [{"role": "user", "content": [part] * 257}]})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "messages")


def test_a_job_s_refusal_says_where_its_body_stands(http: httpx.Client) -> None:
    response = http.post("/v1/jobs", json={"url": CHAT, "body": body("/etc/passwd")})
    assert (response.status_code, response.json()["error"]["param"]) == (400, f"body.{WHERE}.image_url.url")


def test_a_file_is_no_address_and_an_id_no_path(http: httpx.Client) -> None:
    for file, field in (({"file_id": "../a"}, "file_id"), ({"file_data": "https://a.example/a"}, "file_data")):
        parts = [{"type": "text", "text": "a"}, {"type": "file", "file": file}]
        response = http.post(CHAT, json={"model": "fake", "messages": [{"role": "user", "content": parts}]})
        assert (response.status_code, response.json()["error"]["param"]) == (400, f"{WHERE}.file.{field}")


def test_what_is_shown_is_a_blob_of_the_job(http: httpx.Client) -> None:
    job = http.post("/v1/jobs", json={"url": CHAT, "body": body(data_url(b"pixels"))}).json()
    (shown,) = job["inputs"]
    assert shown["bytes"] == 6
    again = http.post(CHAT, json=body(shown["blob"]))
    assert again.status_code == 200


def test_what_a_call_gave_may_be_shown_too(http: httpx.Client) -> None:
    def asked(source: dict[str, str]) -> httpx.Response:
        shown = [{"type": "text", "text": "a"}, {"type": "image", "source": source}]
        result = {"type": "tool_result", "tool_use_id": "1", "content": shown}
        messages = [{"role": "user", "content": [result]}]
        body = {"model": "fake", "max_tokens": 2, "messages": messages}
        return http.post("/v1/jobs", json={"url": "/v1/messages", "body": body})

    job = asked({"type": "base64", "media_type": "image/png", "data": base64.b64encode(b"pixels").decode()}).json()
    assert [shown["bytes"] for shown in job["inputs"]] == [6]
    for source, field in (
        ({"type": "url", "url": "/etc/passwd"}, "url"),
        ({"type": "file", "file_id": "../a"}, "file_id"),
    ):
        error = asked(source).json()["error"]
        assert error["param"] == f"body.messages[0].content[0].content[1].source.{field}"


# The same six bytes, as clients write them.
WRITTEN = [
    "data:{kind};base64,cGl4ZWxz",
    "data:{kind};base64,cGl4\n\tZWxz\r\n",
    "DATA:{kind};BASE64,cGl4ZWxz",
    " data:{kind} ; base64 ,cGl4%5AWxz#fragment",
    'data:{kind};name="a.b";codecs=x;base64,cGl4%0AZWxz',
    "data:{kind},pix%65ls",
]
PARTS = [
    ("image/png", lambda url: {"type": "image_url", "image_url": {"url": url}}),
    ("video/mp4", lambda url: {"type": "video_url", "video_url": {"url": url}}),
    ("audio/wav", lambda url: {"type": "input_audio", "input_audio": {"data": url, "format": "wav"}}),
    ("audio/wav", lambda url: {"type": "file", "file": {"file_data": url}}),
]


@pytest.mark.parametrize(("kind", "part"), PARTS)
@pytest.mark.parametrize("written", WRITTEN)
def test_a_data_url_may_be_written_in_many_ways(
    http: httpx.Client, written: str, kind: str, part: Callable[[str], dict[str, Any]]
) -> None:
    asked = {"model": "fake", "messages": [{"role": "user", "content": [part(written.format(kind=kind))]}]}
    (shown,) = http.post("/v1/jobs", json={"url": CHAT, "body": asked}).json()["inputs"]
    (plain,) = http.post("/v1/jobs", json={"url": CHAT, "body": body(data_url(b"pixels"))}).json()["inputs"]
    assert (shown["blob"], shown["bytes"]) == (plain["blob"], 6)
    assert shown["type"].split(";")[0] == kind


@pytest.mark.parametrize("sound", ["cGl4ZWxz", "cGl4\nZWxz\n", " cGl4 ZWxz", "data:audio/wav;base64,cGl4ZWxz"])
def test_a_sound_may_be_written_in_many_ways(http: httpx.Client, sound: str) -> None:
    part = {"type": "input_audio", "input_audio": {"data": sound, "format": "wav"}}
    asked = {"model": "fake", "messages": [{"role": "user", "content": [part]}]}
    (shown,) = http.post("/v1/jobs", json={"url": CHAT, "body": asked}).json()["inputs"]
    assert (shown["bytes"], shown["type"]) == (6, "audio/wav")


@pytest.mark.parametrize("sound", ["cGl4ZWxz#", "cGl4%5AWxz", "!", "cGl4ZWxzA", "cGl4-_xz"])
def test_a_sound_that_is_not_base64_is_refused(http: httpx.Client, sound: str) -> None:
    part = {"type": "input_audio", "input_audio": {"data": sound, "format": "wav"}}
    response = http.post(CHAT, json={"model": "fake", "messages": [{"role": "user", "content": [part]}]})
    assert (response.status_code, response.json()["error"]["param"]) == (400, "messages[0].content[0].input_audio.data")


def test_a_file_is_shown_by_its_id(http: httpx.Client) -> None:
    upload = http.post("/v1/files", files={"file": ("a.png", b"pixels", "image/png")}, data={"purpose": "vision"})
    for part in (
        {"type": "file", "file": {"file_id": upload.json()["id"]}},
        {"type": "image_url", "image_url": {"url": upload.json()["id"]}},
    ):
        asked = {"model": "fake", "messages": [{"role": "user", "content": [part]}], "max_tokens": 2}
        job = http.post("/v1/jobs", json={"url": CHAT, "body": asked}).json()
        assert [shown["bytes"] for shown in job["inputs"]] == [6]


@pytest.fixture
def caller(settings: Settings, store: JobStore) -> Iterator[Caller]:
    gateway = connect(settings, Catalogue.parse({"models": [fake()]}, "test"))
    yield Caller(gateway, "me")
    gateway.followers.close()


def test_a_message_keeps_its_text_and_the_places_of_what_it_shows(caller: Caller, store: JobStore) -> None:
    data = ChatSchema().load(body(data_url(b"pixels")))
    shown = chat.payload(media.kept(caller, data, "")).messages
    blob = store.blobs.put(b"pixels", "image/png")
    assert shown == (Message("user", "Look: ", media=(Media("image", blob, 6, WHERE),)),)


@pytest.mark.parametrize(
    ("type", "kind"),
    [
        ("image/png", "image"),
        ("audio/wav;codecs=1", "audio"),
        ("video/mp4", "video"),
        ("application/octet-stream", "file"),
        ("application/pdf", "file"),
        ("text/csv;charset=utf-8", "file"),
    ],
)
def test_what_a_file_holds_is_told_by_its_type(caller: Caller, type: str, kind: str) -> None:
    part = {"type": "file", "file": {"file_data": f"data:{type},a"}}
    data = ChatSchema().load({"model": "m", "messages": [{"role": "user", "content": [part]}]})
    payload = chat.payload(media.kept(caller, data, ""))
    assert payload.messages[0].media[0].kind == kind
