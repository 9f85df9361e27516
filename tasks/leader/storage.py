"""How much room Redis and the disk have left: a warning before they are full, and a reason once they are."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog
from redis.exceptions import ResponseError

from tasks.redis.scripts import answers
from tasks.redis.store import JobStore

MEMORY = 0.85  # of Redis' maxmemory that may be used before there is a warning
DISK = 1 << 30  # bytes that should be free below MLXQ_HOME
log = structlog.get_logger()


class Shortage(NamedTuple):
    """What there is too little of; `full` when writes are refused for it."""

    what: str
    full: bool
    message: str


def shortages(store: JobStore) -> tuple[Shortage, ...]:
    """What Redis and the disk below MLXQ_HOME are short of."""
    try:
        with answers():
            memory, disk = store.redis.info("memory"), store.redis.info("persistence")
    except ResponseError:  # a Redis of others may not tell
        return (*_free(store),)
    return (*_memory(memory), *_append_only_file(disk), *_free(store))


def _memory(info: dict[str, int]) -> list[Shortage]:
    used, most = info["used_memory"], info["maxmemory"]
    if not most or used < MEMORY * most:
        return []
    hint = "delete finished jobs or files, shorten MLXQ_RESULT_TTL, or give Redis more memory (maxmemory)"
    return [
        Shortage("memory", used >= most, f"the queue's Redis uses {used >> 20} of {most >> 20} MiB of memory; {hint}")
    ]


def _append_only_file(info: dict[str, str]) -> list[Shortage]:
    if info.get("aof_last_write_status", "ok") == "ok":
        return []
    return [Shortage("disk", True, "the queue's Redis cannot write to its disk, which may be full; make room on it")]


def _free(store: JobStore) -> list[Shortage]:
    try:
        free = shutil.disk_usage(store.settings.home).free
    except OSError:  # the home is gone, which is told elsewhere
        return []
    if free >= DISK:
        return []
    return [Shortage("disk", free == 0, f"the disk below MLXQ_HOME has {free >> 20} MiB left; make room on it")]


@dataclass
class StorageWatch:
    """The leader's watch: it logs when a shortage begins, gets worse, or ends."""

    store: JobStore
    every: float = 5.0  # seconds between looks
    _looked: float = float("-inf")
    _known: dict[tuple[str, bool], str] = field(default_factory=dict)

    def watch(self) -> bool:
        """Look now and then; True while there is too little of something."""
        if time.monotonic() - self._looked >= self.every:
            self._looked = time.monotonic()
            messages = {(shortage.what, shortage.full): shortage.message for shortage in shortages(self.store)}
            for kind in messages.keys() - self._known.keys():
                log.warning("room runs short", what=kind[0], full=kind[1], message=messages[kind])
            for kind in self._known.keys() - messages.keys():
                log.info("there is room again", what=kind[0], full=kind[1])
            self._known = messages
        return bool(self._known)
