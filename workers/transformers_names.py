"""What the modules of transformers' models offer, remembered from one start to the next.

When it is imported, transformers looks for those names in the source of all its models, twice: more than 1,600 files
and half of what a text model's process imports.
"""

from __future__ import annotations

import importlib.util
import marshal
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

_LOOKS = "transformers.utils.import_utils"  # the module whose `create_import_structure_from_path` looks
_SUFFIX = f"{sys.implementation.cache_tag}.names"  # other versions of Python may write it another way
Look: TypeAlias = Callable[[str | Path], dict[Any, Any]]


def remember(cache: Path) -> None:
    """Have transformers find the names of its models in a file of this folder, which the first import writes."""
    if _LOOKS not in sys.modules and not any(isinstance(finder, _Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder(cache))


class _Finder:
    """Gives the one module that looks another way to do so, as soon as it is there; nothing else calls it earlier."""

    def __init__(self, cache: Path) -> None:
        self._cache = cache

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != _LOOKS:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def exec_module(module: Any) -> None:
                execute(module)
                models = Path(module.__file__).parents[1] / "models"
                module.create_import_structure_from_path = _remembering(
                    module.create_import_structure_from_path, models, self._cache
                )

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


def _remembering(look: Look, models: Path, cache: Path) -> Look:
    """The same function, which looks into the folder of all models only where nothing is remembered of it."""

    def names(path: str | Path) -> dict[Any, Any]:
        at = Path(path)
        folder = at if at.is_dir() else at.parent
        if folder != models:
            return look(path)
        stat = (models / "__init__.py").stat()
        stamp = (str(models), stat.st_mtime_ns, stat.st_size, models.stat().st_mtime_ns)
        file = cache / f"transformers.{_SUFFIX}"
        with suppress(OSError, ValueError, EOFError, TypeError):
            written, remembered = marshal.loads(file.read_bytes())  # noqa: S302  (as Python reads its bytecode)
            if written == stamp:
                return dict(remembered)
        found = look(path)
        with suppress(OSError):  # the next start looks again
            cache.mkdir(parents=True, exist_ok=True)
            made = cache / f".{file.name}.{os.getpid()}"
            made.write_bytes(marshal.dumps((stamp, found)))
            made.replace(file)
        return found

    return names
