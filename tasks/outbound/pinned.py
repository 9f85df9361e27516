"""Connections that go to addresses which were checked, and end at one moment."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from functools import cache
from ssl import SSLContext
from typing import Any

import httpcore
import httpx


def pool(addresses: Sequence[str], until: float) -> httpcore.ConnectionPool:
    """One connection to the first of these addresses that answers, which ends at `until`, in monotonic seconds."""
    return httpcore.ConnectionPool(
        ssl_context=tls(), max_connections=1, network_backend=_Pinned(addresses, until), http2=False
    )


@cache
def tls() -> SSLContext:
    """The certificates that are trusted."""
    return httpx.create_ssl_context()


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the call's time is over")
    return left


class _Pinned(httpcore.NetworkBackend):
    """Connects to addresses that were checked, whatever the name says by now, until a moment on the clock."""

    def __init__(self, addresses: Sequence[str], until: float) -> None:
        self._addresses, self._until, self._inner = addresses, until, httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        for index, address in enumerate(self._addresses):
            left = _left(self._until) / (len(self._addresses) - index)
            try:
                return _Stream(self._inner.connect_tcp(address, port, left, local_address, socket_options), self._until)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if index == len(self._addresses) - 1:
                    raise
        raise httpcore.ConnectError("no address")


class _Stream(httpcore.NetworkStream):
    """A connection whose every wait ends at one moment."""

    def __init__(self, inner: httpcore.NetworkStream, until: float) -> None:
        self._inner, self._until = inner, until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(self._until))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(self._until))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, _left(self._until)), self._until)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
