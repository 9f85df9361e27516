"""Addresses that a client names are called only where they are the internet's, and for so long and so much."""

from __future__ import annotations

import io
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from tasks.outbound import pinned
from tasks.outbound.outbound import AddressRefused, Fetched, Outbound, public
from tasks.stored.blobs import BlobTooLarge
from tasks.values.errors import FetchFailed, InvalidValue

BYTES = b"\x89PNG" + b"x" * 5000


class Site(BaseHTTPRequestHandler):
    """A site with pictures, ways around, and answers that do not end."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.seen.append((self.headers["Host"], self.path))  # type: ignore[attr-defined]
        if self.path.startswith("/to?"):
            self._answer(302, b"", Location=self.path.removeprefix("/to?"))
        elif self.path == "/loop":
            self._answer(307, b"", Location="/loop")
        elif self.path == "/drip":
            self.send_response(200)
            self.end_headers()
            while True:
                self.wfile.write(b"x")
                time.sleep(0.05)
        elif self.path == "/endless":
            self.send_response(200)
            self.send_header("Content-Type", "image/png")
            self.end_headers()
            while True:
                self.wfile.write(b"x" * 10_000)
        elif self.path == "/zipped":
            self._answer(200, b"...", **{"Content-Encoding": "gzip"})
        elif self.path == "/none":
            self._answer(404, b"")
        else:
            self._answer(200, BYTES, **{"Content-Type": "Image/PNG; q=1"})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.headers["X-Name"], body))  # type: ignore[attr-defined]
        self._answer(302 if self.path == "/moved" else 204, b"", Location="/elsewhere")

    def _answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Site)
        self.seen: list[tuple[object, object]] = []

    def handle_error(self, *_: object) -> None:
        pass  # the client went away in the middle, as it should


@pytest.fixture
def site() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def fetch(
    caller: Outbound, url: str, *, limit: int = 100_000, timeout: float = 5.0, **more: object
) -> tuple[Fetched, bytes]:
    into = io.BytesIO()
    found = caller.fetch(url, into, limit_bytes=limit, timeout=timeout, **more)  # type: ignore[arg-type]
    return found, into.getvalue()


ANY = Outbound(allow_private=True, resolver=lambda host, port: ["127.0.0.1"])


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("93.184.215.14", True),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),  # noqa: S104
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("fec0::1", False),
        ("::7f00:1", False),
        ("64:ff9b:1::7f00:1", False),
        ("3fff::1", False),
        ("2001::7f00:1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:93.184.215.14", True),
        ("2002:7f00:1::", False),
        ("64:ff9b::a00:1", False),
        ("64:ff9b::5db8:d70e", True),
    ],
)
def test_which_addresses_are_the_internet_s(address: str, expected: bool) -> None:
    assert public(ipaddress.ip_address(address)) is expected


@pytest.mark.parametrize("found", [["127.0.0.1"], ["93.184.215.14", "10.0.0.1"], ["fe80::1%eth0"]])
def test_a_name_with_an_address_of_this_network_is_not_called(found: list[str], site: Server) -> None:
    caller = Outbound(resolver=lambda host, port: found)
    with pytest.raises(AddressRefused, match=r"a\.example"):
        fetch(caller, f"http://a.example:{site.server_port}/")
    with pytest.raises(AddressRefused):
        caller.post(f"http://a.example:{site.server_port}/", b"", {}, timeout=1)
    assert site.seen == []


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/", "http://[::1]/", "https://192.168.0.1:8443/x", "http://localhost:1/", "http://localhost./"],
)
def test_an_address_is_refused_before_it_is_resolved(url: str) -> None:
    with pytest.raises(AddressRefused) as caught:
        Outbound().vet(url, "webhook")
    assert caught.value.failure.param == "webhook"
    Outbound(allow_private=True).vet(url)


@pytest.mark.parametrize(
    "url", ["ftp://a.example/", "a.example", "http://", "http://a:b@a.example/", "http://a.example/" + "x" * 2048]
)
def test_what_is_no_address_for_us_is_an_invalid_value(url: str) -> None:
    with pytest.raises(InvalidValue):
        Outbound(allow_private=True).vet(url)


def test_names_for_this_machine_that_only_resolving_shows_are_refused() -> None:
    for host in ("2130706433", "0x7f.1", "127.1"):
        with pytest.raises((AddressRefused, FetchFailed)):  # the second where the system does not read such names
            fetch(Outbound(), f"http://{host}:9/")


def test_a_name_is_resolved_once_and_the_checked_address_is_called(site: Server) -> None:
    asked: list[str] = []

    def changing(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["203.0.113.1"]

    found, data = fetch(Outbound(True, changing), f"http://pictures.example:{site.server_port}/a.png")
    assert (found.type, found.size, data) == ("image/png", len(BYTES), BYTES)
    assert asked == ["pictures.example"]
    assert site.seen == [(f"pictures.example:{site.server_port}", "/a.png")]


def test_every_redirect_is_checked_like_the_first(site: Server) -> None:
    names = {"public.example": "127.0.0.1", "inner.example": "10.0.0.1"}

    class Open(Outbound):
        """Takes this test's own machine for the internet, and nothing else."""

        def _check(self, host: str, addresses: object, param: str | None) -> None:
            if [str(one) for one in addresses] != ["127.0.0.1"]:  # type: ignore[attr-defined]
                super()._check(host, addresses, param)  # type: ignore[arg-type]

    caller, base = Open(resolver=lambda host, port: [names[host]]), f"http://public.example:{site.server_port}"
    found, data = fetch(caller, f"{base}/to?/a.png")
    assert (found.url, data) == (f"{base}/a.png", BYTES)
    for target in ("http://inner.example/", "http://169.254.169.254/latest", "file:///etc/passwd"):
        with pytest.raises(InvalidValue):
            fetch(caller, f"{base}/to?{target}")
    with pytest.raises(FetchFailed, match="more than 2 times"):
        fetch(caller, f"{base}/loop", redirects=2)
    with pytest.raises(FetchFailed, match="more than 0 times"):
        fetch(caller, f"{base}/to?/a.png", redirects=0)


def test_what_is_too_large_or_of_another_type_is_refused(site: Server) -> None:
    base = f"http://pictures.example:{site.server_port}"
    with pytest.raises(BlobTooLarge, match="larger than 100 bytes"):
        fetch(ANY, f"{base}/a.png", limit=100, param="image_url")
    with pytest.raises(BlobTooLarge):
        fetch(ANY, f"{base}/endless", limit=50_000)  # says no length
    with pytest.raises(InvalidValue, match="'image/png'"):
        fetch(ANY, f"{base}/a.png", types=["audio/", "video/"])
    assert fetch(ANY, f"{base}/a.png", types=["audio/", "image/"], limit=len(BYTES))[1] == BYTES
    for path in ("/none", "/zipped"):
        with pytest.raises(FetchFailed):
            fetch(ANY, base + path)


def test_a_call_ends_at_its_time_however_the_other_side_behaves(site: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        for url in (
            f"http://slow.example:{silent.getsockname()[1]}/",
            f"https://slow.example:{silent.getsockname()[1]}/",
            f"http://slow.example:{site.server_port}/drip",
        ):
            began = time.monotonic()
            with pytest.raises(FetchFailed, match=r"slow\.example.*in time"):
                fetch(ANY, url, timeout=0.3)
            assert time.monotonic() - began < 15


def test_what_does_not_answer_is_said(site: Server) -> None:
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    with pytest.raises(FetchFailed, match=r"a\.example"):
        fetch(ANY, f"http://a.example:{port}/")
    with pytest.raises(FetchFailed, match="has no address"):
        fetch(Outbound(resolver=lambda host, port: []), "http://a.example/")
    # The certificate is checked for the name, and a plain server has none.
    with pytest.raises(FetchFailed):
        fetch(ANY, f"https://a.example:{site.server_port}/")


def certificate(folder: Path, name: str) -> Path:
    """A file with a certificate of its own for this name, and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    who = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(who)
        .issuer_name(who)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "certificate.pem"
    path.write_bytes(
        made.public_bytes(Encoding.PEM) + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return path


def test_the_certificate_is_checked_for_the_name_and_not_the_address(
    site: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = certificate(tmp_path, "pictures.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    site.socket = context.wrap_socket(site.socket, server_side=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    pinned.tls.cache_clear()
    try:
        assert fetch(ANY, f"https://pictures.example:{site.server_port}/a.png")[1] == BYTES
        for host in ("other.example", "127.0.0.1"):
            with pytest.raises(FetchFailed, match="certificate"):
                fetch(ANY, f"https://{host}:{site.server_port}/a.png")
    finally:
        pinned.tls.cache_clear()


def test_the_next_address_is_tried_when_one_does_not_answer(site: Server) -> None:
    caller = Outbound(True, lambda host, port: ["::1", "127.0.0.1"])
    assert fetch(caller, f"http://a.example:{site.server_port}/a.png")[1] == BYTES


def test_a_post_is_sent_once_and_not_redirected(site: Server) -> None:
    base = f"http://webhooks.example:{site.server_port}"
    assert ANY.post(f"{base}/in", b"{}", {"X-Name": "value"}, timeout=5) == 204
    assert ANY.post(f"{base}/moved", b"[]", {"X-Name": "value"}, timeout=5) == 302
    assert site.seen == [("value", b"{}"), ("value", b"[]")]
