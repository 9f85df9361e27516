"""Links that work without a key: signed, and only until a time."""

from __future__ import annotations

from itsdangerous import BadSignature, URLSafeSerializer

from mlxq import home
from mlxq.settings import Settings
from tasks.values.blob_ref import BlobRef
from tasks.values.errors import NotFound

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
    return URLSafeSerializer(settings.secret or home.kept(settings.home, _FILE), salt=_SALT)
