"""What a piece of bulk work needs to go on after an interruption, in a small JSON file beside its output."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import click

from mlxq.cli.bulk.files import replacing
from mlxq.cli.client import Client, Json, ServerError

VERSION = 1


@dataclass
class Part:
    """One batch's share: a number of units, described by `content`; without `batch` while it is being submitted."""

    number: int
    size: int
    content: Any
    tries: int = 0
    input_file: str | None = None
    batch: str | None = None


@dataclass
class WaitingPart:
    """Units that were in a batch and have to be in another one."""

    size: int
    content: Any
    tries: int


@dataclass
class BulkState:
    """`about` says what the work is, `parts` are the batches under way, `work` is the work's own notes."""

    path: Path
    about: Json
    run: str = field(default_factory=lambda: uuid4().hex)
    number: int = 0
    parts: list[Part] = field(default_factory=list)
    waiting: list[WaitingPart] = field(default_factory=list)
    work: Json = field(default_factory=dict)

    def save(self) -> None:
        """Write it as a whole, so that an interruption leaves the one before."""
        held = {name: value for name, value in asdict(self).items() if name != "path"}
        with replacing(self.path) as file:
            file.write(json.dumps({"version": VERSION, **held}).encode())

    @classmethod
    def load(cls, path: Path) -> BulkState | None:
        """The state in a file, or None without one; click.UsageError when it cannot be read."""
        try:
            held = json.loads(path.read_bytes())
            if held.pop("version") != VERSION:
                raise ValueError("it is of another version of mlxq")
            parts = [Part(**part) for part in held.pop("parts")]
            waiting = [WaitingPart(**one) for one in held.pop("waiting")]
            return cls(path=path, parts=parts, waiting=waiting, **held)
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise click.UsageError(f"{path} cannot be read: {error}; --overwrite begins anew") from None


def begin(path: Path, about: Json, client: Client, *, resume: bool, overwrite: bool) -> BulkState:
    """The state to go on with, or a new one; click.UsageError when that is not what was asked for."""
    permit(path, resume=resume, overwrite=overwrite)
    if overwrite:
        _abandon(path, client)
        return BulkState(path, about)
    state = BulkState.load(path)
    if state is None:
        return BulkState(path, about)
    if changed := [name for name in about if state.about.get(name) != about[name]]:
        raise click.UsageError(
            f"{' and '.join(changed)} changed since {path} was written; --overwrite begins anew with what there is now"
        )
    return state


def permit(path: Path, *, resume: bool, overwrite: bool) -> None:
    """click.UsageError when work was begun, and it was not said what to do with it."""
    if path.exists() and not (resume or overwrite):
        raise click.UsageError(f"{path} says that this was begun: --resume goes on with it, --overwrite begins anew")


def _abandon(path: Path, client: Client) -> None:
    """Nobody will read what is still running for a state that is overwritten."""
    try:
        state = BulkState.load(path)
    except click.UsageError:
        return
    for part in state.parts if state else ():
        if part.batch:
            try:
                client.post(f"/v1/batches/{part.batch}/cancel")
            except ServerError:
                click.echo(f"batch {part.batch} of the earlier run could not be cancelled", err=True)


def again() -> str:
    """The command line that goes on with what this one began."""
    words = [word for word in sys.argv[1:] if word not in ("--overwrite", "--resume")]
    return shlex.join(["mlxq", *words, "--resume"])
