"""Imports of libraries without what they would take along and we do not use: a start lasts as long as they."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def without(*packages: str) -> Iterator[None]:
    """What is imported meanwhile finds these packages not installed; one that was imported before stays as it is."""
    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]
    hidden = [package for package in packages if package not in modules]
    modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for package in hidden:
            del modules[package]
