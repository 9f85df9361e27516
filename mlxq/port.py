"""Whether the web could listen where its settings say."""

from __future__ import annotations

import socket

from mlxq.settings import Settings


def busy(settings: Settings) -> str | None:
    """Why nobody can listen there, as the port is taken; None when it is free."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the web does
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        return error.strerror or str(error)
    return None
