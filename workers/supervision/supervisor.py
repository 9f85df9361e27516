"""Has one process a model where it is wanted, within the machine's memory, and takes its turn as the queue's leader."""

from __future__ import annotations

import queue
import signal
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress

import structlog

from mlxq import configuration, home
from mlxq.catalogue import Catalogue
from mlxq.settings import Settings
from tasks.leader.coordinator import Coordinator
from tasks.outbound.outbound import Outbound
from tasks.processes.loops import Loop, insist
from tasks.processes.presence import Presence
from tasks.redis import store
from tasks.redis.scripts import AWAY
from tasks.webhooks.sender import WebhookSender
from workers.process import GRACE, Begun
from workers.supervision.model_processes import ModelProcesses

_SHORTEST = 0.01  # seconds between turns
_RETRY = 0.1  # seconds until the next one when the queue is away
log = structlog.get_logger()


class Supervisor:
    """All models of a catalogue on this machine; `begun` are processes that wait to be told to load their model."""

    def __init__(
        self, catalogue: Catalogue, settings: Settings, environ: Mapping[str, str], begun: Mapping[str, Begun]
    ) -> None:
        jobs = store.connect(settings)
        self._settings, self._environ = settings, environ
        # Reasons to look at the models. Its `put` may be called in a signal's handler, unlike what an Event offers.
        self._news: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._coordinator = Coordinator(jobs, uuid.uuid4().hex, (entry.name for entry in catalogue), self._look)
        self._leading = Loop("supervisor", self._coordinator.turn)
        self._webhook_sender = WebhookSender(jobs, Outbound(settings.webhook_allow_private))
        self._presence = Presence(jobs)
        self._processes = ModelProcesses(catalogue, settings, self._presence, self._look, begun)
        self._stopping = self._reloading = False

    def run(self) -> None:
        """Until SIGTERM or SIGINT; SIGHUP has the models' file read anew."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop())
        signal.signal(signal.SIGHUP, lambda *_: self._reload_soon())
        home.hold(self._settings.home, home.SUPERVISOR)  # where `mlxq reload` finds it; of several the first
        self._leading.start()
        self._webhook_sender.start()
        while not self._stopping:
            with suppress(queue.Empty):
                self._news.get(timeout=self._turn())
            if self._reloading:
                self._reloading = False
                self._reload()
        self._processes.stop()
        until = time.monotonic() + self._settings.drain + GRACE
        self._leading.stop(0)  # it may be asleep, and is of no use any more
        self._processes.wait(until)
        self._webhook_sender.stop(max(0.0, until - time.monotonic()))
        self._coordinator.resign()

    def _look(self) -> None:
        self._news.put(None)

    def _reload_soon(self) -> None:
        self._reloading = True
        self._look()

    def _reload(self) -> None:
        """Serve what the models' file holds now, and write down what came of it, for who asked for it."""
        try:
            settings, catalogue = configuration.load(self._environ)
        except configuration.ConfigurationError as error:
            log.error("the models' file is wrong; what was served goes on", error=str(error))
            home.tell_reloaded(self._settings.home, {"error": str(error)})
            return
        changes = self._processes.reload(catalogue, settings)
        self._coordinator.models = tuple(catalogue.models)
        log.info("the models' file was read anew", **changes._asdict())
        insist(self._presence.reloaded)
        home.tell_reloaded(self._settings.home, changes._asdict())

    def _stop(self) -> None:
        self._stopping = True
        self._look()

    def _turn(self) -> float:
        """Give the models their turn, whatever comes of it; returns seconds until the next one."""
        try:
            return max(_SHORTEST, self._processes.turn())
        except AWAY:
            self._processes.forget()
        except Exception:
            log.exception("the models could not be seen to")
        return _RETRY
