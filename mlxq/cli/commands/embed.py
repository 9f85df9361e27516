"""`mlxq embed`: any number of texts to vectors, through batches."""

from __future__ import annotations

import sys
from base64 import b64decode
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from shutil import copyfileobj
from typing import IO, Any

import click

from mlxq.cli.bulk import vectors
from mlxq.cli.bulk.files import replacing
from mlxq.cli.bulk.lines import line
from mlxq.cli.bulk.state import BulkState, begin, permit
from mlxq.cli.bulk.texts import KINDS, Survey, Texts
from mlxq.cli.bulk.vectors import Vectors
from mlxq.cli.bulk.work import MOST_LINES, Answer, Bulk, Hopeless, Piece
from mlxq.cli.client import Client, Json, RequestsFailed, talks
from mlxq.cli.terminal import show
from mlxq.cli.terminal.progress import Meter

ENDPOINT = "/v1/embeddings"
TOGETHER = 64  # texts in a line
MOST_TEXTS = 50_000  # in a batch, as in OpenAI's
_MOST_CHARACTERS = 256 * 1024  # in a line
_MOST_BYTES = 150_000_000  # in a batch's file; what is allowed is 200 MB
_SHOWN = 10  # errors

Numbered = tuple[int, str]


class Embedding:
    """The work: texts in batches, vectors in their rows."""

    endpoint = ENDPOINT
    at_once = 2  # one is computed while the next one is validated

    def __init__(self, texts: Texts, survey: Survey, body: Json, state: BulkState, into: Vectors) -> None:
        self._texts, self._survey, self._body, self._into = texts, survey, body, into
        self._notes = state.work
        for name, value in {"next": 0, "done": survey.empty, "failed": [], "dim": None}.items():
            self._notes.setdefault(name, value)
        into.dim = self._notes["dim"]
        self._ahead = groups(islice(enumerate(texts), self._notes["next"], None), TOGETHER)

    @property
    def done(self) -> int:
        """Texts that have a vector or never will."""
        return int(self._notes["done"])

    @property
    def failed(self) -> list[tuple[int, int, str]]:
        """The ranges of texts without a vector, each with the reason."""
        return [(first, stop, why) for first, stop, why in self._notes["failed"]]

    def cut(self, file: IO[bytes]) -> Piece | None:
        """As many of the next texts as a batch takes."""
        ranges: list[list[int]] = []
        size = 0
        for number, (first, together) in enumerate(self._ahead, 1):
            self._line(file, first, together)
            size += len(together)
            stop = first + len(together)
            if ranges and ranges[-1][1] == first:
                ranges[-1][1] = stop
            else:
                ranges.append([first, stop])
            self._notes["next"] = stop
            if size > MOST_TEXTS - TOGETHER or number == MOST_LINES or file.tell() > _MOST_BYTES:
                break
        return Piece(size, {"ranges": ranges, "together": TOGETHER}) if ranges else None

    def write(self, content: Json, file: IO[bytes]) -> None:
        """The lines of these ranges, read again."""
        wanted = picked(enumerate(self._texts), content["ranges"])
        for first, together in groups(wanted, content["together"]):
            self._line(file, first, together)

    def _line(self, file: IO[bytes], first: int, together: Sequence[str]) -> None:
        body = {**self._body, "input": together, "encoding_format": "base64"}
        file.write(line(f"{first}-{first + len(together)}", ENDPOINT, body))

    def take(self, content: Json, answers: Iterator[Answer]) -> Sequence[Piece]:
        """Put vectors into their rows; texts of a line that failed are asked for one by one."""
        embedded: list[list[int]] = []
        alone: list[list[int]] = []
        failed: list[list[Any]] = []
        for answer in answers:
            first, stop = map(int, answer.id.split("-"))
            if answer.error is None:
                self._put(first, stop, answer.body)
                embedded.append([first, stop])
            elif answer.everyones("input"):
                raise Hopeless(f"no text can be embedded: {answer.error.get('message')}")
            elif not answer.unanswered and stop - first > 1:
                alone.append([first, stop])
            elif not answer.unanswered:
                failed.append([first, stop, str(answer.error.get("message"))])
        self._into.flush()
        left = without(content["ranges"], [*embedded, *alone, *(one[:2] for one in failed)])
        self._notes["done"] += size(embedded) + size(failed)
        self._notes["failed"] += failed
        self._notes["dim"] = self._into.dim
        groups = ((left, content["together"]), (sorted(alone), 1))
        return [Piece(size(some), {"ranges": some, "together": together}) for some, together in groups if some]

    def _put(self, first: int, stop: int, body: Json) -> None:
        data = sorted(body["data"], key=lambda item: item["index"])
        if len(data) != stop - first:
            raise RequestsFailed(f"the server answers {stop - first} texts with {len(data)} vectors")
        try:
            self._into.put(first, [vectors.row(item["embedding"], b64decode) for item in data])
        except ValueError as error:
            raise RequestsFailed(str(error)) from None

    def finish(self, out: Path) -> None:
        """Turn the rows into the output."""
        for first, stop, _ in self.failed:
            self._into.miss(first, stop)
        if self._survey.empty:
            for index, text in enumerate(self._texts):
                if not text:
                    self._into.miss(index, index + 1)
        self._into.head(self._survey.texts)
        vectors.FORMATS[out.suffix](self._into, out, self._texts)


def groups(pairs: Iterator[Numbered], together: int) -> Iterator[tuple[int, list[str]]]:
    """Texts that follow each other and fit into a line, with the number of their first; empty ones are left out."""
    first, held, characters = 0, list[str](), 0
    for index, text in pairs:
        full = len(held) == together or characters + len(text) > _MOST_CHARACTERS
        if held and (full or index != first + len(held) or not text):
            yield first, held
            held, characters = [], 0
        if text:
            first = first if held else index
            held.append(text)
            characters += len(text)
    if held:
        yield first, held


def picked(pairs: Iterator[Numbered], ranges: Sequence[Sequence[int]]) -> Iterator[Numbered]:
    """Those in these ranges, which are in order."""
    for first, stop in ranges:
        for index, text in pairs:
            if index >= first:
                yield index, text
            if index + 1 >= stop:
                break


def without(ranges: Sequence[Sequence[int]], gone: Sequence[Sequence[int]]) -> list[list[int]]:
    """What is left of ranges when others, which lie inside them, are taken away."""
    left: list[list[int]] = []
    taken = iter(sorted([first, stop] for first, stop in gone))
    hole = next(taken, None)
    for first, stop in ranges:
        while hole is not None and hole[0] < stop:
            if first < hole[0]:
                left.append([first, hole[0]])
            first, hole = hole[1], next(taken, None)
        if first < stop:
            left.append([first, stop])
    return left


def size(ranges: Sequence[Sequence[Any]]) -> int:
    """How many numbers lie in ranges."""
    return sum(one[1] - one[0] for one in ranges)


@click.command()
@click.argument("inputs", nargs=-1, required=True, type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, dir_okay=False), help="A .npy, .parquet or .jsonl."
)
@click.option("--model", help="Who embeds; the only model for embeddings when left out.")
@click.option("--dimensions", type=click.IntRange(1), help="How many numbers a vector has; the model's when left out.")
@click.option("--prompt-name", help="Which of the model's prompts stands before every text.")
@click.option(
    "--input-type", type=click.Choice(("query", "document")), help="Takes the model's prompt for it, where it has one."
)
@click.option(
    "--truncate",
    type=click.Choice(("END", "START")),
    help="Where a text is cut that is too long, which else has no vector.",
)
@click.option(
    "--input-format", type=click.Choice(sorted(set(KINDS.values()))), help="What inputs are, else their names say."
)
@click.option("--column", help="Where csv has the text: 'text', or the only column, when left out.")
@click.option("--field", default="text", help="Where a line of jsonl has the text: 'text' when left out.")
@click.option("--resume", is_flag=True, help="Go on with what an earlier run began.")
@click.option("--overwrite", is_flag=True, help="Begin anew, whatever is there.")
@click.option("--cancel-on-interrupt", is_flag=True, help="Ctrl-C also cancels what runs on the server.")
@show.as_json
@talks
def embed(
    client: Client,
    inputs: tuple[Path, ...],
    out: Path,
    model: str | None,
    dimensions: int | None,
    prompt_name: str | None,
    input_type: str | None,
    truncate: str | None,
    input_format: str | None,
    column: str | None,
    field: str,
    resume: bool,
    overwrite: bool,
    cancel_on_interrupt: bool,
    as_json: bool,
) -> None:
    """Turn texts into vectors.

    INPUTS are txt (a line a text, blank ones left out), csv, tsv or jsonl files, or - for standard input. Vectors stand
    in --out in the order of the texts: .npy is an array (texts, dimensions), .parquet and .jsonl hold the texts too. A
    text without a vector is NaN or null there. Ctrl-C stops this command and not the work: the same command with
    --resume goes on with it. Notes for that are in OUT.mlxq.json until it is done.
    """
    if complete(out, resume=resume, overwrite=overwrite):
        click.echo(f"{out} is complete", err=True)
        return
    notes, under_way = beside(out, "json"), beside(out, "vectors")
    try:
        texts = Texts(spooled(inputs, out, keep=resume and notes.exists()), input_format, column, field)
        survey = texts.survey()
        if survey.texts == survey.empty:
            raise click.UsageError("there is no text in " + ", ".join(map(str, inputs)))
        how = {"prompt_name": prompt_name, "input_type": input_type, "truncate": truncate}
        asked = {"dimensions": dimensions, **{name: value for name, value in how.items() if value is not None}}
        about = {"texts": survey.digest, "model": model or client.model(ENDPOINT), **asked}
        state = begin(notes, about, client, resume=resume, overwrite=overwrite)
        body = {name: value for name, value in about.items() if name != "texts" and value is not None}
        with Vectors(under_way, anew=not state.number) as into:
            work = Embedding(texts, survey, body, state, into)
            with Meter("texts", survey.texts, work.done) as meter:
                Bulk(client, state, work, meter).run(cancel_on_interrupt=cancel_on_interrupt)
            if into.dim:
                work.finish(out)
        notes.unlink()
    finally:
        if not notes.exists():  # there is nothing to go on with
            under_way.unlink(missing_ok=True)
            beside(out, "input").unlink(missing_ok=True)
    tell(out if into.dim else None, survey, work, into.dim, as_json)


def beside(out: Path, what: str) -> Path:
    """A file of ours next to the output."""
    return out.with_name(f"{out.name}.mlxq.{what}")


def complete(out: Path, *, resume: bool, overwrite: bool) -> bool:
    """Whether there is nothing to go on with; click.UsageError when what is there does not allow what was asked."""
    vectors.check(out)
    notes, under_way = beside(out, "json"), beside(out, "vectors")
    permit(notes, resume=resume, overwrite=overwrite)
    if overwrite or (resume and notes.exists() and under_way.exists()):
        return False
    if not resume and out.exists():
        raise click.UsageError(f"{out} exists; --overwrite replaces it")
    if resume and notes.exists() and not out.exists():
        raise click.UsageError(f"{under_way} is gone; --overwrite begins anew")
    if out.exists():  # a run that was killed at its very end leaves its notes
        notes.unlink(missing_ok=True)
    return out.exists()


def spooled(inputs: Sequence[Path], out: Path, *, keep: bool) -> list[Path]:
    """The inputs as files: standard input is kept in one, because it cannot be read twice."""
    path = beside(out, "input")
    if Path("-") in inputs and not (keep and path.exists()):
        with replacing(path) as file:
            copyfileobj(sys.stdin.buffer, file)
    return [path if one == Path("-") else one for one in inputs]


def tell(out: Path | None, survey: Survey, work: Embedding, dim: int | None, as_json: bool) -> None:
    """Say what came of it; RequestsFailed when texts have no vector."""
    missing = size(work.failed) + survey.empty
    if as_json:
        errors = [{"first": first, "stop": stop, "message": why} for first, stop, why in work.failed]
        summary = {"out": str(out) if out else None, "texts": survey.texts, "dimensions": dim, "empty": survey.empty}
        show.dump({**summary, "failed": size(work.failed), "errors": errors})
    elif out:
        click.echo(f"{survey.texts - missing:,} vectors of {dim} numbers in {out}")
    for first, _, why in work.failed[:_SHOWN]:
        click.echo(f"text {first + 1:,}: {why}", err=True)
    if missing:
        empty = f", {survey.empty:,} of them empty" if survey.empty else ""
        raise RequestsFailed(f"{missing:,} of {survey.texts:,} texts have no vector{empty}")
