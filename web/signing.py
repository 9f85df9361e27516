"""Links that work without a key: signed, and only until a time."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from functools import cache
from pathlib import Path

from itsdangerous import BadSignature, URLSafeSerializer

from mlxq.settings import Settings
from tasks.errors import NotFound
from tasks.requests import BlobRef

_SALT = "mlxq.picture"
_FILE = "secret"


def sign(settings: Settings, ref: BlobRef, until: int) -> str:
    """A token for the bytes of `ref` that works until `until`, in milliseconds since the epoch."""
    token: str | bytes = _serializer(settings).dumps([ref.sha256, ref.size, ref.type, until])
    return token if isinstance(token, str) else token.decode()


def read(settings: Settings, token: str, now: int) -> BlobRef:
    """What a token is for; NotFound when it is not ours or its time is over."""
    try:
        sha256, size, kind, until = _serializer(settings).loads(token)
    except BadSignature:
        raise NotFound("this link was not made here") from None
    if now >= until:
        raise NotFound("this link has expired")
    return BlobRef(sha256, size, kind)


def _serializer(settings: Settings) -> URLSafeSerializer:
    return URLSafeSerializer(settings.secret or _kept(settings.home), salt=_SALT)


@cache
def _kept(home: Path) -> str:
    """The secret of this installation, made by whoever needs it first."""
    path = home / _FILE
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=home, prefix=f".{_FILE}")  # readable by its owner only
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(32))
        with contextlib.suppress(FileExistsError):  # another process was first
            os.link(name, path)
        Path(name).unlink()
    return path.read_text()
