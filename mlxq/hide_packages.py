"""Import a library without the optional packages that it would import too: importing those makes every start slower."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def hide_packages(*packages: str) -> Iterator[None]:
    """Within this, imports find these packages not installed; one that was imported before stays as it is."""
    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]
    hidden = [package for package in packages if package not in modules]
    modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for package in hidden:
            del modules[package]
