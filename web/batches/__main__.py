"""`python -m web.batches`: the process that runs batches; one leads, others stand by."""

from __future__ import annotations

import os
import signal
import sys
import threading
import uuid
from contextlib import suppress

import structlog

from mlxq import configuration, exit_with_parent, home
from tasks.processes import logs
from tasks.processes.loops import Loop
from tasks.redis.exclusive_lease import LENGTH, RENEWED, Lease
from tasks.redis.scripts import AWAY
from web.batches.runner import BatchRunner
from web.batches.running import Superseded
from web.gateway import connect

_PAUSE = 0.5  # seconds
_PATIENCE = 60.0  # seconds that the last turn has to end
log = structlog.get_logger()


def run(runner: BatchRunner, lease: Lease, stopped: threading.Event) -> None:
    """Take turns until told to stop; whatever goes wrong, the next turn begins with what is known for sure."""

    heartbeat: Loop | None = None

    def turn() -> None:
        nonlocal heartbeat
        # A frozen runner may wake up amid a write: the lock keeps others away from its files until it ends.
        if not (runner.folder.acquire() and lease.holds()):
            runner.reset()
            stopped.wait(_PAUSE)
            return
        heartbeat = heartbeat or Loop("runner's lease", lease.holds, RENEWED * LENGTH / 1000).start()
        try:
            runner.turn()
        except Superseded as error:
            log.warning("another runner goes on with this", error=str(error))
            runner.reset()
            stopped.wait(_PAUSE)
        except BaseException:
            runner.reset()
            raise

    turns = Loop("batches", turn).start()
    stopped.wait()
    turns.stop(0)
    with suppress(*AWAY):
        runner.rouse()
    turns.stop(_PATIENCE)
    if heartbeat is not None:
        heartbeat.stop()
    try:
        lease.resign()
    except AWAY as error:
        log.warning("the runner's lease runs out by itself", error=str(error))


def main() -> None:
    """Run until told to stop; a bad setting or catalogue is said in one line."""
    try:
        settings, catalogue = configuration.load(os.environ)
    except configuration.ConfigurationError as error:
        sys.exit(f"mlxq: {error}")
    logs.configure(settings)
    home.join(settings, os.environ)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    exit_with_parent.watch_manager(os.environ)
    gateway = connect(settings, catalogue)
    me = uuid.uuid4().hex
    run(BatchRunner(gateway, me), Lease(gateway.store, gateway.store.keys.runner(), me), stopped)
    gateway.followers.close()


if __name__ == "__main__":
    main()
