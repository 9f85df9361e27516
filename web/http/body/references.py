"""Objects that refer to an image: what OpenAI's JSON bodies have in the place of an upload."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from tasks.values.errors import InvalidValue

FIELDS = ("image_url", "file_id")
_IDS = ("file-", "blob_")


class Reference(NamedTuple):
    """An address, a data URL or an id, and the path of the field that holds it."""

    target: str
    param: str


def target(value: object) -> object:
    """What a value refers to, before it is checked; a value that is not such an object is itself what it means."""
    if not isinstance(value, Mapping):
        return value
    return next((value[name] for name in FIELDS if value.get(name) is not None), None)


def read(value: Mapping[str, object], param: str) -> Reference:
    """A checked reference; InvalidValue names the field below `param`."""
    given = [name for name, one in value.items() if one is not None]
    for name in given:
        if name not in FIELDS:
            raise InvalidValue(f"'{name[:64]}' is unknown here; send 'image_url' or 'file_id'", param=param)
    if len(given) != 1:
        raise InvalidValue(f"'{param}' must hold one of 'image_url' and 'file_id'", param=param)
    (name,) = given
    sent, place = value[name], f"{param}.{name}"
    if not isinstance(sent, str):
        raise InvalidValue(f"'{place}' must be a string", param=place)
    if (name == "file_id") != sent.startswith(_IDS):
        kind = "the id of a file or a blob" if name == "file_id" else "a URL or a data URL; an id belongs in 'file_id'"
        raise InvalidValue(f"'{place}' must be {kind}", param=place)
    return Reference(sent, place)
