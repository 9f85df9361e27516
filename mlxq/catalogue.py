"""The models that are served, from a YAML file: frozen values, checked before anything starts.

The layout and the key names are those of mlx-openai-server's configuration file, so that one can be taken over; a key
that is not known here is refused by its name.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
import yaml
from msgspec import Meta, Struct

from mlxq import folder, ranges, settings
from mlxq.entries import ENTRIES, MODEL_TYPES, AnyModelEntry
from mlxq.entries.lm import LmEntry
from mlxq.entries.model_entry import RENAMED, ModelEntry, about
from mlxq.struct_reader import misplaced, near, read

_LEVELS = [level for name in ranges.LEVELS for level in (name, name.lower())]


class Server(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the server listens and how much it logs; variables of the environment go first."""

    host: Annotated[ranges.Text | None, about("where to listen, by default 127.0.0.1")] = None
    port: Annotated[ranges.Port | None, about("where to listen, by default 8000")] = None
    log_level: Annotated[
        str | None, Meta(description="how much is logged, by default INFO", extra_json_schema={"enum": _LEVELS})
    ] = None
    log_file: Annotated[
        ranges.Text | None,
        about("a file for the log, a JSON object a line; at 100 MB it begins anew, and five earlier ones are kept"),
    ] = None
    no_log_file: Annotated[bool | None, about("write no file, whatever `log_file` says")] = None
    memory_budget: Annotated[
        ranges.Positive | ranges.Text | None,
        Meta(
            description="memory for all models of this machine together, in bytes or as `24GiB`, by default what the "
            "device recommends; what does not fit beside others waits for its turn"
        ),
    ] = None
    model_dir: Annotated[
        ranges.Text | None, about("a folder of models, each of which is served on demand under its folder's name")
    ] = None


class ModelsFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What mlxq serves."""

    models: Annotated[
        tuple[AnyModelEntry, ...],
        about("the models that are served; there is at least one, here or in `server.model_dir`"),
    ] = ()
    server: Server | None = None


class CatalogueError(Exception):
    """The models' file cannot be used; the message says where and why, a line for each fault."""


class Named(NamedTuple):
    """A model, and the one of its adapters that a name gives, '' where it gives none."""

    entry: ModelEntry
    adapter: str = ""


def parted(name: str) -> tuple[str, str]:
    """The model's and the adapter's name in `MODEL:ADAPTER`; the adapter's is '' in a name without one."""
    model, _, adapter = name.partition(":")  # which neither of the two may hold
    return model, adapter


@dataclass(frozen=True)
class Catalogue:
    """The models by name, and what the file says of the server."""

    models: Mapping[str, ModelEntry]
    server: Mapping[str, str | int | bool | None] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path, model_dir: Path | None = None) -> Catalogue:
        """Read and check a file; CatalogueError says what is wrong with it.

        `model_dir` is a folder of further models, where it is not the file that names one.
        """
        try:
            return cls.parse(yaml.safe_load(path.read_text()), str(path), model_dir)
        except FileNotFoundError:
            raise CatalogueError(f"{path}: no such file; MLXQ_CONFIG or --config names the models' file") from None
        except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
            raise CatalogueError(f"{path}: {error}") from error

    @classmethod
    def parse(cls, document: object, source: str, model_dir: Path | None = None) -> Catalogue:
        """Check a document as it came out of YAML; `source` names it in what CatalogueError says."""
        if not isinstance(document, dict):
            raise CatalogueError(f"{source}: must hold 'models:', a list")
        known = ModelsFile.__struct_fields__
        faults = [f"{source}: {misplaced(str(key), known)}" for key in document if key not in known]
        server = document.get("server") or {}
        faults += (f"{source}: {fault}" for fault in _server_faults(server))
        below = model_dir or (server.get("model_dir") if isinstance(server, dict) else None)
        listed = document.get("models")
        if below and listed is None:
            listed = []
        if not isinstance(listed, list) or not (listed or below):
            faults.append(f"{source}: 'models' must be a list with at least one model")
            listed = []
        models: dict[str, ModelEntry] = {}
        for number, raw in enumerate(listed):
            entry, wrong = _entry(raw)
            if entry is not None and models.setdefault(entry.name, entry) is not entry:
                wrong = [*wrong, f"'{entry.name}' is served twice"]
            faults += (f"{source}: models[{number}]{_label(raw)}: {fault}" for fault in wrong)
        names = [name for entry in models.values() for name in (entry.name, *entry.aliases)]
        twice = sorted({name for name in names if names.count(name) > 1})
        faults += (f"{source}: '{name}' is the name or alias of two models" for name in twice)
        if faults:
            raise CatalogueError("\n".join(faults))
        if below:
            models |= _further(Path(below).expanduser(), models.values())
        return cls(models, server)

    @cached_property
    def _by_name(self) -> Mapping[str, ModelEntry]:
        """The models by their names and aliases."""
        return {name: entry for entry in self for name in (*entry.aliases, entry.name)}

    def find(self, name: str) -> ModelEntry | None:
        """The model of this name or alias."""
        return self._by_name.get(name)

    def named(self, name: str) -> Named | None:
        """What a call means by its model's name: a model, by its name or alias, or one of its adapters."""
        if (entry := self.find(name)) is not None:
            return Named(entry)
        model, adapter = parted(name)
        entry = self.find(model)
        if entry is None or adapter not in getattr(entry, "adapters", {}):
            return None
        return Named(entry, adapter)

    def known(self, name: str) -> tuple[frozenset[str], str | None]:
        """All names that the model of this name has or had, and the adapter that it gives, None for any or none.

        What was stored in a model's time stands under the name that it had then, also when it is gone.
        """
        model, adapter = parted(name)
        entry = self.find(model)
        return frozenset({model} if entry is None else {entry.name, *entry.aliases}), adapter or None

    def get(self, name: str) -> ModelEntry:
        """The model of this name; CatalogueError when there is none."""
        if name not in self.models:
            raise CatalogueError(f"no model '{name}'; there are {', '.join(self.models)}")
        return self.models[name]

    def __iter__(self) -> Iterator[ModelEntry]:
        return iter(self.models.values())


def _further(folder_of_models: Path, known: Collection[ModelEntry]) -> dict[str, ModelEntry]:
    """The models of a folder that have no entry yet, by their names."""
    if not folder_of_models.is_dir():
        raise CatalogueError(f"{folder_of_models}: no such folder (server.model_dir, MLXQ_MODEL_DIR)")
    taken = {name for entry in known for name in (entry.name, *entry.aliases)}
    paths = {Path(entry.model_path).expanduser().resolve() for entry in known}
    entries = {
        entry.name: entry
        for entry in folder.models(folder_of_models)
        if entry.name not in taken and Path(entry.model_path).resolve() not in paths
    }
    if not entries and not known:
        raise CatalogueError(f"{folder_of_models}: there is no model in this folder that can be served")
    return entries


def schema() -> dict[str, Any]:
    """The JSON schema of a models' file, for editors."""
    document = msgspec.json.schema(ModelsFile)
    document["$defs"][LmEntry.__name__]["required"].remove("model_type")  # it is what a model is that does not say
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "models.yaml of mlxq", **document}


def _server_faults(server: object) -> Iterator[str]:
    if not isinstance(server, dict):
        yield "'server' must be a mapping"
        return
    for key, value in server.items():
        if key not in Server.__struct_fields__:
            yield f"server: {misplaced(str(key), Server.__struct_fields__)}"
        elif value is not None:
            try:
                settings.from_file(key, value)
            except settings.SettingsError as error:
                yield str(error)


def _entry(raw: object) -> tuple[ModelEntry | None, list[str]]:
    """A model, None where its kind or its name are unknown, and what is wrong with it."""
    if not isinstance(raw, dict):
        return None, ["must be a mapping"]
    chosen = raw.get("model_type")
    kind = "lm" if chosen is None else str(chosen)
    if kind not in ENTRIES:
        return None, [f"'model_type' must be one of {', '.join(MODEL_TYPES)}{near(kind, MODEL_TYPES)}"]
    kinds = {name: ENTRIES[name] for name in (*MODEL_TYPES, kind)}
    given = {key: value for key, value in raw.items() if key != "model_type"}
    read_fields = read(kinds, kind, given, renamed=RENAMED)
    entry = ENTRIES[kind](**{"model_path": "unnamed", **read_fields.values})
    more = [fault for keys, fault in entry.faults() if not read_fields.faults.keys() & set(keys)]
    named = not read_fields.faults.keys() & {"model_path", "served_model_name"}
    return entry if named else None, [*read_fields.faults.values(), *more]


def _label(raw: object) -> str:
    """A model's name in what is said of it, where it has one."""
    name = raw.get("served_model_name") or raw.get("model_path") if isinstance(raw, dict) else None
    return f" {name!r}" if isinstance(name, str) else ""
