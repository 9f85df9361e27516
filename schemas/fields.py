"""How a body is checked: every field is honoured, accepted because it changes nothing here, or refused by name.

A schema's marshmallow fields are the honoured ones; its `ACCEPTED` and `REFUSED` tables are the others. The documents'
tables and the OpenAPI document (`schemas/openapi.py`) are made from the same three.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sized
from functools import cache
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, TypeAlias

from marshmallow import RAISE, Schema, ValidationError, fields, pre_load
from marshmallow.validate import OneOf

MAX_NESTING = 32
Code: TypeAlias = Literal["invalid_value", "unsupported_parameter", "unknown_parameter"]
Support: TypeAlias = Literal["honoured", "accepted", "refused"]


class Problem(NamedTuple):
    """What is wrong with one field of a body; `param` is its path, as in `messages[0].content`."""

    code: Code
    message: str
    param: str | None


class Row(NamedTuple):
    """One line of the documents' table: a field, how far it is supported, and at which values it is always taken."""

    name: str
    support: Support
    taken: tuple[Any, ...] = ()


class _Refusal(NamedTuple):
    code: Code
    message: str


class Body(Schema):
    """Base of every body: an optional field that is null counts as absent, an unknown one is refused."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset()  # change nothing here, whatever their value
    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {}  # would change the answer, unless null or one of these

    class Meta:
        unknown = RAISE

    @pre_load
    def sort_out(self, data: Any, **_: Any) -> Any:
        """Drop what changes nothing, refuse by name what is not honoured."""
        if not isinstance(data, Mapping):
            return data
        kept = {}
        for name, value in data.items():
            if name not in self.fields and name not in self.ACCEPTED and name not in self.REFUSED:
                raise ValidationError([_Refusal("unknown_parameter", self._unknown(name))], field_name=name)
            if value is None or name in self.ACCEPTED:
                continue
            if name in self.fields:
                kept[name] = value
            elif not any(_same(value, taken) for taken in self.REFUSED[name]):
                refusal = _Refusal("unsupported_parameter", f"'{name}' is not supported here; leave it out")
                raise ValidationError([refusal], field_name=name)
        return kept

    def _unknown(self, name: str) -> str:
        near = difflib.get_close_matches(name, [row.name for row in rows(type(self))], n=1, cutoff=0.5)
        return f"unknown field '{name}'" + (f"; did you mean '{near[0]}'?" if near else "")


class Shapes(Protocol):
    """Tells the JSON schemas of what a field is made of."""

    def field(self, field: fields.Field[Any]) -> dict[str, Any]:
        """The JSON schema of a field's value."""

    def body(self, schema: type[Body]) -> dict[str, Any]:
        """A reference to the JSON schema of an object."""


# A field of ours that apispec cannot know has a method `shape`, which adds to what is known of its marshmallow class.


def rows(schema: type[Body]) -> Iterator[Row]:
    """The table of a schema: its honoured fields, the required ones first, those without effect, those refused."""
    for name, _ in sorted(schema._declared_fields.items(), key=lambda item: not item[1].required):
        yield Row(name, "honoured")
    for name in sorted(schema.ACCEPTED):
        yield Row(name, "accepted")
    for name, taken in schema.REFUSED.items():
        yield Row(name, "refused", taken)


def problem(error: ValidationError) -> Problem:
    """The first thing that is wrong with a body."""
    path, leaf = _first(error.normalized_messages())  # type: ignore[no-untyped-call]
    if isinstance(leaf, _Refusal):
        return Problem(leaf.code, leaf.message, path)
    return Problem("invalid_value", f"'{path}': {leaf}" if path else str(leaf), path)


def _first(messages: Any) -> tuple[str | None, Any]:
    path = ""
    while isinstance(messages, dict):
        key, messages = next(iter(messages.items()))
        if isinstance(key, int):
            path += f"[{key}]"
        elif key != "_schema":
            path += f".{key}" if path else str(key)
    return path or None, messages[0] if isinstance(messages, list) else messages


def _same(value: Any, taken: Any) -> bool:
    """Equality that keeps `true` and `1` apart, as JSON does."""
    return isinstance(value, bool) == isinstance(taken, bool) and bool(value == taken)


class Text(fields.String):
    """A string; an empty one says nothing and is refused."""

    default_error_messages = {  # noqa: RUF012  (marshmallow's own way to add messages)
        "required": "this field is required.",
        "blank": "must not be empty.",
    }

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        text = super()._deserialize(value, attr, data, **kwargs)
        if not text:
            raise self.make_error("blank")
        return str(text)

    def shape(self, _: Shapes) -> dict[str, Any]:
        """At least one character."""
        return {"minLength": 1}


class Number(fields.Float):
    """A JSON number; a string of digits is none."""

    def _validated(self, value: Any) -> float:
        if isinstance(value, str):
            raise self.make_error("invalid")
        return float(super()._validated(value))


class Count(fields.Integer):
    """A JSON integer, or a number that equals one."""

    def _validated(self, value: Any) -> int:
        if isinstance(value, (str, bool)) or (isinstance(value, float) and not value.is_integer()):
            raise self.make_error("invalid")
        return int(value) if isinstance(value, (int, float)) else int(super()._validated(value))


class Flag(fields.Boolean):
    """true or false, and nothing that only looks like them."""

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Upload(fields.Raw):
    """An upload of a form; in JSON a URL, a data URL, or the id of a file or a blob."""

    def shape(self, _: Shapes) -> dict[str, Any]:
        """What stands in JSON."""
        return {"type": "string", "minLength": 1}


class Items(fields.List[Any]):
    """A list of at most so many items; a longer one is refused before any of them is looked at."""

    def __init__(self, inner: fields.Field[Any], most: int, **kwargs: Any) -> None:
        super().__init__(inner, **kwargs)
        self._most = most

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> list[Any]:
        if isinstance(value, list):
            short(value, self._most)
        return super()._deserialize(value, attr, data, **kwargs)

    def shape(self, _: Shapes) -> dict[str, Any]:
        """So many items at most."""
        return {"maxItems": self._most}


class Entries(fields.Dict):
    """A JSON object of at most so many entries, whose problems are told of the entry's name: `metadata.colour`."""

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
            found = {str(name): next(iter(wrong.values())) for name, wrong in error.messages.items()}
            raise ValidationError(found) from None

    def shape(self, shapes: Shapes) -> dict[str, Any]:
        """So many entries at most, and what they may be called."""
        named = shapes.field(self.key_field) if self.key_field is not None else {}
        return {"maxProperties": self._most, "propertyNames": named}


class ByType(fields.Field[dict[str, Any]]):
    """An object whose `type` says which schema reads it; a type that none reads is refused by name."""

    def __init__(self, bodies: Mapping[str, type[Body]]) -> None:
        super().__init__()
        self._bodies = bodies

    def _deserialize(
        self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any
    ) -> dict[str, Any]:
        kind = value.get("type") if isinstance(value, Mapping) else None
        if not isinstance(kind, str):
            raise ValidationError("must be an object with a 'type'.")
        if kind not in self._bodies:
            known = " or ".join(f"'{name}'" for name in self._bodies)
            raise ValidationError({"type": [f"'{kind}' is not supported; use {known}."]})
        return loaded(self._bodies[kind], value)

    def shape(self, shapes: Shapes) -> dict[str, Any]:
        """One of the objects; each says its type itself."""
        objects = [shapes.body(body) for body in dict.fromkeys(self._bodies.values())]
        return {"oneOf": objects} if len(objects) > 1 else objects[0]


def about(text: str) -> dict[str, str]:
    """The `metadata` of a field that its name does not explain."""
    return {"description": text}


def kind(*names: str) -> fields.String:
    """The `type` of an object that `ByType` reads under these names."""
    return fields.String(required=True, validate=OneOf(names))


def loaded(schema: type[Body], value: Any) -> dict[str, Any]:
    """What a schema makes of a value; raises ValidationError."""
    return dict(_made(schema).load(value))


@cache
def _made(schema: type[Body]) -> Body:
    return schema()  # which takes longer than to load with it, and is the same for every value and thread


def short(value: Sized, most: int) -> None:
    """Refuse what has too many items."""
    if len(value) > most:
        raise ValidationError(f"has {len(value)} items; at most {most} are taken.")


def shallow(value: Any, levels: int = MAX_NESTING) -> None:
    """Refuse what nests so deeply that not everyone who reads the stored job, or shows the template, could follow."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if inner and not levels:
        raise ValidationError(f"nests more than {MAX_NESTING} levels deep.")
    for one in inner:
        shallow(one, levels - 1)


class Call(Body):
    """Base of what asks a model for something."""

    model = Text(required=True)
