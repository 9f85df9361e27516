"""Fields that hold other values: lists, objects, and objects of which there are several kinds."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from typing import Any

from marshmallow import ValidationError, fields
from marshmallow.validate import OneOf

from schemas.fields import Body, Shapes, loaded

MAX_NESTING = 32


class Items(fields.List[Any]):
    """A list of at most `most` items; a longer one is refused before any of them is looked at."""

    def __init__(self, inner: fields.Field[Any], most: int, **kwargs: Any) -> None:
        super().__init__(inner, **kwargs)
        self._most = most

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[Any]:
        if isinstance(value, list):
            short(value, self._most)
        return super()._deserialize(value, attr, data, **kwargs)

    def shape(self, _: Shapes) -> dict[str, Any]:
        """At most `most` items."""
        return {"maxItems": self._most}


class Entries(fields.Dict):
    """A JSON object of at most `most` entries, whose problems are told of the entry's name: `metadata.colour`."""

    def __init__(self, most: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._most = most

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Any:
        if isinstance(value, Mapping):
            short(value, self._most)
        try:
            return super()._deserialize(value, attr, data, **kwargs)  # type: ignore[no-untyped-call]
        except ValidationError as error:
            if not isinstance(error.messages, dict):
                raise
            messages = {str(name): next(iter(wrong.values())) for name, wrong in error.messages.items()}
            raise ValidationError(messages) from None

    def shape(self, shapes: Shapes) -> dict[str, Any]:
        """So many entries at most, and what they may be called."""
        named = shapes.field(self.key_field) if self.key_field is not None else {}
        return {"maxProperties": self._most, "propertyNames": named}


class ByType(fields.Field[dict[str, Any]]):
    """An object whose `type` (or another `key`), or else the usual one, says which schema reads it.

    Others are refused by name.
    """

    def __init__(
        self, bodies: Mapping[str, type[Body]], usual: str | None = None, key: str = "type", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self._bodies, self._usual, self._key = bodies, usual, key

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> dict[str, Any]:
        kind = value.get(self._key) or self._usual if isinstance(value, Mapping) else None
        if not isinstance(kind, str):
            raise ValidationError(f"must be an object with a '{self._key}'.")
        if kind not in self._bodies:
            known = " or ".join(f"'{name}'" for name in self._bodies)
            raise ValidationError({self._key: [f"'{kind}' is not supported; use {known}."]})
        return loaded(self._bodies[kind], value)

    def shape(self, shapes: Shapes) -> dict[str, Any]:
        """One of the objects; each says its type itself."""
        objects = [shapes.body(body) for body in dict.fromkeys(self._bodies.values())]
        return {"oneOf": objects} if len(objects) > 1 else objects[0]


def kind(*names: str, required: bool = True) -> fields.String:
    """The `type` of an object that `ByType` reads under these names."""
    return fields.String(required=required, validate=OneOf(names))


def short(value: Sized, most: int) -> None:
    """Refuse what has too many items."""
    if len(value) > most:
        raise ValidationError(f"has {len(value)} items; at most {most} are taken.")


def shallow(value: Any, levels: int = MAX_NESTING) -> None:
    """Reject a value that nests too deeply for every reader of the stored job, and for templates."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if inner and not levels:
        raise ValidationError(f"nests more than {MAX_NESTING} levels deep.")
    for one in inner:
        shallow(one, levels - 1)
