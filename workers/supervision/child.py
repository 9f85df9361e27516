"""The process of one model: started when it is wanted, watched, started again with back-off, and let go."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

import msgspec
import structlog

from mlxq.entries.model_entry import ModelEntry
from tasks.processes.alive import Silence
from tasks.processes.presence import ModelState, Presence, Worker
from workers import process
from workers.process import LOAD_FAILED, Begun
from workers.supervision.placement import Phase

_BACKOFF = 0.25  # seconds before the first restart, doubled each time up to
_BACKOFF_MOST = 30.0
_LOOK = 10.0  # seconds between looks whether a worker shows its lease
_HEALTHY = 60.0  # seconds a process must live for its back-off to begin anew
# Keys that the web and the supervisor act upon, and no worker.
_OUTSIDE = ("aliases", "queue_size", "queue_timeout", "on_demand", "on_demand_idle_timeout", "pinned")
log = structlog.get_logger()


class Child:
    """The process of one model; `ended` is called, in a thread, once it has ended.

    `server` is what the models' file says of the server, which the process is told. `patience` is how many seconds a
    process may neither end nor show its lease. The first process is `begun`, where one was.
    """

    def __init__(
        self,
        entry: ModelEntry,
        server: Mapping[str, str | int | bool | None],
        presence: Presence,
        patience: float,
        ended: Callable[[], None],
        begun: Begun | None = None,
    ) -> None:
        self.entry = entry
        self.wanted = False
        self.worker_id = ""
        self.ready_since = 0.0
        self.load_seconds = 0.0
        self._server, self._presence, self._patience, self._tell = server, presence, patience, ended
        self._begun = begun
        self._process: subprocess.Popen[bytes] | None = None
        self._ready = self._leaving = False
        self._undeclared = ModelState("unloaded") if entry.on_demand else None
        self._fault = ""
        self.broken = False
        self._failures = 0
        self._since = 0.0
        self._start_at = 0.0
        self._every, self._look_at = min(_LOOK, patience / 4), 0.0
        self._silence = Silence(seen=2 * self._every)

    @property
    def phase(self) -> Phase:
        """Where it stands; one that waits for its next start is loading."""
        if self._process is None:
            return "loading" if self.wanted else "unloaded"
        if self._leaving:
            return "unloading"
        return "ready" if self._ready else "loading"

    def blocked(self, now: float) -> bool:
        """Whether it failed a moment ago, so that it is not to be started yet."""
        return now < self._start_at

    def forget(self) -> None:
        """Count its silence anew: Redis was away."""
        self._silence.forget()

    def load(self) -> None:
        """Start the process at the next turn, and keep it there."""
        self.wanted = True

    def unload(self) -> None:
        """Let the process end what it holds, and then end itself; it is not started again."""
        self.wanted = False
        self._forgo()
        if self._process is None or self._leaving:
            return
        self._leaving = True
        log.info("a model is unloaded", model=self.entry.name)
        process.say(self._process, process.UNLOAD)
        self._undeclared = ModelState("unloading")

    def declare(self, state: ModelState) -> None:
        """Say at the next turn what the model is doing."""
        self._undeclared = state

    def change(self, entry: ModelEntry, server: Mapping[str, str | int | bool | None]) -> None:
        """Serve the model as another entry has it, from the next process on; one that runs ends what it holds."""
        if _same_process(self.entry, entry) and self._server == server:
            self.entry = entry
            return
        self.entry, self._server = entry, server
        self._failures, self._start_at, self.broken = 0, 0.0, False
        self.unload()

    def see(self, worker: Worker | None, now: float) -> None:
        """Take notice of what its worker shows of itself."""
        if worker is not None and self._process is not None and not self._ready:
            self._ready, self.ready_since = True, now
            self.load_seconds = now - self._since

    def turn(self) -> float:
        """Start the process when it is due, and see to it when it has ended; returns seconds until the next turn."""
        now = time.monotonic()
        if self._process is not None and (code := self._process.poll()) is not None:
            self._ended(code, now)
        if self._undeclared is not None:
            self._declare(self._undeclared)
        if self._process is None and self._fault and not self.wanted and now >= self._start_at:
            # A call for it has it tried again.
            fault, self._fault, self.broken = self._fault, "", False
            self._declare(ModelState("unloaded", fault))
        if self._process is None and self.wanted and now >= self._start_at:
            self._start(now)
        if self._process is None:
            return self._start_at - now if self.wanted or self._fault else _LOOK
        if now >= self._look_at:
            self._look_at = now + self._every
            self._watch(now)
        return self._look_at - now

    def _watch(self, now: float) -> None:
        if self._process is not None and self._silent(now) > self._patience:
            log.error(
                "worker neither ends nor shows its lease; it is killed", model=self.entry.name, seconds=self._patience
            )
            self._presence.explain(self.worker_id, "it neither ended nor showed that it lives (MLXQ_STALL)")
            self._process.kill()

    def _silent(self, now: float) -> float:
        """Seconds since it last showed its lease, as far as they were watched; 0 until the model is loaded."""
        entered = self._presence.entered(self.entry.name)
        shown = {self.worker_id: entered[self.worker_id]} if self.worker_id in entered else {}
        return self._silence.look(now, shown).get(self.worker_id, 0.0)

    def _start(self, now: float) -> None:
        if not self._failures:
            self._declare(ModelState("loading", progress=0))
        self.worker_id, self._process = self._begun or process.begin(self.entry, self._server)
        self._begun = None
        self._since, self._fault = now, ""
        self._ready = self._leaving = self.broken = False
        process.say(self._process, process.LOAD)
        threading.Thread(target=self._wait_for, args=(self._process,), name="child", daemon=True).start()
        log.info("worker started", model=self.entry.name, pid=self._process.pid)

    def _forgo(self) -> None:
        """End the process that was begun for this model and is not used."""
        if self._begun is not None:
            self._begun.process.kill()
            self._begun.process.wait()
            self._begun = None

    def _wait_for(self, started: subprocess.Popen[bytes]) -> None:
        started.wait()
        self._tell()

    def _ended(self, code: int, now: float) -> None:
        self._close()
        name = self.entry.name
        if self._leaving:
            self._failures = 0
            log.info("worker left", model=name, code=code)
            if code:
                self._presence.explain(self.worker_id, _ending(code))
            self._undeclared = ModelState("unloaded")
            self._presence.expire(name, self.worker_id)
            self._declare(self._undeclared)
            return
        self._failures = 1 if now - self._since > _HEALTHY else self._failures + 1
        wait = _BACKOFF_MOST if code == LOAD_FAILED else min(_BACKOFF * 2 ** (self._failures - 1), _BACKOFF_MOST)
        self._start_at = now + wait
        log.error("worker ended", model=name, code=code, restart_in=wait)
        self.broken, self._fault = code == LOAD_FAILED, _ending(code)
        if self.entry.on_demand:
            self.wanted = False  # until somebody asks for it again, or still does
        # Its own word goes first; and this goes before its lease, so that who takes its jobs back can say why.
        reason = self._presence.explain(self.worker_id, _ending(code))
        # Its lease need not run out first: the next pass of the reconciler takes its jobs back.
        self._presence.expire(name, self.worker_id)
        if not self.broken:  # then it has said why itself
            self._declare(ModelState("restarting", f"its worker ended: {reason}"))

    def _declare(self, state: ModelState) -> None:
        """Say what it is doing; when the queue is away, at the next turn."""
        self._undeclared = state
        self._presence.declare(self.entry.name, state)
        self._undeclared = None

    def stop(self) -> None:
        """Ask the process to hand its work back and end."""
        self._forgo()
        if self._process is not None:
            self._process.terminate()

    def wait(self, until: float) -> None:
        """Wait for the process until then (monotonic seconds), and no longer."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            log.error("worker did not end in time", model=self.entry.name)
            self._process.kill()
            self._process.wait()
        self._close()

    def _close(self) -> None:
        if self._process is not None and self._process.stdin is not None:
            with suppress(BrokenPipeError):
                self._process.stdin.close()
        self._process = None


def _same_process(entry: ModelEntry, other: ModelEntry) -> bool:
    """Whether two entries differ at most in keys that do not concern the process."""
    return msgspec.structs.replace(entry, **{key: getattr(other, key) for key in _OUTSIDE}) == other


def _ending(code: int) -> str:
    if code == -signal.SIGKILL:
        return "its process was killed by SIGKILL, which is also what a system without memory does"
    if code < 0:
        return f"its process was killed by {signal.Signals(-code).name}"
    return f"its process ended with code {code}; its log says more"
