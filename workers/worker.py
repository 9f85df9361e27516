"""One model's process: Celery's thread pool takes jobs, the engine thread runs them.

Run by the supervisor as `python -m workers.worker MODEL WORKER_ID`, with a pipe on stdin that ends when the supervisor
does. Its first line is a `Start`; `load` lets it load the model, for which it has imported everything by then; `unload`
asks it to end what it holds and then itself. Exit code 3 means that the model could not be loaded (the reason is in the
model's state).
"""

from __future__ import annotations

import gc
import logging
import math
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import Any

import msgspec
import structlog

from mlxq import home
from mlxq.entries.model_entry import ModelEntry
from mlxq.settings import Settings
from tasks.processes import logs
from tasks.processes.loops import Loop, insist
from tasks.processes.presence import ModelState, Presence, Worker
from tasks.redis import store
from tasks.redis.claims import Claims
from tasks.redis.scripts import AWAY
from workers import transformers_names
from workers.engine import Engine
from workers.process import GRACE, LOAD, LOAD_FAILED, UNLOAD, Start
from workers.serving import engine_thread, memory
from workers.serving.engine_thread import EngineThread
from workers.serving.job_runner import JobRunner
from workers.serving.memory_guard import Guard
from workers.serving.stall import Stall
from workers.supervision import memory_estimate

HEADROOM = 8  # threads beyond those for a batch of people and one of paused rows, in which jobs wait their turn
_TIDY = 10.0  # seconds between looks for claims in this worker's name that it does not hold
_PROGRESS = 0.5  # seconds between looks how much of a model is loaded
log = structlog.get_logger()


def serve(entry: ModelEntry, settings: Settings, worker_id: str, unloading: threading.Event) -> None:
    """Load the model and run its jobs until SIGTERM, or until the supervisor is gone.

    When `unloading` is set, the next SIGTERM leaves it as much time as its jobs take.
    """
    jobs = store.connect(settings)
    presence = Presence(jobs)
    owner = EngineThread(entry, settings, Claims(jobs, entry.name, worker_id))
    from workers.serving import consumer  # takes a while, in which the engine has begun to load its model

    if error := _loaded(owner, entry, settings, presence):
        broken = ModelState("broken", f"{type(error).__name__}: {error}")
        insist(presence.declare, entry.name, broken)
        _leave(LOAD_FAILED)
    gc.freeze()  # what stays for as long as the process is not looked through again: that held everything up for 50 ms
    loaded = _held(owner.engine)
    me = Worker(worker_id, entry.name, os.getpid(), owner.engine.slots, owner.engine.details, loaded=loaded)
    runner = JobRunner(Claims(jobs, entry.name, worker_id), owner.engine, owner.batcher)

    interval = settings.worker_lease / 3
    stall = Stall(settings.stall, interval, owner.engine.stall_factor)

    def beat() -> None:
        why = stall.judge(owner.batcher.step, owner.engine.device_memory())
        if not owner.batcher.stopping and not (owner.thread.is_alive() and owner.batcher.writing):
            why = "its engine thread, or the one that writes down what it does, has ended"
        if why is not None:
            log.critical("the engine does not move; this worker ends", model=entry.name, reason=why)
            presence.explain(worker_id, why)
            _leave(1)
        presence.show(msgspec.structs.replace(introduced(), vitals=owner.batcher.vitals()))
        guard.look(max(memory.taken(), owner.engine.device_memory()))

    leaving = False

    def introduced() -> Worker:
        return msgspec.structs.replace(runner.introduced(me), held=_held(owner.engine), leaving=leaving)

    def exceed(why: str) -> None:
        log.critical("it takes too much memory; this worker ends", model=entry.name, reason=why)
        presence.explain(worker_id, why)
        owner.batcher.stop(math.inf)
        owner.thread.join(settings.drain)
        runner.blame()
        _leave(1)

    guard = Guard(memory.Marks.of(entry.memory_limit), owner.batcher, exceed)

    # Shown before it claims anything: a claim of a worker that is not there is taken back.
    insist(presence.show, introduced())
    heartbeat = Loop("heartbeat", beat, interval).start()
    insist(presence.declare, entry.name, ModelState("ready"))
    log.info("model ready", model=entry.name, slots=me.slots)
    tidying = Loop("claims", runner.tidy, _TIDY).start()

    def let_go(grace: float) -> None:
        if leaving:
            insist(presence.show, introduced())  # so that nobody counts on it any more
        owner.thread.join(None if math.isinf(grace) else grace + GRACE / 2)
        if owner.thread.is_alive():
            log.warning("a step of the engine outlasts the drain; what it runs goes back", model=entry.name)
            insist(runner.hand_back)
            _leave(0)

    def stop(**_: object) -> None:
        nonlocal leaving
        grace = math.inf if unloading.is_set() else settings.drain
        leaving = leaving or unloading.is_set()
        unloading.clear()  # a second signal to end means to hurry
        owner.batcher.stop(grace)
        # The consumer's loop may be asleep, which a signal does not end; and no handler of one may wait for a lock.
        threading.Thread(target=consumer.rouse, name="rouse", daemon=True).start()
        threading.Thread(target=let_go, args=(grace,), name="let-go", daemon=True).start()

    consumer.consume(jobs.celery, jobs.keys.queue(entry.name), 2 * me.slots + HEADROOM, runner, stop)
    owner.thread.join(settings.drain + GRACE)
    tidying.stop(1)
    heartbeat.stop(1)
    try:
        runner.hand_back()  # what waits for memory in a thread of its own
        presence.leave(me)
    except AWAY as error:
        log.warning("left without saying so; the lease ends by itself", error=str(error))
    _leave(0)


def _loaded(owner: EngineThread, entry: ModelEntry, settings: Settings, presence: Presence) -> Exception | None:
    """Wait for the model and tell how far it is meanwhile; the error when it could not be loaded."""
    weights, last = memory_estimate.estimate(entry, settings.cache).weights, 0

    def tell() -> None:
        nonlocal last
        progress = min(99, 100 * memory.held() // weights) if weights else 0
        if progress > last:
            presence.declare(entry.name, ModelState("loading", progress=progress))
            last = progress

    telling = Loop("loading", tell, _PROGRESS).start()
    try:
        error = owner.loaded()
    finally:
        telling.stop()
    marks, taken = memory.Marks.of(entry.memory_limit), memory.taken()
    return error or (MemoryError(marks.exceeded(taken)) if taken > marks.hard else None)


def _held(engine: Engine[Any]) -> int:
    return max(engine.device_memory(), memory.held())


def _leave(code: int) -> None:
    # A thread that used MLX may abort the process when the interpreter ends; all work is done, so skip that.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _listen_to_the_supervisor(patience: float, unloading: threading.Event) -> None:
    """Do what the supervisor says, and end when it is gone."""

    def watch() -> None:
        for line in sys.stdin.buffer:
            if line.strip() == UNLOAD:
                unloading.set()
                os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(patience)
        log.error("this worker did not end in time, and its supervisor is gone")
        _leave(1)

    threading.Thread(target=watch, name="supervisor-watch", daemon=True).start()


def main() -> None:
    """The process of one model."""
    name, worker_id = sys.argv[1:]
    start = msgspec.json.decode(sys.stdin.buffer.readline(), type=Start)
    settings = home.with_password(Settings.from_env(os.environ, start.server))
    logs.configure(settings, "DEBUG" if start.entry.debug else None)
    logging.getLogger("celery").setLevel(logging.WARNING)
    transformers_names.remember(settings.cache)
    with suppress(Exception):  # what is wrong is said when it is loaded
        engine_thread.module(start.entry)
    if sys.stdin.buffer.readline().strip() != LOAD:
        _leave(0)  # its supervisor is gone
    unloading = threading.Event()
    _listen_to_the_supervisor(settings.drain + GRACE, unloading)
    try:
        serve(start.entry, settings, worker_id, unloading)
    except Exception:
        log.exception("the worker failed", model=name)
        _leave(1)


if __name__ == "__main__":
    main()
