"""A job's events as they come, over connections that may break."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from mlxq.cli.client import PATIENT, Client, Json, ServerError

LAST = frozenset({"done", "failed", "cancelled", "expired"})
_PAUSE = 1.0  # seconds before a broken connection is made anew


class Watch:
    """The events of one job, each once, up to the one that ends it."""

    def __init__(self, client: Client, job: str) -> None:
        self._client, self._job = client, job
        self._after: str | None = None

    def events(self) -> Iterator[tuple[str, Json]]:
        """Each event's kind and content; a ServerError when the server is away for long or refuses."""
        until = time.monotonic() + PATIENT
        while True:
            try:
                for kind, event in self._connected():
                    until = time.monotonic() + PATIENT
                    yield kind, event
                    if kind in LAST:
                        return
            except ServerError as error:
                if error.status or time.monotonic() > until:
                    raise
            time.sleep(_PAUSE)

    def _connected(self) -> Iterator[tuple[str, Json]]:
        frame: dict[str, str] = {}
        for line in self._client.lines(f"/v1/jobs/{self._job}/events", after=self._after):
            name, _, value = line.partition(": ")
            if name in ("id", "event", "data"):
                frame[name] = value
            elif not line and "data" in frame:
                self._after = frame.get("id") or self._after
                content: Any = json.loads(frame["data"])
                yield frame.get("event", ""), content
                frame = {}
