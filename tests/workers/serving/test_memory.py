"""What a process takes of the memory is what the system says, and MLX where it is loaded."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.servers import ROOT
from workers.serving import memory

WITH_MLX = """
import mlx.core as mx
from workers.serving import memory
memory.wire()
before = memory.held()
array = mx.ones((1 << 20,), mx.float32)
mx.eval(array)
print(memory.held() - before >= 4 << 20, memory.taken() >= memory.held())
del array
memory.clear()
print(memory.held() - before < 4 << 20)
"""


def test_without_mlx_it_is_what_the_system_counts() -> None:
    code = (
        "from workers.serving import memory; print(memory.held(), memory.recommended(), memory.taken()); memory.clear()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    held, recommended, taken = map(int, done.stdout.split())
    assert (held, recommended) == (0, 0) and 1 << 20 < taken < memory.physical()


def test_what_grows_is_counted() -> None:
    code = (
        "from workers.serving.memory import taken; before = taken(); kept = b'1' * (64 << 20); print(taken() - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) > 60 << 20


def test_with_mlx_its_arrays_and_what_it_keeps_for_later_ones_count() -> None:
    pytest.importorskip("mlx.core")
    done = subprocess.run([sys.executable, "-c", WITH_MLX], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "True"]
