"""Whether a value is of a type of `mlxq.ranges`, and the words for its refusal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import msgspec
from msgspec import inspect

WORDS = "words"  # the key of `Meta(extra=…)` whose value stands for a type that has no better words
FLAG = "flag"  # the key of that mapping whose value is a second name for the key's flag


def checked(value: object, kind: Any, *, strict: bool = True) -> Any:
    """The value as this type has it; ValueError says what it must be. Where it need not be strict it may be a text."""
    try:
        return msgspec.convert(value, kind, strict=strict)
    except msgspec.ValidationError:
        raise ValueError(f"must be {words(kind)}") from None


def read(kind: Any) -> Callable[[str], Any]:
    """A function that reads a text as a value of this type; its ValueError says what the text must be."""
    return lambda text: checked(text, kind, strict=False)


def words(kind: Any) -> str:
    """What a value of this type is, as it stands behind "must be"."""
    return _words(inspect.type_info(kind))


def meaning(kind: Any) -> str:
    """What the description of a type says."""
    return next(one.description for one in get_args(kind) if isinstance(one, msgspec.Meta) and one.description)


def flag(kind: Any) -> str | None:
    """The second name of a key's flag, where its type tells one."""
    extras = (one.extra for one in get_args(kind) if isinstance(one, msgspec.Meta) and one.extra)
    return next((extra[FLAG] for extra in extras if FLAG in extra), None)


def choices(kind: Any) -> tuple[Any, ...]:
    """The values of a type that lists them, else none."""
    info = _bare(inspect.type_info(kind))
    return info.values if isinstance(info, inspect.LiteralType) else ()


def _bare(info: inspect.Type) -> inspect.Type:
    """A type without descriptions, and without None beside it."""
    while True:
        match info:
            case inspect.Metadata(type=inner):
                info = inner
            case inspect.UnionType(types=(inner, inspect.NoneType()) | (inspect.NoneType(), inner)):
                info = inner
            case _:
                return info


def _words(info: inspect.Type) -> str:
    while isinstance(info, inspect.Metadata):
        if WORDS in (info.extra or {}):
            return str(info.extra[WORDS])  # type: ignore[index]
        info = info.type
    match info:
        case inspect.UnionType(types=types):
            return " or ".join(_words(one) for one in types if not isinstance(one, inspect.NoneType))
        case inspect.BoolType():
            return "true or false"
        case inspect.LiteralType(values=values):
            return "one of " + ", ".join(map(str, values))
        case inspect.VarTupleType(item_type=item):
            noun, bounds = _noun(_bare(item))
            return f"a list of {noun}s{bounds}"
        case inspect.StructType() | inspect.DictType():
            return "a mapping"
    noun, bounds = _noun(info)
    return f"a {noun}{bounds}"


def _noun(info: inspect.Type) -> tuple[str, str]:
    match info:
        case inspect.IntType():
            return "whole number", _bounds(info)
        case inspect.FloatType():
            return "number", _bounds(info)
        case inspect.StrType():
            return "string", ""
    raise TypeError(f"no words for {info}")


def _bounds(info: inspect.IntType | inspect.FloatType) -> str:
    least, above, most = (None if bound is None else f"{bound:g}" if isinstance(bound, float) else str(bound)
                          for bound in (info.ge, info.gt, info.le))  # fmt: skip
    if above is not None:
        return f" above {above}" + ("" if most is None else f", up to {most}")
    if least is None:
        return "" if most is None else f" of at most {most}"
    return f" of at least {least}" if most is None else f" from {least} to {most}"
