"""OpenBLAS for MLX on the CPU."""

from __future__ import annotations

import ctypes
import os
import sys
from importlib import metadata

import structlog

_PACKAGE = "cmeel-openblas"
_LIBRARY = "libopenblas.so.0"
# More threads than this gain nothing for the small models one runs on a CPU, and several workers share the machine.
_MOST_THREADS = 4


def preload() -> None:
    """Have MLX find OpenBLAS before the reference BLAS it ships with, 30 to 60 times slower in float32.

    Call before the first `import mlx.core`. Where the `cmeel-openblas` wheel is not installed (macOS, whose BLAS is
    Accelerate) there is nothing to do. OPENBLAS_NUM_THREADS is respected when it is set.
    """
    library = _library()
    if library is None:
        return
    if "mlx.core" in sys.modules and library not in _loaded:
        structlog.get_logger().warning("blas_preload_too_late", hint="call workers.blas.preload() before importing mlx")
        return
    os.environ.setdefault("OPENBLAS_NUM_THREADS", str(min(_cpus(), _MOST_THREADS)))
    if library not in _loaded:
        # RTLD_GLOBAL puts its cblas_* symbols in front of those in MLX's own libraries, without LD_PRELOAD, which
        # children would inherit.
        _loaded[library] = ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL)


_loaded: dict[str, ctypes.CDLL] = {}


def _library() -> str | None:
    try:
        files = metadata.files(_PACKAGE) or []
    except metadata.PackageNotFoundError:
        return None
    for file in files:
        if file.name == _LIBRARY:
            return str(file.locate())
    return None


def _cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
