"""The models' file as a web process knows it: read anew when a supervisor says that it was."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog

from mlxq.catalogue import Catalogue
from mlxq.configuration import ConfigurationError
from tasks.processes.presence import Presence
from tasks.redis.scripts import AWAY

_FRESH = 1.0  # seconds between looks whether it was
log = structlog.get_logger()


class Served:
    """The models that are served, looked up when somebody asks, so that nothing is done at rest.

    `read` reads the file; a file that is wrong by then changes nothing.
    """

    def __init__(self, catalogue: Catalogue, presence: Presence, read: Callable[[], Catalogue]) -> None:
        self._catalogue, self._presence, self._read = catalogue, presence, read
        self._reloads = 0
        self._looked = float("-inf")  # monotonic seconds
        self._looking = threading.Lock()

    @property
    def catalogue(self) -> Catalogue:
        """The models as they were at most a second ago; code that needs it twice for one thing keeps it."""
        if time.monotonic() - self._looked > _FRESH and self._looking.acquire(blocking=False):
            try:
                self._looked = time.monotonic()
                self._look()
            finally:
                self._looking.release()
        return self._catalogue

    def _look(self) -> None:
        try:
            reloads = self._presence.reloads()
            if reloads != self._reloads:
                self._reloads = reloads
                self._catalogue = self._read()
        except AWAY:  # who needs the queue is told so
            return
        except ConfigurationError as error:
            log.error("the models' file is wrong; what was served goes on", error=str(error))
