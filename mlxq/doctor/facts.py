"""What is known of a machine, its settings and what is installed; advice follows from these values and nothing else.

Sizes are in bytes. What is None could not be found out, or is not there.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct


class Machine(Struct, frozen=True, kw_only=True):
    """The hardware and its system; `version` is macOS' own, or the kernel's."""

    system: str
    version: str
    architecture: str
    memory: int
    cpus: int
    compiler: str | None = None


class Interpreter(Struct, frozen=True, kw_only=True):
    """The Python that runs mlxq, and whether it is translated by Rosetta."""

    version: str
    path: str
    translated: bool = False


class Compute(Struct, frozen=True, kw_only=True):
    """What MLX computes on, measured: `gflops` of a product of two large float32 matrices.

    `recommended` is what Metal says that a process should use at most; `wired` is the limit that somebody has set.
    """

    device: str
    metal: bool
    gflops: float
    blas: str | None = None
    recommended: int | None = None
    wired: int | None = None


class Queue(Struct, frozen=True, kw_only=True):
    """The queue's Redis: somebody else's, or ours, which runs or could be started from `binary`."""

    external: bool
    running: bool = False
    binary: str | None = None
    version: str | None = None
    policy: str | None = None
    append_only: bool | None = None
    used: int | None = None
    limit: int | None = None
    error: str | None = None


class Folder(Struct, frozen=True, kw_only=True):
    """A folder that files are kept in, and the room on its disk."""

    path: str
    free: int
    writable: bool = True
    holder: str | None = None


class Listening(Struct, frozen=True, kw_only=True):
    """Where the web listens; `error` says why it could not, `ours` that it is mlxq that does already."""

    address: str
    beyond: bool
    ours: bool = False
    error: str | None = None


class Keys(Struct, frozen=True, kw_only=True):
    """Who may call; `shortest` is the length of the shortest key of the environment."""

    count: int = 0
    shortest: int | None = None
    admin: bool = False
    unauthenticated: bool = False


class Models(Struct, frozen=True, kw_only=True):
    """The models' file, its models' types, and the weights that have to be in memory at once.

    Those count that are in folders of this machine: of every model that stays, and of the largest that comes on demand.
    """

    path: str
    count: int = 0
    types: tuple[str, ...] = ()
    weights: int = 0
    error: str | None = None


class Facts(Struct, frozen=True, kw_only=True):
    """All that advice is made of. `versions` are of packages by their names, `foreign` are variables of others."""

    machine: Machine
    python: Interpreter
    compute: Compute | None
    compute_error: str | None = None
    queue: Queue
    home: Folder
    hub: Folder
    listening: Listening
    files: int | None
    keys: Keys
    models: Models
    versions: Mapping[str, str | None]
    foreign: tuple[str, ...] = ()
    settings_error: str | None = None
