"""OpenBLAS for MLX on the CPU."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib import metadata

import structlog

# cmeel-openblas is the newer one, but wants the system's libgfortran.so.5; opencv-python brings its own along.
_LIBRARIES = (("cmeel-openblas", "libopenblas.so.0"), ("opencv-python", "libopenblas*.so*"))
# More threads than this gain nothing for the small models one runs on a CPU, and several workers share the machine.
_MOST_THREADS = 4
_loaded: list[ctypes.CDLL] = []


def preload() -> None:
    """Have MLX find OpenBLAS before the reference BLAS it ships with, 30 times slower in float32.

    Call before the first `import mlx.core`. Where no installed wheel holds OpenBLAS (macOS, whose BLAS is
    Accelerate) there is nothing to do. OPENBLAS_NUM_THREADS is respected when it is set.
    """
    if _loaded:
        return
    logger = structlog.get_logger()
    failures = []
    for path in _candidates():
        if "mlx.core" in sys.modules:
            logger.warning("blas_preload_too_late", hint="call workers.blas.preload() before importing mlx")
            return
        os.environ.setdefault("OPENBLAS_NUM_THREADS", str(min(_cpus(), _MOST_THREADS)))
        try:
            # RTLD_GLOBAL puts its cblas_* symbols in front of those in MLX's own libraries, without LD_PRELOAD,
            # which children would inherit.
            _loaded.append(ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL))
        except OSError as error:
            failures.append(str(error))
            continue
        return
    if failures:
        logger.warning("blas_not_loaded", errors=failures, hint="MLX is slow without OpenBLAS; install libgfortran5")


def _candidates() -> Iterator[str]:
    for package, pattern in _LIBRARIES:
        try:
            files = metadata.files(package) or []
        except metadata.PackageNotFoundError:
            continue
        yield from (str(file.locate()) for file in files if fnmatch(file.name, pattern))


def _cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
