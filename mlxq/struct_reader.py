"""From a mapping of the models' file to the fields of a struct, with a sentence for everything in it that is wrong."""

from __future__ import annotations

import difflib
import reprlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, get_args, get_origin

from msgspec import Struct, structs

from mlxq import checks


@dataclass(frozen=True)
class ReadFields:
    """The values that are right, and a sentence for each key that is not; `a.b` is a key inside `a`."""

    values: dict[str, Any] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)


def read(
    kinds: Mapping[str, type[Struct]],
    kind: str,
    mapping: Mapping[Any, Any],
    path: str = "",
    renamed: Mapping[str, str] | None = None,
) -> ReadFields:
    """Read what a struct holds; a key without a value is one that is left out.

    `kinds` are the structs that the mapping could be for, by their names, of which `kind` is the one that it is for:
    a key or a value of another one is refused with where it belongs. `renamed` are keys by what they are called here.
    """
    fields = {one.encode_name: one for one in structs.fields(kinds[kind])}
    read_fields = ReadFields()
    for key in mapping:
        if key not in fields:
            read_fields.faults[f"{path}{key}"] = misplaced(str(key), fields, kinds, kind, path, renamed)
    for key, one in fields.items():
        value, inner = mapping.get(key), nested(kinds[kind], key)
        if value is None and one.required:
            read_fields.faults[path + key] = f"'{path}{key}' is required: {checks.meaning(one.type)}"
        elif value is not None and inner is not None and isinstance(value, dict):
            inners = {name: struct for name, other in kinds.items() if (struct := nested(other, key))}
            below = read(inners, kind, value, path=f"{path}{key}.")
            read_fields.values[key] = inner(**below.values)
            read_fields.faults.update(below.faults)
        elif value is not None:
            try:
                read_fields.values[key] = checks.checked(value, one.type)
            except ValueError as error:
                hint = _hint(kinds, key, value, one.type)
                read_fields.faults[path + key] = f"'{path}{key}' {error}, not {reprlib.repr(value)}{hint}"
    return read_fields


def misplaced(
    key: str,
    known: Iterable[str],
    kinds: Mapping[str, type[Struct]] | None = None,
    kind: str = "",
    path: str = "",
    renamed: Mapping[str, str] | None = None,
) -> str:
    """Why a key is refused that does not belong where it stands."""
    if renamed and key in renamed:
        return f"'{path}{key}' is called '{renamed[key]}' here; rename it"
    if takers := [name for name, other in (kinds or {}).items() if key in other.__struct_fields__]:
        return f"'{path}{key}' is for {_all(takers)} models, not for {kind} models; take it out"
    names = list(known)
    allowed = ", ".join(path + name for name in names)
    return f"unknown key '{path}{key}'{near(key, names)} The keys here are {allowed}"


def near(name: object, names: Iterable[object]) -> str:
    """The name that was probably meant, as a question, where one is alike; else the end of a sentence."""
    close = difflib.get_close_matches(str(name), [one for one in names if isinstance(one, str)], n=1)
    return f"; did you mean '{close[0]}'?" if close else "."


@cache
def nested(kind: type[Struct], key: str) -> type[Struct] | None:
    """The struct that a key of a struct holds, if it holds one."""
    declared = next((one.type for one in structs.fields(kind) if one.encode_name == key), None)
    bare = get_args(declared)[0] if get_origin(declared) is Annotated else declared
    return bare if isinstance(bare, type) and issubclass(bare, Struct) else None


def _hint(kinds: Mapping[str, type[Struct]], key: str, value: object, kind: Any) -> str:
    """Where a value would be right, or which one is meant; nothing for a type that does not list its values."""
    takers = [name for name, other in kinds.items() if isinstance(value, str) and value in _listed(other, key)]
    if takers:
        return f", which is for {_all(takers)} models"
    return near(value, checks.choices(kind)).removesuffix(".")


def _all(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def _listed(kind: type[Struct], key: str) -> tuple[Any, ...]:
    return next((checks.choices(one.type) for one in structs.fields(kind) if one.encode_name == key), ())
