"""What a worker takes of the memory, and what is too much of it."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxq.entries.model_entry import GIB

PART = 0.8  # of the machine's memory that a worker may take where its device recommends nothing
_BEYOND = 1.1  # times the soft mark is the hard one
_STATM = Path("/proc/self/statm")
_FOOTPRINT = 16 + 7 * 8  # where `ri_phys_footprint` stands in macOS' `rusage_info_v0`
_RUSAGE_INFO_V0 = 0


@dataclass(frozen=True)
class Marks:
    """Bytes beyond which a worker takes nothing more and drops its caches, and beyond which it starts anew."""

    soft: int
    hard: int

    @classmethod
    def of(cls, limit: int | None) -> Marks:
        """The marks of a configured limit; without one of what the device recommends, once MLX is loaded."""
        soft = limit or recommended() or int(PART * physical())
        return cls(soft, int(_BEYOND * soft))

    def exceeded(self, taken: int) -> str:
        """Why a worker that has taken this many bytes starts anew."""
        return f"its process took {taken / GIB:.2f} GiB of memory, more than {self.hard / GIB:.2f} GiB (memory_limit)"


def held() -> int:
    """Bytes that MLX holds in this process, for arrays and for later ones; 0 where it is not loaded."""
    mx = _mlx()
    return 0 if mx is None else int(mx.get_active_memory() + mx.get_cache_memory())


def taken() -> int:
    """Bytes of the machine's memory that this process takes, those of its device among them."""
    return max(held(), _footprint())


def recommended() -> int:
    """Bytes that the device recommends to use; 0 where it does not say, or MLX is not loaded."""
    mx = _mlx()
    return 0 if mx is None else int(mx.device_info().get("max_recommended_working_set_size") or 0)


def physical() -> int:
    """Bytes of the machine's memory."""
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def wire() -> None:
    """Keep what the device recommends to use from being paged out, where a device can (Metal, macOS 15 and later)."""
    mx = _mlx()
    if mx is not None and mx.metal.is_available() and (nbytes := recommended()):
        mx.set_wired_limit(nbytes)


def clear() -> None:
    """Give back what MLX keeps for later arrays."""
    mx = _mlx()
    if mx is not None:
        mx.clear_cache()


def _mlx() -> Any:
    """MLX if this process has loaded it."""
    mx = sys.modules.get("mlx.core")
    return mx if hasattr(mx, "clear_cache") else None  # it may be amid its import


def _footprint() -> int:
    """Bytes that the system counts as this process', as Activity Monitor shows them; 0 where it does not say."""
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    system = ctypes.CDLL(None)
    if not hasattr(system, "proc_pid_rusage"):
        return 0
    info = ctypes.create_string_buffer(512)
    if system.proc_pid_rusage(os.getpid(), _RUSAGE_INFO_V0, info):
        return 0
    (footprint,) = struct.unpack_from("<Q", info.raw, _FOOTPRINT)
    return int(footprint)
