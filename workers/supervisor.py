"""Starts one process a model, watches it, restarts it with back-off, and takes its turn as the queue's leader."""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import suppress

import structlog

from mlxq.catalogue import Catalogue
from mlxq.entries import ModelEntry
from mlxq.settings import Settings
from tasks.leader.control import Control
from tasks.outbound import Outbound
from tasks.processes.alive import Silence
from tasks.processes.loops import Loop
from tasks.processes.presence import ModelState, Presence
from tasks.redis import store
from tasks.redis.scripts import AWAY
from tasks.webhook_sender import WebhookSender
from workers.worker import GRACE, LOAD_FAILED

_BACKOFF = 0.25  # seconds before the first restart, doubled each time up to
_BACKOFF_MOST = 30.0
_SHORTEST = 0.01  # seconds between turns of a child
_RETRY = 0.1  # seconds until the next one when the queue is away
_LOOK = 10.0  # seconds between looks whether a worker shows its lease
_HEALTHY = 60.0  # seconds a process must live for its back-off to begin anew
log = structlog.get_logger()


class Child:
    """The process of one model; `ended` is called, in a thread, once it has ended.

    `patience` is how many seconds a process may neither end nor show its lease.
    """

    def __init__(self, entry: ModelEntry, presence: Presence, patience: float, ended: Callable[[], None]) -> None:
        self._entry, self._presence, self._patience, self._tell = entry, presence, patience, ended
        self._process: subprocess.Popen[bytes] | None = None
        self._worker_id = ""
        self._failures = 0
        self._since = 0.0
        self._start_at = 0.0
        self._every, self._look_at = min(_LOOK, patience / 4), 0.0
        self._silence = Silence(seen=2 * self._every)

    def forget(self) -> None:
        """Count its silence anew: Redis was away."""
        self._silence.forget()

    def turn(self) -> float:
        """Start the process when it is due, and see to it when it has ended; returns seconds until the next turn."""
        now = time.monotonic()
        if self._process is not None and (code := self._process.poll()) is not None:
            self._ended(code, now)
        if self._process is None and now >= self._start_at:
            self._start(now)
        if self._process is None:
            return self._start_at - now
        if now >= self._look_at:
            self._look_at = now + self._every
            self._watch(now)
        return self._look_at - now

    def _watch(self, now: float) -> None:
        if self._process is not None and self._silent(now) > self._patience:
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
        threading.Thread(target=self._wait_for, args=(self._process,), name="child", daemon=True).start()
        log.info("worker started", model=self._entry.name, pid=self._process.pid)

    def _wait_for(self, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        self._tell()

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
        # Reasons to look at the children. Its `put` may be called in a signal's handler, unlike what an Event offers.
        self._news: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._control = Control(jobs, uuid.uuid4().hex, (entry.name for entry in catalogue))
        self._leading = Loop("supervisor", self._control.turn)
        self._webhook_sender = WebhookSender(jobs, Outbound(settings.webhook_allow_private))
        presence = Presence(jobs)
        self._children = [Child(entry, presence, settings.stall, self._look) for entry in catalogue]
        self._stopping = False

    def run(self) -> None:
        """Until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop())
        self._leading.start()
        self._webhook_sender.start()
        while not self._stopping:
            with suppress(queue.Empty):
                self._news.get(timeout=min(map(self._see_to, self._children), default=_LOOK))
        for child in self._children:
            child.stop()
        until = time.monotonic() + self._settings.drain + GRACE
        self._leading.stop(0)  # it may be asleep, and is of no use any more
        for child in self._children:
            child.wait(until)
        self._webhook_sender.stop(max(0.0, until - time.monotonic()))
        self._control.resign()

    def _look(self) -> None:
        self._news.put(None)

    def _stop(self) -> None:
        self._stopping = True
        self._look()

    def _see_to(self, child: Child) -> float:
        """Give a child its turn, whatever comes of it; returns seconds until its next one."""
        try:
            return max(_SHORTEST, child.turn())
        except AWAY:
            child.forget()
        except Exception:
            log.exception("a model's process could not be seen to")
        return _RETRY
