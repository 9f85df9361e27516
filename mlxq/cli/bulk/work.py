"""Work too large for one batch, worked off a few batches at a time; what is under way survives the command."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple, Protocol

import click

from mlxq.cli.bulk.state import BulkState, Part, WaitingPart, again
from mlxq.cli.client import PATIENT, QUICK, AnswerLost, Client, Json, RequestsFailed, ServerError
from mlxq.cli.terminal.progress import Meter

ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
MOST_LINES = 50_000
MOST_TRIES = 4
_UNANSWERED = frozenset({"batch_expired", "batch_cancelled"})
_NOT_ITS_FAULT = frozenset({408, 409, 413, 429})
_LOOKED_BACK = 1000  # batches


class Piece(NamedTuple):
    """So many units of work, and what says which."""

    size: int
    content: Any


@dataclass(frozen=True)
class Answer:
    """What came of one line of a batch: a body or an error."""

    id: str
    body: Any = None
    error: Json | None = None

    @property
    def unanswered(self) -> bool:
        """Whether the batch ended before the line's turn."""
        return self.error is not None and self.error.get("code") in _UNANSWERED

    def everyones(self, field: str) -> bool:
        """Whether the error is one that every line meets, because it is not about `field`."""
        error = self.error or {}
        status, param = error.get("status", 0), str(error.get("param") or "")
        refused = 400 <= status < 500 and status not in _NOT_ITS_FAULT
        return refused and field not in param and error.get("code") != "context_length_exceeded"


class Hopeless(RequestsFailed):
    """Every request would fail for the same reason."""


class Work(Protocol):
    """What is cut into batches, `at_once` of them under way; `done` counts its units that need no batch any more."""

    endpoint: str
    at_once: int

    @property
    def done(self) -> int: ...

    def cut(self, file: IO[bytes]) -> Piece | None:
        """Write the lines of the next piece, or None when there is none."""

    def write(self, content: Any, file: IO[bytes]) -> None:
        """Write the lines of a piece again."""

    def take(self, content: Any, answers: Iterator[Answer]) -> Sequence[Piece]:
        """Keep what a batch gave, and say what has to be in another one."""


class Bulk:
    """Submits, watches and collects."""

    def __init__(self, client: Client, state: BulkState, work: Work, meter: Meter) -> None:
        self._client, self._state, self._work, self._meter = client, state, work, meter
        self._found = {part.batch for part in state.parts}  # how they ended is not news to the user who resumes
        self._fresh = (state.number, work.done)
        tried: list[Part | WaitingPart] = [*state.parts, *state.waiting]
        for one in tried:
            one.tries = 0  # the user who resumes wants another try

    def run(self, *, cancel_on_interrupt: bool) -> None:
        """Work until nothing is left; an interruption says how to go on."""
        self._client.get("/v1/batches", limit=1)  # a server that is not there is said at once
        self._client.patience = PATIENT
        try:
            self._state.save()
            self._adopt()
            while self._fill():
                self._look()
        except Hopeless:
            self._cancel()
            if self._fresh == (0, self._work.done):  # nothing is lost with it
                self._state.path.unlink()
            raise
        except (KeyboardInterrupt, click.ClickException) as error:
            if cancel_on_interrupt and isinstance(error, KeyboardInterrupt):
                self._cancel()
            ids = ", ".join(part.batch for part in self._state.parts if part.batch)
            if ids and not cancel_on_interrupt:
                click.echo(f"\n{ids} goes on without this command", err=True)
            click.echo(f"\nto go on: {again()}", err=True)
            raise

    def _adopt(self) -> None:
        """Find the batches that an earlier run submitted and could not note."""
        lost: dict[str | None, Part] = {str(part.number): part for part in self._state.parts if part.batch is None}
        if not lost:
            return
        for batch in islice(self._client.pages("/v1/batches", limit=100), _LOOKED_BACK):
            metadata = batch.get("metadata") or {}
            if metadata.get("mlxq_run") == self._state.run and (part := lost.get(metadata.get("mlxq_part"))):
                part.input_file, part.batch = batch["input_file_id"], batch["id"]

    def _fill(self) -> bool:
        for part in self._state.parts:
            if part.batch is None:
                with _scratch() as path:
                    with path.open("wb") as file:
                        self._work.write(part.content, file)
                    self._submit(part, path)
        while len(self._state.parts) < self._work.at_once:
            with _scratch() as path:
                with path.open("wb") as file:
                    fresh = self._next(file)
                if fresh is None:
                    break
                self._state.save()
                self._submit(fresh, path)
            self._collected()  # what is done need not wait for the others to be uploaded
        return bool(self._state.parts)

    def _next(self, file: IO[bytes]) -> Part | None:
        if self._state.waiting:
            waiting = self._state.waiting.pop(0)
            self._work.write(waiting.content, file)
            part = Part(self._state.number, waiting.size, waiting.content, waiting.tries)
        elif piece := self._work.cut(file):
            part = Part(self._state.number, piece.size, piece.content)
        else:
            return None
        self._state.number += 1
        self._state.parts.append(part)
        return part

    def _submit(self, part: Part, path: Path) -> None:
        part.input_file = self._client.upload(path, "batch", f"{self._state.run}-{part.number}.jsonl")
        body = {
            "input_file_id": part.input_file,
            "endpoint": self._work.endpoint,
            "completion_window": "24h",
            "metadata": {"mlxq_run": self._state.run, "mlxq_part": str(part.number)},
        }
        try:
            part.batch = str(self._client.post("/v1/batches", body, once=True)["id"])
        except AnswerLost:
            self._adopt()
            if part.batch is None:
                raise
        self._state.save()

    def _look(self) -> None:
        """Poll what runs until one of it has ended and is collected."""
        pause = 0.05
        while not self._collected():
            time.sleep(pause)
            pause = min(1.5 * pause, 2.0)

    def _collected(self) -> bool:
        """Collect the first one that has ended, if one has."""
        shares = 0.0
        for part in self._state.parts:
            batch = self._batch(part)
            if batch["status"] in ENDED:
                self._collect(part, batch)
                return True
            shares += part.size * share(batch)
        self._meter.show(int(self._work.done + shares))
        return False

    def _batch(self, part: Part) -> Json:
        try:
            return self._client.get(f"/v1/batches/{part.batch}")
        except ServerError as error:
            if error.status != 404:
                raise
            return {"id": part.batch, "status": "expired"}  # the server forgot it

    def _collect(self, part: Part, batch: Json) -> None:
        with _scratch() as folder:
            left = self._work.take(part.content, self._answers(batch, folder))
        if left and part.tries + 1 >= MOST_TRIES:
            raise RequestsFailed(f"{part.batch} and {part.tries} batches before it have left requests unanswered")
        self._state.waiting += [WaitingPart(piece.size, piece.content, part.tries + 1) for piece in left]
        self._state.parts.remove(part)
        self._state.save()
        self._meter.show(self._work.done)
        for file in (batch.get("output_file_id"), batch.get("error_file_id"), part.input_file):
            if file:
                self._client.forget(f"/v1/files/{file}")
        if batch["status"] == "failed":
            raise Hopeless(refused(batch))
        if batch["status"] == "cancelled" and part.batch not in self._found:
            raise RequestsFailed(f"{part.batch} was cancelled")

    def _answers(self, batch: Json, path: Path) -> Iterator[Answer]:
        for file in (batch.get("output_file_id"), batch.get("error_file_id")):
            if not file:
                continue
            try:
                self._client.download(f"/v1/files/{file}/content", path)
            except ServerError as error:
                if error.status != 404:
                    raise
                continue  # the server forgot it, as it forgets everything in time
            with path.open("rb") as lines:
                yield from map(answer, lines)

    def _cancel(self) -> None:
        self._client.patience = QUICK
        for part in self._state.parts:
            if part.batch:
                with suppress(ServerError):
                    self._client.post(f"/v1/batches/{part.batch}/cancel")
                    click.echo(f"\n{part.batch} is cancelled", err=True)


class _scratch:  # noqa: N801 - a context manager, read like a function
    """A path for a large file of ours, gone afterwards."""

    def __enter__(self) -> Path:
        self._folder = tempfile.TemporaryDirectory(prefix="mlxq-")
        return Path(self._folder.name) / "lines.jsonl"

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()


def answer(line: bytes) -> Answer:
    """One line of a batch's output or error file."""
    value = json.loads(line)
    response = value.get("response")
    if response is None:
        return Answer(value["custom_id"], error=value["error"])
    if response["status_code"] < 400:
        return Answer(value["custom_id"], body=response["body"])
    body = response["body"]
    error = body.get("error") if isinstance(body, dict) else None
    return Answer(value["custom_id"], error={**(error or {"message": str(body)}), "status": response["status_code"]})


def share(batch: Json) -> float:
    """How much of a batch is done, 0 to 1."""
    counts = batch.get("request_counts") or {}
    return float((counts.get("completed", 0) + counts.get("failed", 0)) / (counts.get("total") or 1))


def refused(batch: Json) -> str:
    """Why a batch did not begin, in one line."""
    errors = (batch.get("errors") or {}).get("data") or []
    reasons = "; ".join(
        (f"line {error['line']}: " if error.get("line") else "") + str(error.get("message")) for error in errors[:3]
    )
    more = f"; and {len(errors) - 3} more" if len(errors) > 3 else ""
    return f"the server refuses {batch['id']}: {reasons or 'it does not say why'}{more}"
