"""What goes over the wire to Redis, counted where a test's own thread sends it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tasks.redis.client import Client, Pipe


@contextmanager
def counted(patch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The round trips of this thread, each by its command's name."""
    me, found = threading.current_thread(), list[str]()
    run, execute = Client.execute_command, Pipe.execute

    def one(self: Client, *args: Any, **options: Any) -> Any:
        if threading.current_thread() is me:
            found.append(str(args[0]).lower())
        return run(self, *args, **options)

    def several(self: Pipe, *args: Any, **options: Any) -> Any:
        if threading.current_thread() is me:
            found.append("pipeline")
        return execute(self, *args, **options)

    with patch.context() as during:
        during.setattr(Client, "execute_command", one)
        during.setattr(Pipe, "execute", several)
        yield found
