"""A fast BLAS for MLX on Linux' CPUs: MKL on x86, else OpenBLAS."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib import metadata

import structlog

# Files of packages, loaded one after the other. At the few rows of a decoding step MKL is up to twice as fast as
# OpenBLAS, and with oneTBB several workers share the cores. cmeel-openblas is newer than what opencv-python brings
# along, but wants the system's libgfortran.so.5.
_LIBRARIES = (
    (("tbb", "libtbb.so.12"), ("mkl", "libmkl_rt.so*")),
    (("cmeel-openblas", "libopenblas.so.0"),),
    (("opencv-python", "libopenblas*.so*"),),
)
# More threads than this gain nothing for the small models one runs on a CPU, and several workers share the machine.
_MOST_THREADS = 4
_loaded: list[ctypes.CDLL] = []


def preload() -> None:
    """Have MLX find a fast BLAS before the reference BLAS it ships with, 30 times slower in float32.

    Call before the first `import mlx.core`. Where no installed wheel holds one (macOS, whose BLAS is Accelerate) there
    is nothing to do. OPENBLAS_NUM_THREADS and MKL_THREADING_LAYER are respected when they are set.
    """
    if _loaded:
        return
    logger = structlog.get_logger()
    failures = []
    for paths in _candidates():
        if "mlx.core" in sys.modules:
            logger.warning("blas_preload_too_late", hint="call workers.blas.preload() before importing mlx")
            return
        os.environ.setdefault("OPENBLAS_NUM_THREADS", str(min(_cpus(), _MOST_THREADS)))
        os.environ.setdefault("MKL_THREADING_LAYER", "TBB")
        try:
            # RTLD_GLOBAL puts their cblas_* symbols in front of those in MLX's own libraries, without LD_PRELOAD,
            # which children would inherit.
            _loaded.extend(ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL) for path in paths)
        except OSError as error:
            failures.append(str(error))
            continue
        return
    if failures:
        logger.warning("blas_not_loaded", errors=failures, hint="MLX is slow without MKL or OpenBLAS; install mkl")


def loaded() -> list[str]:
    """The files that were loaded."""
    return [library._name for library in _loaded]


def _candidates() -> Iterator[list[str]]:
    """The files of each library of which all are installed."""
    for parts in _LIBRARIES:
        libraries = [next(_files(package, pattern), None) for package, pattern in parts]
        if all(libraries):
            yield [path for path in libraries if path]


def _files(package: str, pattern: str) -> Iterator[str]:
    try:
        files = metadata.files(package) or []
    except metadata.PackageNotFoundError:
        return
    yield from (str(file.locate()) for file in files if fnmatch(file.name, pattern))


def _cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
