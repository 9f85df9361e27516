"""Fields that a request holds and nobody here knows: told in the answer's head, and once a name and key in the log."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import structlog
from flask import Flask, Response, g
from marshmallow import ValidationError

from schemas.fields import Body, Checked, checked
from web import identity
from web.http.errors import path, validation
from web.identity import Caller

HEADER = "X-Ignored-Fields"
_INDEX = re.compile(r"\[\d+\]")
_PLAIN = "[]._-"  # what is written as it is, beside letters and digits
log = structlog.get_logger()


def read(schema: type[Body], value: Any) -> dict[str, Any]:
    """What a schema makes of what the current request holds, whose answer will say what of it is ignored.

    Raises a JobError that names the field that is wrong.
    """
    result = check(identity.current(), schema, value)
    tell(result.ignored)
    return result.data


def check(caller: Caller, schema: type[Body], value: Any, within: str = "") -> Checked:
    """What a schema makes of a caller's body, which stands `within` a field of another if given.

    With MLXQ_UNKNOWN_FIELDS=refuse nothing of it is ignored. Raises a JobError that names the field that is wrong.
    """
    try:
        result = checked(schema, value, strict=caller.gateway.settings.unknown_fields == "refuse")
    except ValidationError as error:
        raise validation(error, within) from None
    for place in result.ignored:
        _note(caller.owner, _INDEX.sub("[]", place))
    return result


def tell(places: Iterable[str], within: str = "") -> None:
    """Have the answer to the current request say what of it is ignored."""
    g.ignored = (*g.get("ignored", ()), *(str(path(within, place)) for place in places))


@lru_cache(maxsize=4096)
def _note(owner: str, name: str) -> None:
    """Write to the log what is ignored; what was written lately is not again."""
    log.info("a field that nobody here knows is ignored", field=name, owner=owner)


def register(app: Flask) -> None:
    """Say in every answer what of its request was ignored."""

    @app.after_request
    def show(response: Response) -> Response:
        if ignored := g.get("ignored"):
            response.headers[HEADER] = ", ".join(quote(place, safe=_PLAIN) for place in ignored)
        return response
