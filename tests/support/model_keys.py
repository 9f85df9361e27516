"""What the documents and generated files say of the keys of the models' file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

from msgspec import NODEFAULT, Struct, structs

from mlxq import checks
from mlxq.catalogue import schema
from mlxq.struct_reader import nested
from tests.support.servers import ROOT
from workers.engines.images.variants import VARIANTS, Variant
from workers.engines.voices import types
from workers.parsers import registry as formats

_FEW = 8  # values that a cell has room for
_UNITS = {1 << 30: "GiB", 1 << 20: "MiB"}


def table(kind: type[Struct], base: type[Struct] = Struct, path: str = "") -> Iterator[str]:
    """The keys of a struct that its base has not; those with one description share a row."""
    yield "| key | may be | default | meaning |"
    yield "| --- | --- | --- | --- |"
    yield from _rows(kind, base, path)


def _rows(kind: type[Struct], base: type[Struct], path: str) -> Iterator[str]:
    fields = [one for one in structs.fields(kind) if one.encode_name not in getattr(base, "__struct_fields__", ())]
    plain = [one for one in fields if nested(kind, one.encode_name) is None]
    for meaning, group in groupby(plain, lambda one: checks.meaning(one.type)):
        first, *others = group
        names = ", ".join(f"`{path}{one.encode_name}`" for one in (first, *others))
        may, default = ("as in a request", "") if others else (_may(first.type), _default(first))
        yield f"| {names} | {may} | {default} | {meaning} |"
    for one in fields:
        if inner := nested(kind, one.encode_name):
            yield from _rows(inner, Struct, f"{path}{one.encode_name}.")


def _may(kind: Any) -> str:
    listed = checks.choices(kind)
    if not listed:
        return checks.words(kind)
    return "a name" if len(listed) > _FEW else ", ".join(map(_text, listed))


def _default(one: structs.FieldInfo) -> str:
    if one.required:
        return "needed"
    if one.default in (NODEFAULT, None, ()):
        return ""
    for size, unit in _UNITS.items():
        if "bytes" in one.encode_name and one.default >= size and one.default % size == 0:
            return f"{one.default // size} {unit}"
    return _text(one.default)


def _text(value: object) -> str:
    """A value as YAML has it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)


def image_models() -> Iterator[str]:
    """Rows of what each kind of image model takes."""
    yield "| `config_name` | images | mask | `image_strength` | transparent | previews | LoRA |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for name, variant in sorted(VARIANTS.items(), key=lambda item: item[1].edits):
        mask = {"none": "", "taken": "yes", "needed": "needed"}[variant.mask]
        strength = 0.5 if variant.strength else variant.control
        able = (variant.transparent, variant.steps > 1, variant.lora)
        cells = (f"`{name}`", _pictures(variant), mask, "" if strength is None else f"{strength:g}", *map(_yes, able))
        yield f"| {' | '.join(cells)} |"


def _pictures(variant: Variant) -> str:
    """How many, and of what."""
    if not variant.edits:
        return "one to vary" if variant.strength else ""
    count = f"{variant.images}" if variant.least == variant.images else f"{variant.least} to {variant.images}"
    return f"{count}: {variant.shows}" if variant.shows else count


def _yes(value: object) -> str:
    return "yes" if value else ""


def names() -> str:
    """The text of `mlxq/names.py`."""
    kinds = {
        "ToolCallParser": (*formats.names("tools"), "none"),
        "ReasoningParser": (*formats.names("reasoning"), "none"),
        "ImageGeneration": tuple(name for name, variant in VARIANTS.items() if not variant.edits),
        "ImageEdit": tuple(name for name, variant in VARIANTS.items() if variant.edits),
        "Speaking": types.speaking(),
        "Listening": types.listening(),
    }
    lines = [
        '"""The names that a models\' file may choose from. `make tables` writes this file.',
        "",
        "They come from `workers/parsers`, `workers/engines/images/variants.py` and mlx-audio, which the web does not",
        "import. `Speaking` and `Listening` are the architectures of a folder that holds a model that does so.",
        '"""',
        "",
        "from typing import Literal, TypeAlias",
    ]
    for kind, values in kinds.items():
        lines += ["", f"{kind}: TypeAlias = Literal[", *(f'    "{value}",' for value in values), "]"]
    return "\n".join(lines) + "\n"


def files() -> Mapping[Path, str]:
    """Whole files that the code knows, by their paths."""
    return {
        ROOT / "mlxq/names.py": names(),
        ROOT / "docs/reference/models.schema.json": json.dumps(schema(), indent=2, ensure_ascii=False) + "\n",
    }
