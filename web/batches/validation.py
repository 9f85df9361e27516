"""Checks a batch's file before any of it runs: every line is a call of the batch's endpoint, with an id of its own.

A body is not looked at here: one that its endpoint refuses is that line's own error.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import msgspec

from tasks.batches.batches import Batch, Cursor, Problem
from web.batches.input_lines import CUT, Body, FileLost, Line, Request, lines

MOST_LINES = 50_000
LONGEST_ID = 512  # characters
_MOST_PROBLEMS = 100  # that are told; with more of them a file is not read on
_SLICE = 2000  # lines checked at a time, so that running batches go on meanwhile
_SLICE_BYTES = 8 << 20


class Validation:
    """One batch's file, checked slice by slice; a crash begins it anew."""

    def __init__(self, batch: Batch, path: Path, longest: int) -> None:
        self._batch, self._path, self._longest = batch, path, longest
        self._cursor = Cursor()
        self._seen: set[bytes] = set()  # digests: 50,000 ids of any length are a few megabytes
        self._models: set[str] = set()
        self.total = 0
        self.problems: list[Problem] = []

    @property
    def model(self) -> str | None:
        """The model of all lines, if they have one."""
        return next(iter(self._models)) if len(self._models) == 1 else None

    def advance(self) -> bool:
        """Check the next slice; True when all is known."""
        begun = self._cursor.offset
        for line in itertools.islice(lines(self._path, self._cursor, self._longest), _SLICE):
            self._cursor = line.after
            if line.data:
                self._check(line)
            if not line.complete or self.total > MOST_LINES or len(self.problems) >= _MOST_PROBLEMS:
                return True
            if self._cursor.offset - begun > _SLICE_BYTES:
                return False
        if self._cursor.offset < self._batch.input.size:
            if self._cursor.offset == begun:
                raise FileLost(CUT)
            return False
        if not self.total and not self.problems:
            self.problems.append(Problem("empty_file", "The input file has no lines."))
        return True

    def _check(self, line: Line) -> None:
        self.total += 1
        if self.total > MOST_LINES:
            message = f"The input file has more than {MOST_LINES} lines."
            self.problems = [Problem("too_many_tasks", message, line=line.number)]
            return
        self.problems += self._problems(line)

    def _problems(self, line: Line) -> Iterator[Problem]:
        if not line.complete:
            yield Problem("invalid_json_line", f"The line is longer than {self._longest} bytes.", line=line.number)
            return
        try:
            request = line.request()
        except ValueError as error:
            yield Problem("invalid_json_line", f"The line is not a JSON object: {error}", line=line.number)
            return
        for problem in (self._custom_id(request), self._call(request), self._body(request)):
            if problem is not None:
                code, message, param = problem
                yield Problem(code, message, param, line.number)

    def _custom_id(self, request: Request) -> tuple[str, str, str] | None:
        given = request.custom_id
        if given is None:
            return _missing("custom_id")
        if not isinstance(given, str) or not 0 < len(given) <= LONGEST_ID:
            return "invalid_custom_id", f"'custom_id' must be a string of 1 to {LONGEST_ID} characters.", "custom_id"
        digest = hashlib.blake2b(given.encode(), digest_size=16).digest()
        if digest in self._seen:
            return "duplicate_custom_id", f"The custom_id '{given}' stands on an earlier line too.", "custom_id"
        self._seen.add(digest)
        return None

    def _call(self, request: Request) -> tuple[str, str, str] | None:
        if request.method is None:
            return _missing("method")
        if request.method != "POST":
            return "invalid_method", "'method' must be 'POST'.", "method"
        if request.url is None:
            return _missing("url")
        if request.url != self._batch.endpoint:
            return "url_mismatch", f"'url' must be the batch's endpoint, '{self._batch.endpoint}'.", "url"
        return None

    def _body(self, request: Request) -> tuple[str, str, str] | None:
        if not bytes(request.body):
            return _missing("body")
        try:
            model = msgspec.json.decode(request.body, type=Body).model
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return "invalid_body", "'body' must be a JSON object.", "body"
        self._models.add(model if isinstance(model, str) else "")
        return None


def _missing(name: str) -> tuple[str, str, str]:
    return "missing_required_parameter", f"'{name}' is missing.", name
