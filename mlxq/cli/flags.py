"""The flags of `mlxq launch`: the keys of the models' file, each with the description it has there.

A few have a second name, under which mlx-openai-server has them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click
from msgspec import structs

from mlxq import checks, settings
from mlxq.catalogue import Server
from mlxq.entries import ENTRIES, MODEL_TYPES
from mlxq.struct_reader import near
from mlxq.variables import VARIABLES

F = TypeVar("F", bound=Callable[..., Any])
_TYPE = "model_type"
_DEFAULT = "default_"  # what a request gets that says nothing: the flag may leave this out
_NO = "no_"
_FEW = 8  # values that a line of the help has room for
SERVER: Mapping[str, Any] = {field.encode_name: field.type for field in structs.fields(Server)}


def _keys() -> dict[str, Any]:
    """The types of all models' keys by their names; `options` is not a flag."""
    keys: dict[str, Any] = {}
    for name in MODEL_TYPES:
        for field in structs.fields(ENTRIES[name]):
            keys.setdefault(field.encode_name, field.type)
    del keys["options"]
    return keys


def _flag(key: str) -> str:
    return "--" + key.replace("_", "-")


def of_a_model(command: F) -> F:
    """Give a command a flag for every key that a model may have."""
    path, *others = (_option(key, kind) for key, kind in _keys().items())
    model_type = click.option(_flag(_TYPE), type=click.Choice(MODEL_TYPES), help="What the model is, by default lm.")
    for option in reversed([path, model_type, *others]):
        command = option(command)
    return command


def of_the_server(command: F) -> F:
    """Give a command a flag for every key below `server:`."""
    for key, kind in reversed([*SERVER.items()]):
        command = _option(key, kind)(command)
    return command


def entry_of(flags: Mapping[str, Any]) -> dict[str, Any]:
    """What flags say of a model, as the models' file has it; UsageError names a flag whose value cannot be read.

    Whether the model takes the key is left to the models' file.
    """
    declared = _keys() | {field.encode_name: field.type for field in structs.fields(ENTRIES[flags.get(_TYPE) or "lm"])}
    entry: dict[str, Any] = {}
    for key, given in flags.items():
        try:
            entry[key] = given if key == _TYPE else _value(given, declared[key])
        except ValueError as error:
            hint = near(given, checks.choices(declared[key]))
            raise click.UsageError(f"{_flag(key)} {error}, not {given!r}{hint}") from None
    return entry


def variables_of(flags: Mapping[str, Any]) -> dict[str, str]:
    """What flags say of the server, as the environment has it, which goes before the models' file.

    UsageError names a flag whose value cannot be read.
    """
    given = {key: value for key, value in flags.items() if value is not None}
    if "log_file" in given:
        given.setdefault("no_log_file", False)  # a file's `no_log_file: true` is not meant to hold here
    try:
        for key, value in given.items():
            settings.from_file(key, value, _flag(key))
    except settings.SettingsError as error:
        raise click.UsageError(str(error)) from None
    names = {key: variable for key, (variable, _) in VARIABLES.items()} | {"port": "MLXQ_PORT"}
    return {names[key]: str(value) for key, value in given.items()}


KEYS = frozenset({*_keys(), _TYPE})


def _value(given: object, kind: Any) -> Any:
    if isinstance(given, str) and checks.words(kind) == "a mapping":
        pairs = [part.strip().partition("=") for part in given.split(",")]
        if not all(name and value for name, _, value in pairs):
            raise ValueError("must be NAME=VALUE, and more such behind commas")
        given = {name: value for name, _, value in pairs}
    if isinstance(given, str) and checks.words(kind).startswith("a list"):
        given = [part.strip() for part in given.split(",")]
    value = checks.checked(given, kind, strict=False)
    return list(value) if isinstance(value, tuple) else value


def _option(key: str, kind: Any) -> Callable[[F], F]:
    about = checks.meaning(kind)
    text = f"{about[0].upper()}{about[1:]}.".replace("`", "")
    second = checks.flag(kind) or key.removeprefix(_DEFAULT)
    names = [_flag(name) for name in dict.fromkeys((key, second))]
    if checks.words(kind) == checks.words(bool):
        names = [name if key.startswith(_NO) else f"{name}/--{_NO.rstrip('_')}-{name[2:]}" for name in names]
        return click.option(key, *names, is_flag=True, default=None, help=text)
    listed = checks.choices(kind)
    metavar = f"[{'|'.join(map(str, listed))}]" if 0 < len(listed) <= _FEW else None
    return click.option(key, *names, metavar=metavar, help=text)
