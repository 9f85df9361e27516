"""The variables of the environment that settings are read from, and how each one's text becomes a value."""

from __future__ import annotations

import base64
import ipaddress
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta

from mlxq.checks import read
from mlxq.ranges import LogLevel, Port, Positive

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*((?:[KMGT]i?)?B?)", re.IGNORECASE)
_UNITS = {"": 1, "B": 1} | {
    letter + unit: base**power
    for power, letter in enumerate("KMGT", 1)
    for unit, base in (("", 1024), ("B", 1000), ("IB", 1024), ("I", 1024))
}


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
    hosts = tuple(host.strip("[]") for host in _keys(text.lower()))
    if any("/" in host or host.count(":") == 1 for host in hosts):
        raise ValueError("must be names as in 'mlxq.example.com' or '*.example.com', without scheme and port")
    return hosts


def _origins(text: str) -> tuple[str, ...]:
    origins = _keys(text.lower())
    if not all(origin in ("*", "null") or "://" in origin for origin in origins):
        raise ValueError("must be origins as in 'https://chat.example.com', or '*'")
    return tuple(origin.rstrip("/") for origin in origins)


def _networks(text: str) -> tuple[str, ...]:
    networks = _keys(text)
    for network in networks:
        if network != "*":
            ipaddress.ip_network(network)  # says itself what is wrong with one
    return networks


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
    "web_processes": ("MLXQ_WEB_PROCESSES", read(Annotated[int, Meta(ge=1)])),
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
