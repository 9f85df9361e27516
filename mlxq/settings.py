"""Settings from the environment: frozen, and checked before anything starts."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote
from zlib import crc32

from mlxq.checks import read
from mlxq.exit_with_parent import STARTED_BY_MANAGER
from mlxq.ranges import SAMPLING, Port
from mlxq.variables import DEFAULT, VARIABLES

T = TypeVar("T")
_SOCKET_PATH = 103  # bytes; macOS has room for 104 with a zero at the end, Linux for 108
_UNSHOWN = frozenset({"MLXQ_ADMIN_KEY", "MLXQ_WEBHOOK_SECRET"})
_HONCHO_PORT = "5000"  # what honcho sets when nobody chose a port; MLXQ_PORT=5000 asks for it all the same


class SettingsError(Exception):
    """A variable of the environment holds what its setting cannot take."""


def local_redis(home: Path, port: int | None = None) -> str:
    """Where a Redis of ours listens: on a socket in its home, or on a TCP port of this machine.

    That is the chosen port or, where the socket's path is too long for the system, one that follows from the home.
    """
    path = os.fsencode(home.absolute() / "redis.sock")
    if port is None and len(path) <= _SOCKET_PATH:
        return f"unix://{quote(path)}?db=0"
    return f"redis://127.0.0.1:{port or 20_000 + crc32(path) % 10_000}/0"


@dataclass(frozen=True)
class Settings:
    """How this installation runs; each field is read from the variable that `variables.py` names.

    Durations are in seconds, sizes in bytes.
    """

    redis_url: str = field(default_factory=lambda: local_redis(Path("var")), repr=False)
    redis_external: bool = False  # REDIS_URL was given: somebody else runs that Redis
    namespace: str = "mlxq"
    home: Path = Path("var")
    cache: Path = field(default_factory=lambda: Path.home() / ".cache" / "mlxq")
    config: Path = Path("models.yaml")
    host: str = "127.0.0.1"
    port: int = 8000
    api_keys: tuple[str, ...] = field(default=(), repr=False)
    admin_key: str | None = field(default=None, repr=False)
    allow_unauthenticated: bool = False
    result_ttl: int = 86_400
    max_result_ttl: int = 30 * 86_400
    sync_ttl: int = 600
    batch_ttl: int = 2_592_000
    response_ttl: int = 2_592_000
    batch_window: int = 256
    timeout: int = 600
    start_wait: float = 60.0
    max_attempts: int = 3
    worker_lease: float = 5.0
    drain: float = 2.0
    stall: float = 120.0
    max_body_bytes: int = 32 * 1024 * 1024
    max_upload_bytes: int = 512 * 1024 * 1024
    web_processes: int = 1
    web_threads: int = 1024
    client_timeout: float = 60.0
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    trusted_proxies: tuple[str, ...] = ()
    log_level: str = "INFO"
    log_file: Path | None = None
    no_log_file: bool = False
    log_format: str = "auto"
    webhook_url: str | None = None
    webhook_secret: str | None = field(default=None, repr=False)
    webhook_allow_private: bool = False
    media_allow_private: bool = False
    unknown_fields: str = "ignore"
    shared_cache: bool = False
    special_tokens: str = "text"
    memory_budget: int | None = None
    model_dir: Path | None = None
    secret: str = field(default="", repr=False)
    defaults: Mapping[str, float] = field(default_factory=dict)  # sampling settings, from MLXQ_DEFAULT_…

    @classmethod
    def from_env(cls, environ: Mapping[str, str], file: Mapping[str, object] | None = None) -> Settings:
        """The settings that these variables give, and where they are silent those of a file (`host`, `port` …).

        SettingsError names the variable or the key that is wrong.
        """
        given: dict[str, Any] = {}
        for name, (variable, reader) in VARIABLES.items():
            if variable_text := _variable(environ, variable):
                given[name] = _read(*variable_text, reader)
            elif file and file.get(name) is not None:
                given[name] = from_file(name, file[name])
        for name, kind in SAMPLING.items():
            if variable_text := _variable(environ, DEFAULT + name.upper()):
                given.setdefault("defaults", {})[name] = _read(*variable_text, read(kind))
        given["redis_external"] = "redis_url" in given
        if not given["redis_external"]:
            port = _variable(environ, "MLXQ_REDIS_PORT")
            given["redis_url"] = local_redis(given.get("home", cls.home), _read(*port, read(Port)) if port else None)
        if "webhook_url" in given and "webhook_secret" not in given:
            raise SettingsError("MLXQ_WEBHOOK_URL needs MLXQ_WEBHOOK_SECRET, which signs what is sent there")
        if given.get("admin_key") in given.get("api_keys", ()):
            raise SettingsError(
                "MLXQ_ADMIN_KEY is one of MLXQ_API_KEYS; a key that makes calls must not administer others'"
            )
        return cls(**given)

    @property
    def log_to(self) -> Path | None:
        """The file that the log is written to as well."""
        return None if self.no_log_file else self.log_file

    @property
    def address(self) -> str:
        """Where to listen, as host:port with an IPv6 host in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def check_exposure(self) -> None:
        """Raises SettingsError when others could reach an API that asks for no key.

        Stored keys do not count: they are known only once the queue answers. To make some takes an admin key.
        """
        if not (self.api_keys or self.admin_key or self.allow_unauthenticated or loopback(self.host)):
            raise SettingsError(
                f"refusing to listen on {self.host} without authentication: set MLXQ_API_KEYS, or MLXQ_ADMIN_KEY, "
                "or say --allow-unauthenticated (MLXQ_ALLOW_UNAUTHENTICATED=1)"
            )


def from_file(name: str, value: object, label: str = "server.{}") -> Any:
    """A key of the models' file below `server:` as its setting has it; SettingsError says what is wrong with it.

    `label` is what the message calls a key of this name.
    """
    return _read(label.format(name), str(value), VARIABLES[name][1])


def _variable(environ: Mapping[str, str], variable: str) -> tuple[str, str] | None:
    text = environ.get(variable, "").strip()
    if variable == "PORT":
        if chosen := environ.get("MLXQ_PORT", "").strip():
            return "MLXQ_PORT", chosen
        if STARTED_BY_MANAGER in environ and text == _HONCHO_PORT:
            return None
    return (variable, text) if text else None


def _read(variable: str, text: str, reader: Callable[[str], T]) -> T:
    try:
        return reader(text.strip())
    except ValueError as error:
        shown = variable if variable in _UNSHOWN else f"{variable}={text!r}"
        raise SettingsError(f"{shown}: {error}") from None


def loopback(host: str) -> bool:
    """Whether a name or an address, without a port, is this machine's for itself."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
