"""Settings from the environment: frozen, and checked before anything starts."""

from __future__ import annotations

import base64
import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, TypeVar
from urllib.parse import quote
from zlib import crc32

from msgspec import Meta

from mlxq.checks import read
from mlxq.parent import STARTED_BY_MANAGER
from mlxq.ranges import SAMPLING, LogLevel, Port, Positive

T = TypeVar("T")
_SOCKET_PATH = 103  # bytes; macOS has room for 104 with a zero at the end, Linux for 108
_UNSHOWN = frozenset({"MLXQ_ADMIN_KEY", "MLXQ_WEBHOOK_SECRET"})
_HONCHO_PORT = "5000"  # what honcho sets when nobody chose a port; MLXQ_PORT=5000 asks for it all the same
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*((?:[KMGT]i?)?B?)", re.IGNORECASE)
_UNITS = {"": 1, "B": 1} | {
    letter + unit: base**power
    for power, letter in enumerate("KMGT", 1)
    for unit, base in (("", 1024), ("B", 1000), ("IB", 1024), ("I", 1024))
}


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
    """How this installation runs; each field is read from the variable that `VARIABLES` names.

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
            if found := _variable(environ, variable):
                given[name] = _read(*found, reader)
            elif file and file.get(name) is not None:
                given[name] = from_file(name, file[name])
        for name, kind in SAMPLING.items():
            if found := _variable(environ, DEFAULT + name.upper()):
                given.setdefault("defaults", {})[name] = _read(*found, read(kind))
        given["redis_external"] = "redis_url" in given
        if not given["redis_external"]:
            port = _variable(environ, "MLXQ_REDIS_PORT")
            given["redis_url"] = local_redis(given.get("home", cls.home), _read(*port, read(Port)) if port else None)
        if "webhook_url" in given and "webhook_secret" not in given:
            raise SettingsError("MLXQ_WEBHOOK_URL needs MLXQ_WEBHOOK_SECRET, which signs what is sent there")
        if given.get("admin_key") in given.get("api_keys", ()):
            raise SettingsError("MLXQ_ADMIN_KEY is one of MLXQ_API_KEYS; who makes calls must not administer others'")
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

        Stored keys do not count: they are known only once the queue answers. Whoever makes some has an admin key.
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


def _bytes(text: str) -> int:
    """A number of bytes, as `24GiB` or `24 GB` too."""
    size = _SIZE.fullmatch(text.strip())
    nbytes = round(float(size[1]) * _UNITS[size[2].upper()]) if size else 0
    if nbytes < 1:
        raise ValueError("must be a number of bytes, as 24000000000, '24GB' or '24GiB'")
    return nbytes


def _flag(text: str) -> bool:
    if text.lower() not in ("0", "1", "true", "false", "yes", "no"):
        raise ValueError("must be 1 or 0")
    return text.lower() in ("1", "true", "yes")


def _level(text: str) -> str:
    return str(read(LogLevel)(text.upper()))


def _log_format(text: str) -> str:
    if text.lower() not in ("auto", "console", "json"):
        raise ValueError("must be auto, console or json")
    return text.lower()


def _special_tokens(text: str) -> str:
    if text.lower() not in ("text", "parse"):
        raise ValueError("must be text or parse")
    return text.lower()


def _url(text: str) -> str:
    if not text.startswith(("redis://", "rediss://", "unix://")):
        raise ValueError("must start with redis://, rediss:// or unix://")
    return text


def _receiver(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError("must start with http:// or https://")
    return text


def _secret(text: str) -> str:
    try:
        size = len(base64.b64decode(text.removeprefix("whsec_"), validate=True))
    except ValueError:
        size = 0
    if not text.startswith("whsec_") or not 24 <= size <= 64:
        raise ValueError("must be whsec_ and 24 to 64 bytes in base64")
    return text


def _path(text: str) -> Path:
    return Path(text).expanduser()


def _keys(text: str) -> tuple[str, ...]:
    return tuple(key.strip() for key in text.split(",") if key.strip())


def _admin_key(text: str) -> str:
    if len(text) < 16 or "," in text:
        raise ValueError("must have at least 16 characters and no comma; `openssl rand -hex 32` makes one")
    return text


def _hosts(text: str) -> tuple[str, ...]:
    found = tuple(host.strip("[]") for host in _keys(text.lower()))
    if any("/" in host or host.count(":") == 1 for host in found):
        raise ValueError("must be names as in 'mlxq.example.com' or '*.example.com', without scheme and port")
    return found


def _origins(text: str) -> tuple[str, ...]:
    found = _keys(text.lower())
    if not all(origin in ("*", "null") or "://" in origin for origin in found):
        raise ValueError("must be origins as in 'https://chat.example.com', or '*'")
    return tuple(origin.rstrip("/") for origin in found)


def _networks(text: str) -> tuple[str, ...]:
    found = _keys(text)
    for network in found:
        if network != "*":
            ipaddress.ip_network(network)  # says itself what is wrong with one
    return found


def _treatment(text: str) -> str:
    if text.lower() not in ("ignore", "refuse"):
        raise ValueError("must be ignore or refuse")
    return text.lower()


DEFAULT = "MLXQ_DEFAULT_"  # and the name of a sampling setting
VARIABLES: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "redis_url": ("REDIS_URL", _url),
    "namespace": ("MLXQ_NAMESPACE", str),
    "home": ("MLXQ_HOME", _path),
    "cache": ("MLXQ_CACHE", _path),
    "config": ("MLXQ_CONFIG", _path),
    "host": ("MLXQ_HOST", str),
    "port": ("PORT", read(Port)),
    "api_keys": ("MLXQ_API_KEYS", _keys),
    "admin_key": ("MLXQ_ADMIN_KEY", _admin_key),
    "allow_unauthenticated": ("MLXQ_ALLOW_UNAUTHENTICATED", _flag),
    "result_ttl": ("MLXQ_RESULT_TTL", read(Positive)),
    "max_result_ttl": ("MLXQ_MAX_RESULT_TTL", read(Positive)),
    "sync_ttl": ("MLXQ_SYNC_TTL", read(Positive)),
    "batch_ttl": ("MLXQ_BATCH_TTL", read(Annotated[int, Meta(ge=3600)])),
    "response_ttl": ("MLXQ_RESPONSE_TTL", read(Positive)),
    "batch_window": ("MLXQ_BATCH_WINDOW", read(Positive)),
    "timeout": ("MLXQ_TIMEOUT", read(Positive)),
    "start_wait": ("MLXQ_START_WAIT", read(Annotated[float, Meta(ge=0)])),
    "max_attempts": ("MLXQ_MAX_ATTEMPTS", read(Positive)),
    "worker_lease": ("MLXQ_WORKER_LEASE", read(Annotated[float, Meta(ge=0.5)])),
    "drain": ("MLXQ_DRAIN", read(Annotated[float, Meta(ge=0)])),
    "stall": ("MLXQ_STALL", read(Annotated[float, Meta(ge=1)])),
    "max_body_bytes": ("MLXQ_MAX_BODY_BYTES", read(Positive)),
    "max_upload_bytes": ("MLXQ_MAX_UPLOAD_BYTES", read(Positive)),
    "web_threads": ("MLXQ_WEB_THREADS", read(Annotated[int, Meta(ge=4)])),
    "client_timeout": ("MLXQ_CLIENT_TIMEOUT", read(Annotated[float, Meta(ge=0.5)])),
    "allowed_hosts": ("MLXQ_ALLOWED_HOSTS", _hosts),
    "allowed_origins": ("MLXQ_ALLOWED_ORIGINS", _origins),
    "cors_origins": ("MLXQ_CORS_ORIGINS", _origins),
    "trusted_proxies": ("MLXQ_TRUSTED_PROXIES", _networks),
    "log_level": ("MLXQ_LOG_LEVEL", _level),
    "log_file": ("MLXQ_LOG_FILE", _path),
    "no_log_file": ("MLXQ_NO_LOG_FILE", _flag),
    "log_format": ("MLXQ_LOG_FORMAT", _log_format),
    "webhook_url": ("MLXQ_WEBHOOK_URL", _receiver),
    "webhook_secret": ("MLXQ_WEBHOOK_SECRET", _secret),
    "webhook_allow_private": ("MLXQ_WEBHOOK_ALLOW_PRIVATE", _flag),
    "media_allow_private": ("MLXQ_MEDIA_ALLOW_PRIVATE", _flag),
    "unknown_fields": ("MLXQ_UNKNOWN_FIELDS", _treatment),
    "shared_cache": ("MLXQ_SHARED_CACHE", _flag),
    "special_tokens": ("MLXQ_SPECIAL_TOKENS", _special_tokens),
    "memory_budget": ("MLXQ_MEMORY_BUDGET", _bytes),
    "model_dir": ("MLXQ_MODEL_DIR", _path),
    "secret": ("MLXQ_SECRET", str),
}
