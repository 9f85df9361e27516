"""The thread of a model's process that loads the engine and runs it."""

from __future__ import annotations

import importlib
import sys
import threading
from types import ModuleType
from typing import Any

import structlog

from mlxq.entries.model_entry import ModelEntry
from mlxq.model_path import ModelPathError
from mlxq.settings import Settings
from tasks.redis.claims import Claims
from workers.engine import Engine, Unservable
from workers.parsers.registry import UnknownFormat
from workers.serving import memory
from workers.serving.batcher import Batcher

log = structlog.get_logger()


def module(entry: ModelEntry) -> ModuleType:
    """The engine of a model, with all that it imports."""
    return importlib.import_module(f"workers.engines.{entry.model_type.replace('-', '_')}")


class EngineThread:
    """The thread that loads the engine, then owns it for the life of the process."""

    def __init__(self, entry: ModelEntry, settings: Settings, claims: Claims) -> None:
        self._entry, self._settings, self._claims = entry, settings, claims
        self._loaded = threading.Event()
        self._error: Exception | None = None
        self.engine: Engine[Any]
        self.batcher: Batcher
        self.thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self.thread.start()

    def loaded(self) -> Exception | None:
        """Wait for the model; the error when it could not be loaded."""
        self._loaded.wait()
        return self._error

    def _run(self) -> None:
        try:
            engine = module(self._entry)
            memory.wire()
            if "mlx.core" in sys.modules:  # the fake engine has no use for it
                importlib.import_module("workers.attention").install()
            self.engine = engine.load(self._entry, self._settings)
            self.batcher = Batcher(self.engine, self._claims)
        except Exception as error:
            reasoned = isinstance(error, (Unservable, ModelPathError, UnknownFormat))
            log.error("the model could not be loaded", model=self._entry.name, reason=str(error), exc_info=not reasoned)
            self._error = error
            return
        finally:
            self._loaded.set()
        self.batcher.run()
