"""Texts out of files, one after the other, never all of them at once."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TextIO

import click

KINDS = {".txt": "txt", ".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_LONGEST_CELL = 2**31 - 1


class Survey(NamedTuple):
    """How many texts there are, how many of them are empty, and a digest of them all."""

    texts: int
    empty: int
    digest: str


@dataclass(frozen=True)
class Texts:
    """The texts of these files, by order: a line of txt that is not blank, a row of csv or tsv, a line of jsonl."""

    paths: Sequence[Path]
    kind: str | None = None
    column: str | None = None
    field: str = "text"

    def __iter__(self) -> Iterator[str]:
        for path in self.paths:
            read = _READERS[self.kind or KINDS.get(path.suffix.lower(), "txt")]
            try:
                with path.open(encoding="utf-8-sig", newline="") as file:
                    yield from read(self, path, file)
            except UnicodeDecodeError as error:
                raise click.UsageError(f"{path} is not UTF-8: {error}") from None
            except OSError as error:
                raise click.UsageError(f"{path} cannot be read: {error.strerror}") from None

    def survey(self) -> Survey:
        """Read everything once; click.UsageError names the line that cannot be read."""
        digest, count, empty = hashlib.sha256(), 0, 0
        for text in self:
            data = text.encode("utf-8", "surrogatepass")
            digest.update(b"%d:" % len(data) + data)
            count += 1
            empty += not text
        return Survey(count, empty, digest.hexdigest())


def _txt(texts: Texts, path: Path, file: TextIO) -> Iterator[str]:
    for line in file:
        if line.strip():
            yield line.rstrip("\r\n")


def _csv(texts: Texts, path: Path, file: TextIO, delimiter: str = ",") -> Iterator[str]:
    csv.field_size_limit(_LONGEST_CELL)
    rows = csv.reader(file, delimiter=delimiter, strict=True)
    try:
        head = next(rows, [])
        at = _column(texts.column, path, head)
        for row in rows:
            if row:
                yield row[at] if at < len(row) else ""
    except csv.Error as error:
        raise click.UsageError(f"{path}, line {rows.line_num}: {error}") from None


def _tsv(texts: Texts, path: Path, file: TextIO) -> Iterator[str]:
    return _csv(texts, path, file, "\t")


def _column(wanted: str | None, path: Path, head: list[str]) -> int:
    if wanted is None and len(head) == 1:
        return 0
    name = wanted or "text"
    if name not in head:
        raise click.UsageError(f"{path} has no column '{name}'; give --column, one of {', '.join(head) or 'none'}")
    return head.index(name)


def _jsonl(texts: Texts, path: Path, file: TextIO) -> Iterator[str]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            raise click.UsageError(f"{path}, line {number} is not JSON: {error}") from None
        text = value.get(texts.field) if isinstance(value, dict) else value
        if not isinstance(text, str):
            raise click.UsageError(f"{path}, line {number} has no text in '{texts.field}'; --field says where it is")
        yield text


_READERS: dict[str, Callable[[Texts, Path, TextIO], Iterator[str]]] = {
    "txt": _txt,
    "csv": _csv,
    "tsv": _tsv,
    "jsonl": _jsonl,
}
