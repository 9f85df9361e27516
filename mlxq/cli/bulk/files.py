"""Files that are there whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """A file to write, which takes its name when it is complete; an error leaves what was there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    under_way = path.with_name(f"{path.name}.part")
    try:
        with under_way.open("wb") as file:
            yield file
        under_way.replace(path)
    finally:
        under_way.unlink(missing_ok=True)
