"""`python -m tests.tables`: writes the tables of the documents that the code knows, each between two comments.

A table of name N stands in a document between `<!-- N -->` and `<!-- end of N -->`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import get_args

import msgspec
from flask import Flask

from mlxq.catalogue import Server
from mlxq.entries import ENTRIES
from mlxq.entries.model_entry import ModelEntry
from mlxq.entries.text import TextEntry
from schemas import __main__ as schemas
from tasks.redis import keys
from tasks.values import events
from tasks.values.errors import JobError
from tests.mlxq.doctor import golden
from tests.support import chat_templates, model_keys, signatures
from tests.support.servers import ROOT
from web import registry
from web.http import errors
from workers.engines.recognisers.abilities import abilities
from workers.engines.text.measured import outcomes
from workers.engines.vision.measured import measured
from workers.engines.voices.architectures import ARCHITECTURES
from workers.parsers import detect
from workers.parsers import registry as formats

DOCUMENTS = [ROOT / "README.md", ROOT / "ARCHITECTURE.md", *sorted((ROOT / "docs").rglob("*.md"))]


def _first(doc: str | None) -> str:
    """The first sentence of a docstring, as it goes into a table."""
    paragraph = " ".join(inspect.cleandoc(doc or "").split("\n\n")[0].split())
    return paragraph.replace("|", "\\|").rstrip(".")


def _formats(kind: str, flag: str) -> Iterator[str]:
    yield f"| file | names for `{flag}` |"
    yield "| --- | --- |"
    for name, found in formats.formats(kind).items():  # type: ignore[call-overload]
        yield f"| {name} | {', '.join(f'`{alias}`' for alias in found.NAMES)} |"


_WITHOUT_CLASS = {
    "invalid_request": "The request is not HTTP, or is not framed as it says",
    "uri_too_long": "The request line is longer than this server takes",
    "headers_too_large": "The headers are larger, or more, than this server takes",
    "range_not_satisfiable": "No part of the content is in the range that was asked for",
    "internal_error": "Something failed that should not; the server's log says what",
}


def _errors() -> Iterator[str]:
    # A subclass of the same code says a special case of it.
    kinds = sorted(_subclasses(JobError), key=lambda kind: len(kind.__mro__), reverse=True)
    meanings = _WITHOUT_CLASS | {kind.code: _first(kind.__doc__) for kind in kinds}
    yield "| code | status | `type` | the SDKs ask again | meaning |"
    yield "| --- | ---: | --- | --- | --- |"
    for code, answer in errors.ANSWERS.items():
        again = "yes" if answer.retry and answer.status in (408, 409, 429, *range(500, 600)) else "no"
        yield f"| `{code}` | {answer.status} | `{answer.type}` | {again} | {meanings[code]} |"


def _subclasses(kind: type[JobError]) -> Iterator[type[JobError]]:
    for found in kind.__subclasses__():
        yield found
        yield from _subclasses(found)


def _events() -> Iterator[str]:
    yield "| `type` | fields | meaning |"
    yield "| --- | --- | --- |"
    for kind in get_args(events.Event):
        info = msgspec.structs.fields(kind)
        tag = kind.__struct_config__.tag
        told = ", ".join(f"`{field.encode_name}`" for field in info) or "none"
        yield f"| `{tag}` | {told} | {_first(kind.__doc__)} |"


def _routes() -> Iterator[str]:
    app = Flask("mlxq", static_folder=None)
    for blueprint in registry.blueprints():
        app.register_blueprint(blueprint)
    yield "| call | does |"
    yield "| --- | --- |"
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, sorted(rule.methods or ()))):
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule)
        for method in ["websocket"] if rule.websocket else sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}):
            yield f"| `{method} {path}` | {_first(app.view_functions[rule.endpoint].__doc__)} |"


def _templates() -> Iterator[str]:
    yield "| template | tool calls | thinking | not rendered |"
    yield "| --- | --- | --- | --- |"
    for name, text in chat_templates.published().items():
        found, prompts = detect.detect(text), chat_templates.prompts(text)
        lacking = [talk for talk, one in chat_templates.TALKS.items() if not chat_templates.shown(prompts, one)]
        yield f"| {name} | {found.tools or ''} | {found.reasoning or ''} | {', '.join(lacking)} |"


def _architectures() -> Iterator[str]:
    served = [outcome for outcome in outcomes().values() if outcome.served]
    together = [outcome for outcome in served if not outcome.turns]
    yield f"{len(served)} of {len(outcomes())} architectures are served, {len(together)} of them with rows together."
    yield ""
    yield "| architecture | served | rows | prompt cache | reason |"
    yield "| --- | --- | --- | --- | --- |"
    for name, outcome in outcomes().items():
        rows = ("turns" if outcome.turns else "together") if outcome.served else ""
        reason = "; ".join(filter(None, (outcome.turns, outcome.reason))).replace("|", "\\|")
        yield f"| `{name}` | {'yes' if outcome.served else 'no'} | {rows} | {outcome.reuse} | {reason} |"


def _multimodal() -> Iterator[str]:
    yield "| architecture | decoded | images | several | video | audio | tools | why |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    names = {"family": "together, by pieces", "together": "together", "in turns": "in turns"}
    for name, found in measured().items():
        if "way" not in found:
            yield f"| `{name}` | | | | | | | {found.get('failed') or found['untried']} |"
            continue
        marks = [
            "yes" if known else ""
            for known in (
                "image" in found["takes"],
                found["several"],
                "video" in found["takes"],
                "audio" in found["takes"],
                found["tools"],
            )
        ]
        yield f"| `{name}` | {names[found['way']]} | {' | '.join(marks)} | {found['why']} |"


def _voices() -> Iterator[str]:
    yield "| architecture | voices | imitates a recording | `instructions` | audio comes | needs beside mlx-audio |"
    yield "| --- | --- | --- | --- | --- | --- |"
    named = {"listed": "those of its files", "any": "any name", "none": "one"}
    imitates = {"never": "no", "may": "yes", "must": "always"}
    for name, one in ARCHITECTURES.items():
        voices = "" if one.imitates == "must" else named[one.named]
        comes = "as it is made" if one.streams else "a passage at a time"
        packages = ", ".join(f"`{package}`" for package in one.packages)
        cells = (voices, imitates[one.imitates], "yes" if one.instructions else "no", comes, packages)
        yield f"| {name} | " + " | ".join(cells) + " |"


def _recognisers() -> Iterator[str]:
    yield "| architecture | `language` | translates | `prompt` | `hotwords` | `temperature` | times of words |"
    yield "| --- | --- | --- | --- | --- | --- | --- |"
    for name, parameters in signatures.recognisers().items():
        can = abilities(parameters)
        asked = (can.language, can.translates, can.prompt, can.hotwords, can.temperature, can.times)
        yield f"| {name} | " + " | ".join("yes" if one else "" for one in asked) + " |"


def _keys() -> Iterator[str]:
    yield from (line for line in inspect.cleandoc(keys.__doc__ or "").splitlines() if line.startswith("| "))


TABLES: Mapping[str, Callable[[], Iterator[str]]] = {
    **{name: partial(schemas.table, name) for name in schemas.TABLES},
    "tool formats": partial(_formats, "tools", "tool_call_parser"),
    "reasoning formats": partial(_formats, "reasoning", "reasoning_parser"),
    "templates": _templates,
    "architectures": _architectures,
    "multimodal architectures": _multimodal,
    "errors": _errors,
    "events": _events,
    "routes": _routes,
    "keys": _keys,
    "keys of the server": partial(model_keys.table, Server),
    "keys of every model": partial(model_keys.table, ModelEntry),
    "keys of text models": partial(model_keys.table, TextEntry, ModelEntry),
    "keys of lm models": partial(model_keys.table, ENTRIES["lm"], TextEntry),
    "keys of multimodal models": partial(model_keys.table, ENTRIES["multimodal"], TextEntry),
    "keys of embeddings models": partial(model_keys.table, ENTRIES["embeddings"], ModelEntry),
    "keys of whisper models": partial(model_keys.table, ENTRIES["whisper"], ModelEntry),
    "image models": model_keys.image_models,
    "keys of models that listen": partial(model_keys.table, ENTRIES["speech-to-text"], ModelEntry),
    "keys of models that speak": partial(model_keys.table, ENTRIES["text-to-speech"], ModelEntry),
    "voices": _voices,
    "recognisers": _recognisers,
    "keys of image models": partial(model_keys.table, ENTRIES["image-generation"], ModelEntry),
}


def place(name: str) -> re.Pattern[str]:
    """Where a table stands in a document."""
    return re.compile(rf"(<!-- {name} -->\n)(.*?)(<!-- end of {name} -->)", re.DOTALL)


def written(text: str) -> str:
    """A document with every table as the code has it now."""
    for name, table in TABLES.items():
        if place(name).search(text):
            lines = "\n".join(table()) + "\n"
            text = place(name).sub(lambda found, lines=lines: found[1] + lines + found[3], text)  # type: ignore[misc]
    return text


def main() -> None:
    """Write the tables of all documents anew, and the files that hold nothing else."""
    for path, text in {**model_keys.files(), **golden.files()}.items():
        path.write_text(text)
    for document in DOCUMENTS:
        before = document.read_text()
        if (after := written(before)) != before:
            Path(document).write_text(after)


if __name__ == "__main__":
    main()
