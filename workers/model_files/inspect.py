"""`python -m workers.model_files.inspect MODEL`: what a model's files and its chat template tell."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click

from mlxq import configuration
from mlxq.catalogue import Catalogue
from mlxq.entries.lm import LmEntry
from mlxq.entries.model_entry import ModelEntry
from mlxq.entries.text import TextEntry
from mlxq.folder import draws
from mlxq.model_path import ModelPathError
from mlxq.settings import Settings
from workers.model_files.context_length import promised
from workers.model_files.model_path import resolve
from workers.model_files.servable import fit
from workers.parsers import detect, registry

# Special tokens that have to do with turns, thinking and tools.
_TELLING = re.compile(r"think|thought|reason|tool|call|func|channel|message|response|content|invoke|param|python", re.I)


class InspectError(Exception):
    """The model's files cannot be read; the message says which and why."""


@dataclass(frozen=True)
class Inspected:
    """What `inspect` says; lengths are in tokens, formats are None where there is none.

    `model_type` is the architecture as the model's files name it, `serve_as` the `model_type` of the models' file.
    `way` is how the answers of a text or multimodal model are decoded, and why.
    """

    model: str
    path: str
    model_type: str | None
    serve_as: str | None
    unsupported: str | None
    way: str | None
    broken: tuple[str, ...]
    weight_bytes: int | None
    kv_bytes_per_token: int | None
    context_length: int | None
    chat_template: str | None
    tool_call_parser: str | None
    tool_call_parser_because: str
    reasoning_parser: str | None
    reasoning_parser_because: str
    special_tokens: tuple[str, ...]


def inspect(entry: TextEntry, cache: Path) -> Inspected:
    """Read the config and the tokenizer's files of a model, no weights.

    Raises ModelPathError, InspectError and registry.UnknownFormat.
    """
    folder = resolve(entry.model_path, cache, weights=False)
    config = _json(folder / "config.json")
    if config is None and draws(folder):
        config = {}
    if config is None:
        raise InspectError(f"{folder}: there is no config.json, so this is not a model")
    suits = fit(entry.model_path.rpartition("/")[2], folder, config)
    tokenizer = _json(folder / "tokenizer_config.json") or {}
    template, source = _template(entry, folder, tokenizer)
    tokens = tuple(dict.fromkeys(_added(folder, tokenizer)))
    parsers = detect.chosen(template, tokens, entry.tool_call_parser, entry.reasoning_parser)
    return Inspected(
        model=entry.name,
        path=str(folder),
        model_type=config.get("model_type"),
        serve_as=suits.serve_as,
        unsupported=suits.unsupported,
        way=suits.way,
        broken=suits.broken,
        weight_bytes=suits.weights,
        kv_bytes_per_token=suits.kv_bytes,
        context_length=_context(entry, config),
        chat_template=source,
        tool_call_parser=parsers.tools,
        tool_call_parser_because=parsers.tools_because,
        reasoning_parser=parsers.reasoning,
        reasoning_parser_because=parsers.reasoning_because,
        special_tokens=tuple(token for token in tokens if _TELLING.search(token)),
    )


def _template(entry: TextEntry, folder: Path, tokenizer: Mapping[str, Any]) -> tuple[str, str | None]:
    """The chat template's text and where it comes from; several templates of a model are read as one."""
    if entry.chat_template_file:
        path = Path(entry.chat_template_file).expanduser()
        text = _read(path)
        if text is None:
            raise InspectError(f"chat_template_file: {path}: no such file")
        return text, str(path)
    if text := _read(folder / "chat_template.jinja"):
        return text, "chat_template.jinja"
    for name, holder in (
        ("tokenizer_config.json", tokenizer),
        ("chat_template.json", _json(folder / "chat_template.json") or {}),
    ):
        template = holder.get("chat_template")
        if isinstance(template, list):
            template = "\n".join(str(one.get("template", "")) for one in template if isinstance(one, dict))
        if isinstance(template, str) and template:
            return template, name
    return "", None


def _added(folder: Path, tokenizer: Mapping[str, Any]) -> Iterator[str]:
    """The tokens that were added to the vocabulary, in the order of their files."""
    added = (_json(folder / "tokenizer.json") or {}).get("added_tokens") or []
    decoder = tokenizer.get("added_tokens_decoder") or {}
    for token in (*added, *decoder.values()):
        if isinstance(token, dict) and isinstance(token.get("content"), str):
            yield token["content"]


def _context(entry: TextEntry, config: Mapping[str, Any]) -> int | None:
    return min((length for length in (entry.context_length, promised(config)) if length), default=None)


def _json(path: Path) -> dict[str, Any] | None:
    text = _read(path)
    if text is None:
        return None
    try:
        document = json.loads(text)
    except ValueError as error:
        raise InspectError(f"{path}: {error}") from error
    if not isinstance(document, dict):
        raise InspectError(f"{path}: must hold an object")
    return document


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InspectError(f"{path}: {error}") from error


def _entry(model: str, config: Path | None) -> tuple[TextEntry, Path]:
    """The served model of this name, else what lies at this path; and the starter models' folder.

    Without `config` a models' file that is not there, or names no such model, is not an error.
    """
    environ = dict(os.environ) | ({"MLXQ_CONFIG": str(config)} if config else {})
    settings = Settings.from_env(environ)
    if config is not None or settings.config.exists():
        catalogue = Catalogue.load(settings.config)
        if model in catalogue.models:
            return _as_text(catalogue.get(model)), settings.cache
    return LmEntry(model_path=model), settings.cache


def _as_text(entry: ModelEntry) -> TextEntry:
    """A model's entry as it would be if the model wrote text, which is what there is to tell of one."""
    if isinstance(entry, TextEntry):
        return entry
    length = getattr(entry, "context_length", None)
    return LmEntry(model_path=entry.model_path, served_model_name=entry.served_model_name, context_length=length)


def _lines(inspected: Inspected) -> Iterator[tuple[str, str]]:
    yield "model", inspected.model
    yield "path", inspected.path
    yield "model type", inspected.model_type or "unknown"
    yield "serve as", inspected.serve_as or "nothing"
    yield "supported", inspected.unsupported or "yes"
    if inspected.way:
        yield "decoded", inspected.way
    yield "files", "; ".join(inspected.broken) or "whole"
    yield "memory", _memory(inspected)
    yield "context length", f"{inspected.context_length} tokens" if inspected.context_length else "unknown"
    yield "chat template", inspected.chat_template or "none"
    yield "tool calls", f"{inspected.tool_call_parser or 'none'}. {inspected.tool_call_parser_because}"
    yield "thinking", f"{inspected.reasoning_parser or 'none'}. {inspected.reasoning_parser_because}"
    yield "special tokens", " ".join(inspected.special_tokens) or "none for thinking or tools"


def _memory(inspected: Inspected) -> str:
    weights = f"{inspected.weight_bytes / 1e9:.2f} GB of weights" if inspected.weight_bytes else "unknown"
    if not inspected.kv_bytes_per_token:
        return weights
    token, context = inspected.kv_bytes_per_token, inspected.context_length
    full = f", {token * context / 1e9:.2f} GB for {context}" if context else ""
    return f"{weights}, {token / 1e3:.1f} kB a token of KV cache{full}"


@click.command()
@click.argument("model")
@click.option("--config", type=click.Path(path_type=Path), help="The models' file; models.yaml when left out.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def main(model: str, config: Path | None, as_json: bool) -> None:
    """Say what MODEL is: a served name, a folder, starter:NAME or a Hugging Face repo id."""
    try:
        inspected = inspect(*_entry(model, config))
    except (*configuration.ConfigurationError, ModelPathError, InspectError, registry.UnknownFormat) as error:
        click.echo(f"mlxq: {error}", err=True)
        sys.exit(1)
    if as_json:
        click.echo(json.dumps(asdict(inspected), ensure_ascii=False))
        return
    for label, value in _lines(inspected):
        click.echo(f"{label + ':':<16}{value}")


if __name__ == "__main__":
    main()
