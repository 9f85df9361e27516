"""How a body is checked: every field is honoured, accepted because it changes nothing here, or refused by name.

A schema's marshmallow fields are the honoured ones; its `ACCEPTED`, `IGNORED` and `REFUSED` tables are the others. The
documents' tables and the OpenAPI document (`schemas/openapi.py`) are made from the same four. A field that stands in
none of them is a typo, which is refused with the name that was meant, or somebody else's, which is ignored and told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, lru_cache
from typing import Any, ClassVar, Literal, NamedTuple, Protocol, TypeAlias, get_args

from marshmallow import EXCLUDE, Schema, ValidationError, fields, post_load, pre_load, validates_schema
from marshmallow.validate import Range
from msgspec import Meta

from schemas import unknown
from schemas.unknown import MOST_NAMES, Ignored

Code: TypeAlias = Literal["invalid_value", "unsupported_parameter", "unknown_parameter"]
Support: TypeAlias = Literal["honoured", "accepted", "ignored", "refused"]
_SHOWN = 64  # characters of a name that nobody knows


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


class Checked(NamedTuple):
    """What a schema makes of a body, and where the fields stand that were ignored, the first ones of many."""

    data: dict[str, Any]
    ignored: tuple[str, ...]


class _Refusal(NamedTuple):
    code: Code
    message: str


class Body(Schema):
    """Base of every body: a field that is null counts as absent, and an unknown one is a typo or ignored."""

    ACCEPTED: ClassVar[frozenset[str]] = frozenset()  # change nothing here, whatever their value
    IGNORED: ClassVar[Mapping[str, tuple[Any, ...]]] = {}  # other servers' fields; at these values only, if any
    REFUSED: ClassVar[Mapping[str, tuple[Any, ...]]] = {}  # would change the answer, unless null or one of these
    STRICT: ClassVar[bool] = False  # unknown fields are refused, whatever the caller asked for
    ALIASES: ClassVar[Mapping[str, str]] = {}  # other names of fields; a value stands under both

    class Meta:
        unknown = EXCLUDE

    @pre_load
    def sort_out(self, data: Any, **_: Any) -> Any:
        """Drop what changes nothing, note what is ignored, refuse typos and what is not honoured by name."""
        if not isinstance(data, Mapping):
            return data
        kept, ignored = {}, unknown.current()
        for name, value in data.items():
            if value is None or name in self.ACCEPTED:
                continue
            if name in self.fields:
                kept[name] = value
            elif name in self.REFUSED:
                self._refuse_unless(self.REFUSED[name], name, value)
            else:
                if taken := self.IGNORED.get(name):
                    self._refuse_unless(taken, name, value)
                self._ignore(name, data, ignored)
        return kept

    @staticmethod
    def _refuse_unless(taken: tuple[Any, ...], name: str, value: Any) -> None:
        if not any(_same(value, one) for one in taken):
            refusal = _Refusal("unsupported_parameter", f"'{name}' is not supported here; leave it out")
            raise ValidationError([refusal], field_name=name)

    def _ignore(self, name: str, data: Mapping[str, Any], ignored: Ignored) -> None:
        meant = _meant(type(self), name) if name not in self.IGNORED and len(name) <= _SHOWN else None
        if self.STRICT or ignored.strict or meant is not None:
            message = f"unknown field '{name[:_SHOWN]}'" + (f"; did you mean '{meant}'?" if meant else "")
            raise ValidationError([_Refusal("unknown_parameter", message)], field_name=name)
        ignored.note(data, name[:_SHOWN])
        if len(ignored.names) > MOST_NAMES:
            raise ValidationError(f"is one of more than {MOST_NAMES} different fields that are unknown here.", name)

    @validates_schema
    def one_name(self, data: Mapping[str, Any], **_: Any) -> None:
        """Refuse a field that is said under two names, and not the same."""
        given_as: dict[str, str] = {name: name for name in self.ALIASES.values() if name in data}
        for alias, name in self.ALIASES.items():
            if alias in data and data[alias] != data[other := given_as.setdefault(name, alias)]:
                raise ValidationError(f"contradicts '{other}'; send one of the two.", alias)

    @post_load
    def named(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Say under our name what came under another."""
        return {**{name: data[alias] for alias, name in self.ALIASES.items() if alias in data}, **data}


@lru_cache(maxsize=4096)
def _meant(schema: type[Body], name: str) -> str | None:
    """The field of a schema that an unknown one is a slip of."""
    return unknown.nearest(name, [row.name for row in rows(schema)])


class Shapes(Protocol):
    """Tells the JSON schemas of what a field is made of."""

    def field(self, field: fields.Field[Any]) -> dict[str, Any]:
        """The JSON schema of a field's value."""

    def body(self, schema: type[Body]) -> dict[str, Any]:
        """A reference to the JSON schema of an object."""


# A field of ours that apispec cannot know has a method `shape`, which adds to what is known of its marshmallow class.


def rows(schema: type[Body]) -> Iterator[Row]:
    """The table of a schema: its honoured fields, the required ones first, and those that are not."""
    for name, _ in sorted(schema._declared_fields.items(), key=lambda item: not item[1].required):
        yield Row(name, "honoured")
    for name in sorted(schema.ACCEPTED):
        yield Row(name, "accepted")
    for name, taken in sorted(schema.IGNORED.items()):
        yield Row(name, "ignored", taken)
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
    """A JSON number; a string of digits is not one."""

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


def about(text: str) -> dict[str, str]:
    """The `metadata` of a field that its name does not explain."""
    return {"description": text}


def within(kind: Any) -> Range:
    """A validator of the range that a type of `mlxq.ranges` has."""
    bounds = next(one for one in get_args(kind) if isinstance(one, Meta))
    least, above = bounds.ge, bounds.gt
    return Range(min=above if least is None else least, max=bounds.le, min_inclusive=above is None)


def checked(schema: type[Body], value: Any, *, strict: bool = False) -> Checked:
    """What a schema makes of a body, and what of that it ignores, which is nothing of a `strict` one.

    Raises ValidationError.
    """
    ignored = Ignored(strict)
    with unknown.noting(ignored):
        data = loaded(schema, value)
    return Checked(data, ignored.places(value))


def loaded(schema: type[Body], value: Any) -> dict[str, Any]:
    """What a schema makes of a value; raises ValidationError."""
    return dict(_made(schema).load(value))


@cache
def _made(schema: type[Body]) -> Body:
    return schema()  # which takes longer than to load with it, and is the same for every value and thread


class Call(Body):
    """Base of what asks a model for something."""

    model = Text(required=True)
