"""A fast BLAS is in the process before MLX asks for a BLAS. Each case is a process of its own: a library loads once."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import metadata

import pytest


def _installed(package: str) -> bool:
    return next(metadata.distributions(name=package), None) is not None


_MKL = sys.platform == "linux" and _installed("mkl")
_OPENBLAS = sys.platform == "linux" and (_installed("cmeel-openblas") or _installed("opencv-python"))
needs_blas = pytest.mark.skipif(not (_MKL or _OPENBLAS), reason="no installed wheel holds a BLAS here")
needs_openblas = pytest.mark.skipif(not _OPENBLAS, reason="no installed wheel holds OpenBLAS here")


def run(code: str, **variables: str) -> list[str]:
    environ = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"} | variables
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    return done.stdout.split("\n")


WHO = """
import ctypes
class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_char_p if "name" in name else ctypes.c_void_p) for name in ("name", "b", "sname", "d")]
info = Info()
found = ctypes.CDLL(None).cblas_sgemm
ctypes.CDLL(None).dladdr(ctypes.cast(found, ctypes.c_void_p), ctypes.byref(info))
print(info.name.decode())
"""


@needs_blas
def test_the_whole_process_finds_its_matrix_products_there() -> None:
    found = run(f"from workers import blas; blas.preload(); blas.preload(); import mlx.core{WHO}")[0]
    assert ("libmkl_rt" if _MKL else "openblas") in found


@needs_openblas
def test_without_the_first_it_is_the_next() -> None:
    code = f"from workers import blas; blas._LIBRARIES = blas._LIBRARIES[1:]; blas.preload(); import mlx.core{WHO}"
    assert any("openblas" in line for line in run(code))


@needs_blas
def test_the_number_of_threads_of_the_environment_is_respected() -> None:
    code = "import os; from workers import blas; blas.preload(); print(os.environ['OPENBLAS_NUM_THREADS'])"
    assert run(code, OPENBLAS_NUM_THREADS="1")[0] == "1"
    assert 1 <= int(run(code)[0]) <= 4


@needs_blas
def test_coming_too_late_is_said() -> None:
    assert "blas_preload_too_late" in run("import mlx.core; from workers import blas; blas.preload()")[0]


def test_without_any_there_is_nothing_to_do() -> None:
    code = (
        "from workers import blas; blas._LIBRARIES = ((('no-such-wheel', '*'),),); blas.preload(); print(blas._loaded)"
    )
    assert run(code)[0] == "[]"


@needs_blas
def test_a_library_that_does_not_load_is_passed_over_and_said() -> None:
    code = "from workers import blas; blas._LIBRARIES = ((('numpy', 'METADATA'),),); blas.preload()"
    assert "blas_not_loaded" in run(code)[0]
