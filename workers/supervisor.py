"""Starts one process a model, watches it, restarts it with back-off, and takes its turn as the queue's leader."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
import uuid

import structlog

from mlxq.catalogue import Catalogue, ModelEntry
from mlxq.settings import Settings
from tasks import store
from tasks.alive import Silence
from tasks.control import Control
from tasks.courier import Courier
from tasks.egress import Egress
from tasks.loops import Patience
from tasks.presence import ModelState, Presence
from tasks.scripts import AWAY
from workers.worker import GRACE, LOAD_FAILED

_BACKOFF = 0.25  # seconds before the first restart, doubled each time up to
_BACKOFF_MOST = 30.0
_HEALTHY = 60.0  # seconds a process must live for its back-off to begin anew
log = structlog.get_logger()


class Child:
    """The process of one model."""

    def __init__(self, entry: ModelEntry, presence: Presence, patience: float) -> None:
        self._entry, self._presence, self._patience = entry, presence, patience
        self._process: subprocess.Popen[bytes] | None = None
        self._worker_id = ""
        self._failures = 0
        self._since = 0.0
        self._start_at = 0.0
        self._silence = Silence()

    def forget(self) -> None:
        """Count its silence anew: Redis was away."""
        self._silence.forget()

    def turn(self) -> None:
        """Start the process when it is due, and see to it when it has ended."""
        now = time.monotonic()
        if self._process is None:
            if now >= self._start_at:
                self._start(now)
            return
        code = self._process.poll()
        if code is not None:
            self._ended(code, now)
        elif self._silent(now) > self._patience:
            log.error(
                "worker neither ends nor shows its lease; it is killed", model=self._entry.name, seconds=self._patience
            )
            self._presence.explain(self._worker_id, "it neither ended nor showed that it lives (MLXQ_STALL)")
            self._process.kill()

    def _silent(self, now: float) -> float:
        """Seconds since it last showed its lease, as far as they were watched; 0 until the model is loaded."""
        entered = self._presence.entered(self._entry.name)
        said = {self._worker_id: entered[self._worker_id]} if self._worker_id in entered else {}
        return self._silence.look(now, said).get(self._worker_id, 0.0)

    def _start(self, now: float) -> None:
        self._worker_id = uuid.uuid4().hex
        if not self._failures:
            self._presence.declare(self._entry.name, ModelState("starting"))
        # A session of its own: a terminal's Ctrl-C reaches the supervisor alone, which then stops its workers in order.
        # The pipe on stdin ends with this process, however it ends.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "workers.worker", self._entry.name, self._worker_id],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        self._since = now
        log.info("worker started", model=self._entry.name, pid=self._process.pid)

    def _ended(self, code: int, now: float) -> None:
        self._close()
        self._failures = 1 if now - self._since > _HEALTHY else self._failures + 1
        wait = _BACKOFF_MOST if code == LOAD_FAILED else min(_BACKOFF * 2 ** (self._failures - 1), _BACKOFF_MOST)
        self._start_at = now + wait
        log.error("worker ended", model=self._entry.name, code=code, restart_in=wait)
        # Its own word goes first; and this goes before its lease, so that who takes its jobs back can say why.
        reason = self._presence.explain(self._worker_id, _ending(code))
        # Its lease need not run out first: the next pass of the reconciler takes its jobs back.
        self._presence.expire(self._entry.name, self._worker_id)
        if code != LOAD_FAILED:  # then it has said why itself
            self._presence.declare(self._entry.name, ModelState("restarting", f"its worker ended: {reason}"))

    def stop(self) -> None:
        """Ask the process to hand its work back and end."""
        if self._process is not None:
            self._process.terminate()

    def wait(self, until: float) -> None:
        """Wait for the process until then (monotonic seconds), and no longer."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.error("worker did not end in time", model=self._entry.name)
            self._process.kill()
            self._process.wait()
        self._close()

    def _close(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
        self._process = None


def _ending(code: int) -> str:
    if code == -signal.SIGKILL:
        return "its process was killed by SIGKILL, which is also what a system without memory does"
    if code < 0:
        return f"its process was killed by {signal.Signals(-code).name}"
    return f"its process ended with code {code}; its log says more"


class Supervisor:
    """All models of a catalogue on this machine."""

    def __init__(self, catalogue: Catalogue, settings: Settings) -> None:
        jobs = store.connect(settings)
        self._settings = settings
        self._patience = Patience("supervisor")
        self._control = Control(jobs, uuid.uuid4().hex, (entry.name for entry in catalogue))
        self._courier = Courier(jobs, Egress(settings.webhook_allow_private))
        self._children = [Child(entry, Presence(jobs), settings.stall) for entry in catalogue]
        self._stop = threading.Event()

    def run(self) -> None:
        """Until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        self._courier.start()
        while not self._stop.is_set():
            self._stop.wait(self._patience.run(self._turn))
        for child in self._children:
            child.stop()
        until = time.monotonic() + self._settings.drain + GRACE
        for child in self._children:
            child.wait(until)
        self._courier.stop(max(0.0, until - time.monotonic()))
        self._control.resign()

    def _turn(self) -> None:
        for child in self._children:
            try:
                child.turn()
            except AWAY:
                child.forget()
        self._control.turn()
