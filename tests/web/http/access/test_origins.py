"""Pages of others get nothing from this server: neither by a name of their own, nor by sending in somebody's name."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from mlxq.settings import Settings, SettingsError
from tests.support.servers import Valkey
from tests.web import alone
from tests.web.alone import Web, answers
from tests.web.bodies import CHAT, chat
from web.http.access import origins

LOCAL = ("localhost", "LOCALHOST:8000", "app.localhost:1", "127.0.0.1:8000", "127.9.9.9", "[::1]:8000", "[::1]")
FOREIGN = (
    "rebind.evil.example:8000",
    "evil.example",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "10.0.0.9",
    "",
)
UPGRADE = (
    b"GET /v1/jobs/stream HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@pytest.fixture(scope="module")
def web(valkey: Valkey, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    yield from alone.running(Web(valkey, tmp_path_factory.mktemp("web")))


def test_a_server_of_this_machine_alone_is_called_by_names_of_this_machine() -> None:
    here = Settings(api_keys=("key",))
    assert all(origins.host(here, name) for name in LOCAL)
    assert not any(origins.host(here, name) for name in FOREIGN)


def test_further_names_are_a_setting() -> None:
    named = Settings.from_env({"MLXQ_ALLOWED_HOSTS": "Chat.example.com, *.lan"})
    assert all(origins.host(named, name) for name in (*LOCAL, "chat.example.com:443", "mac.lan"))
    assert not origins.host(named, "evil.example")
    assert origins.host(Settings(allowed_hosts=("*",)), "evil.example")


def test_without_keys_a_server_for_others_has_no_name_that_a_stranger_can_own() -> None:
    open_ = Settings(host="0.0.0.0", allow_unauthenticated=True)  # noqa: S104
    assert all(origins.host(open_, name) for name in ("192.168.1.4:8000", "[fe80::1]:8000", "mac", "mac.local:8000"))
    assert not origins.host(open_, "rebind.evil.example:8000")


def test_with_keys_a_server_for_others_has_any_name_unless_they_are_listed() -> None:
    keyed = Settings(host="0.0.0.0", api_keys=("key",))  # noqa: S104
    assert origins.host(keyed, "mlxq.example.com")
    listed = Settings(host="0.0.0.0", api_keys=("key",), allowed_hosts=("mlxq.example.com",))  # noqa: S104
    assert origins.host(listed, "mlxq.example.com:8000") and not origins.host(listed, "other.example.com")


def test_pages_of_this_machine_and_of_this_server_may_write() -> None:
    here = Settings()
    for page in ("http://localhost:8000", "http://localhost:3000", "https://127.0.0.1"):
        assert origins.origin(here, page, "localhost:8000")
    for page in (
        "http://evil.example",
        "null",
        "file://",
        "http://[",
        "http://localhost.evil.example",
        "x://localhost",
    ):
        assert not origins.origin(here, page, "localhost:8000")
    away = Settings(host="192.168.1.4")
    assert origins.origin(away, "http://192.168.1.4:8000", "192.168.1.4:8000")
    assert not origins.origin(away, "http://localhost:3000", "192.168.1.4:8000")  # another machine's
    named = Settings.from_env({"MLXQ_ALLOWED_ORIGINS": "https://chat.example.com/,app://*"})
    assert origins.origin(named, "https://chat.example.com", "h") and origins.origin(named, "app://obsidian.md", "h")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("MLXQ_ALLOWED_HOSTS", "http://a.example"),
        ("MLXQ_ALLOWED_HOSTS", "a.example:80"),
        ("MLXQ_ALLOWED_ORIGINS", "a.example"),
        ("MLXQ_TRUSTED_PROXIES", "a.example"),
        ("MLXQ_CLIENT_TIMEOUT", "0"),
    ],
)
def test_a_setting_that_cannot_be_meant_is_refused(variable: str, value: str) -> None:
    with pytest.raises(SettingsError, match=variable):
        Settings.from_env({variable: value})


@pytest.mark.parametrize("path", ["/health", "/v1/models", "/v1/nowhere"])
def test_a_foreign_name_gets_nothing(web: Web, path: str) -> None:
    answer = httpx.get(web.url + path, headers={"Host": "rebind.evil.example:8000"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "host_not_allowed")
    assert "MLXQ_ALLOWED_HOSTS" in answer.json()["error"]["message"]


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_a_foreign_page_may_not_write(web: Web, headers: dict[str, str]) -> None:
    for sent in ({"json": chat()}, {"files": {"file": ("a.jsonl", b"{}")}, "data": {"purpose": "batch"}}):
        answer = httpx.post(web.url + ("/v1/files" if "files" in sent else CHAT), headers=headers, **sent)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "origin_not_allowed")
    assert httpx.delete(f"{web.url}/v1/jobs/x", headers=headers).status_code == 403
    assert httpx.get(f"{web.url}/v1/models", headers=headers).status_code == 200  # which it cannot read


@pytest.mark.parametrize(("page", "status"), [("http://evil.example", 403), ("http://localhost:3000", 101)])
def test_a_websocket_is_for_our_own_pages(web: Web, page: str, status: int) -> None:
    with web.connect() as connection:
        connection.sendall(UPGRADE + f"Origin: {page}\r\n\r\n".encode())
        assert int(connection.recv(65536).split()[1]) == status


def test_a_proxy_s_word_for_the_scheme_is_not_taken_from_anybody(web: Web) -> None:
    said = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Proto: http\r\n"
    assert answers(web.say(said + b"Connection: close\r\n\r\n"))[0][0] == 200  # where it is believed, this contradicts
