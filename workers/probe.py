"""`python -m workers.probe`: what MLX computes on here, and how fast, as a JSON object on standard output."""

from __future__ import annotations

import json
import time
from pathlib import Path

from workers import blas

blas.preload()

import mlx.core as mx  # noqa: E402 - after the BLAS

_SIDE = 2048  # of the matrices
_ROUNDS = 5


def main() -> None:
    """Say what there is, for `mlxq doctor`."""
    metal, info = mx.metal.is_available(), mx.device_info()
    report = {
        "device": str(info.get("device_name") or info.get("architecture") or "the CPU"),
        "metal": metal,
        "gflops": round(_gflops(), 1),
        "blas": None if metal else ", ".join(Path(path).name for path in blas.loaded()) or None,
        "recommended": info.get("max_recommended_working_set_size"),
    }
    print(json.dumps(report))  # noqa: T201


def _gflops() -> float:
    """Of a product of two float32 matrices, the fastest of a few."""
    left, right = (mx.random.normal((_SIDE, _SIDE)) for _ in range(2))
    mx.eval(left, right)
    fastest = float("inf")
    for _ in range(_ROUNDS):
        began = time.perf_counter()
        mx.eval(left @ right)
        fastest = min(fastest, time.perf_counter() - began)
    return 2 * _SIDE**3 / fastest / 1e9


if __name__ == "__main__":
    main()
