"""`mlxq transcribe`: recordings and folders of them to text, through batches."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, NoReturn

import click

from mlxq.cli.bulk.arrivals import Arrivals
from mlxq.cli.bulk.files import replacing
from mlxq.cli.bulk.lines import line
from mlxq.cli.bulk.state import BulkState, begin
from mlxq.cli.bulk.work import Answer, Bulk, Hopeless, Piece
from mlxq.cli.client import Client, Json, RequestsFailed, ServerError, talks
from mlxq.cli.terminal import show
from mlxq.cli.terminal.progress import Meter

ENDPOINT = "/v1/audio/transcriptions"
RECORDINGS = frozenset(
    {".aac", ".aif", ".aiff", ".amr", ".flac", ".m4a", ".m4b", ".mka", ".mkv", ".mov", ".mp3", ".mp4", ".mpeg", ".mpga"}
    | {".oga", ".ogg", ".opus", ".wav", ".webm", ".wma"}
)
SUFFIXES = {"text": ".txt", "srt": ".srt", "vtt": ".vtt"}  # of the others .json
NOTES = ".mlxq.json"
EVERY = 2.0  # seconds between two looks at watched folders
_KEPT = 7 * 86_400  # seconds that the server has a recording, unless it is deleted before
_REFUSED_ALONE = frozenset({400, 413, 415})


class Recording(NamedTuple):
    """A recording, and where its text goes."""

    source: str
    out: str


class Transcription:
    """The work: recordings uploaded and submitted, texts in their files."""

    endpoint = ENDPOINT
    at_once = 8  # a recording a batch, so that its text is there as soon as it is made

    def __init__(
        self, client: Client, recordings: Sequence[Recording], body: Json, state: BulkState, meter: Meter, begun: int
    ) -> None:
        self._client, self._body, self._state, self._meter = client, body, state, meter
        state.work.setdefault("uploaded", {})
        state.work.setdefault("failed", [])
        self._stale: list[str] = state.work.setdefault("stale", [])  # texts of before, to be replaced
        contents = [part.content for part in state.parts] + [waiting.content for waiting in state.waiting]
        under_way = {one["source"] for content in contents for one in content}
        self._done = begun + len(self.failed)
        known = under_way | {source for source, _ in self.failed}
        self._ahead = iter([one for one in recordings if one.source not in known])

    @property
    def done(self) -> int:
        """Recordings whose text is written, or never will be."""
        return self._done

    @property
    def failed(self) -> list[tuple[str, str]]:
        """Recordings without a text, each with the reason."""
        return [(source, why) for source, why in self._state.work["failed"]]

    def cut(self, file: IO[bytes]) -> Piece | None:
        """Upload the next recording that can be."""
        for one in self._ahead:
            self._meter.show(self._done, f"uploading {Path(one.source).name}")
            if uploaded := self._upload(one.source):
                self._state.work["uploaded"] = {}
                content = [{**one._asdict(), "file": uploaded}]
                self.write(content, file)
                return Piece(len(content), content)
        return None

    def _upload(self, source: str) -> str | None:
        uploaded: dict[str, str] = self._state.work["uploaded"]
        try:
            if source not in uploaded:
                uploaded[source] = self._client.upload(Path(source), "user_data", keep=_KEPT)
                self._state.save()
            return uploaded[source]
        except OSError as error:
            self._fail(source, f"cannot be read: {error.strerror}")
        except ServerError as error:
            if error.status not in _REFUSED_ALONE:
                raise
            self._fail(source, error.message)
        return None

    def _fail(self, source: str, why: str) -> None:
        self._state.work["failed"].append([source, why])
        self._done += 1

    def write(self, content: Sequence[Json], file: IO[bytes]) -> None:
        """A line a recording, called by its place in the batch."""
        for number, one in enumerate(content):
            file.write(line(str(number), ENDPOINT, {**self._body, "file": one["file"]}))

    def take(self, content: Sequence[Json], answers: Iterator[Answer]) -> Sequence[Piece]:
        """Write the texts, and note what failed."""
        left = dict(enumerate(content))
        for answer in answers:
            if answer.unanswered:
                continue
            one = left[int(answer.id)]
            if answer.error is None:
                save(Path(one["out"]), answer.body)
                if one["out"] in self._stale:
                    self._stale.remove(one["out"])
                self._done += 1
            elif answer.everyones("file"):
                raise Hopeless(f"no recording can be transcribed: {answer.error.get('message')}")
            else:
                self._fail(one["source"], str(answer.error.get("message")))
            del left[int(answer.id)]
            self._client.forget(f"/v1/files/{one['file']}")
        return [Piece(len(left), list(left.values()))] if left else []


def save(out: Path, body: Any) -> None:
    """Write an answer: text as it is, anything else as JSON."""
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    with replacing(out) as file:
        file.write((text if text.endswith("\n") else f"{text}\n").encode())


def check_format(client: Client, format_: str) -> None:
    """Raise RequestsFailed for a format that the server does not write, before anything is sent there."""
    bodies = client.get("/openapi.json").get("components", {}).get("schemas", {})
    fields = bodies.get("CreateTranscriptionRequest", {}).get("properties", {})
    known = fields.get("response_format", {}).get("enum")
    if known and format_ not in known:
        raise RequestsFailed(f"this server writes {', '.join(filter(None, known))}, not '{format_}'")


def is_recording(path: Path) -> bool:
    """Whether a file's name says so; hidden ones are what macOS notes beside its files."""
    return path.suffix.lower() in RECORDINGS and not path.name.startswith(".") and path.is_file()


def collect(paths: Sequence[Path], folder: Path, suffix: str, *, watch: bool = False) -> list[Recording]:
    """The recordings that are named or lie in named folders, each with its output.

    Outputs are named like the recordings, with their suffixes kept where two would be one. click.UsageError when there
    is none, or two are called the same; where folders are watched, there may be none yet.
    """
    outputs: dict[Path, Path] = {}
    for path in paths:
        below = sorted(one for one in path.rglob("*") if is_recording(one))
        for source in below if path.is_dir() else [path]:
            outputs.setdefault(source.resolve(), source.relative_to(path) if path.is_dir() else Path(source.name))
    if not outputs and not watch:
        raise click.UsageError("there is no recording in " + ", ".join(map(str, paths)))
    stems = Counter(name.with_suffix("") for name in outputs.values())
    outs: dict[Path, Path] = {}
    for source, name in outputs.items():
        plain = name.with_suffix("")
        out = folder / (plain if stems[plain] == 1 else name)
        out = out.with_name(out.name + suffix)
        if out in outs:
            raise click.UsageError(f"{outs[out]} and {source} would both be written to {out}; run them apart")
        outs[out] = source
    return [Recording(str(source), str(out)) for out, source in outs.items()]


class Run(NamedTuple):
    """What every pass over recordings is done with."""

    client: Client
    notes: Path
    body: Json
    cancel_on_interrupt: bool

    def once(
        self, collected: Sequence[Recording], *, resume: bool, overwrite: bool
    ) -> tuple[int, Sequence[tuple[str, str]]]:
        """Write down recordings; how many of them were written before, and which have no text, with the reasons."""
        written = [one for one in collected if Path(one.out).exists()]
        state = begin(self.notes, {"options": self.body}, self.client, resume=resume, overwrite=overwrite)
        if overwrite:
            state.work["stale"] = [one.out for one in written]
        current = {one.out for one in written} - set(state.work.get("stale", ()))
        left = [one for one in collected if one.out not in current]
        skipped = len(collected) - len(left)
        with Meter("recordings", len(collected), skipped) as meter:
            work = Transcription(self.client, left, self.body, state, meter, skipped)
            Bulk(self.client, state, work, meter).run(cancel_on_interrupt=self.cancel_on_interrupt)
        self.notes.unlink(missing_ok=True)
        return skipped, work.failed

    def watch(self, collected: Callable[[], Sequence[Recording]]) -> NoReturn:
        """Write down what is there, and what comes, for as long as nobody interrupts it."""
        if self.notes.exists():
            self.once(collected(), resume=True, overwrite=False)
        arrivals, given_up = Arrivals(), set[str]()
        while True:
            left = [one for one in collected() if not Path(one.out).exists() and one.source not in given_up]
            settled = arrivals.settled(one.source for one in left)
            if settled:
                _, failed = self.once([one for one in left if one.source in settled], resume=True, overwrite=False)
                given_up |= {source for source, _ in failed}
                for source, why in failed:
                    click.echo(f"{source}: {why}", err=True)
            time.sleep(EVERY)


@click.command()
@click.argument("recordings", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--out", required=True, type=click.Path(path_type=Path, file_okay=False), help="A folder for the texts.")
@click.option("--format", "format_", help="json, text, srt, vtt or verbose_json; text when left out.")
@click.option("--model", help="Who listens; the only model for speech when left out.")
@click.option("--language", help="What is spoken, as en; found out when left out.")
@click.option("--prompt", help="What comes before, or names and words to expect.")
@click.option("--temperature", type=click.FloatRange(0, 1), help="0 is the likeliest text.")
@click.option("--granularity", multiple=True, help="Timestamps of word, segment or both, with verbose_json.")
@click.option("--words", is_flag=True, help="The times of words, in verbose_json.")
@click.option("--vad", is_flag=True, help="Listen only to what is speech, not to silence and noise.")
@click.option("--hotwords", help="Names and words to expect, in every part of a recording.")
@click.option("--translate", is_flag=True, help="Write what is said in English, whatever is spoken.")
@click.option("--watch", is_flag=True, help="Go on with what is put into the folders later, until Ctrl-C.")
@click.option("--resume", is_flag=True, help="Leave out what is written, go on with what is under way.")
@click.option("--overwrite", is_flag=True, help="Begin anew, whatever is there.")
@click.option("--cancel-on-interrupt", is_flag=True, help="Ctrl-C also cancels what runs on the server.")
@show.as_json
@talks
def transcribe(
    client: Client,
    recordings: tuple[Path, ...],
    out: Path,
    format_: str | None,
    model: str | None,
    granularity: tuple[str, ...],
    words: bool,
    vad: bool,
    translate: bool,
    watch: bool,
    resume: bool,
    overwrite: bool,
    cancel_on_interrupt: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Write down recordings.

    RECORDINGS are files, or folders with every recording below them. They are sent a few at a time, and each
    text is written to OUT under its recording's name as soon as it is there. Ctrl-C stops this command and not the
    work: the same command with --resume goes on with it. With --watch it does not end by itself: it writes down what
    comes into the folders, once it is all there.
    """
    if words and format_ not in (None, "verbose_json"):
        raise click.UsageError(f"--words needs --format verbose_json, not {format_}")
    if watch and overwrite:
        raise click.UsageError("--watch writes what is not written yet; it cannot go with --overwrite")
    format_ = format_ or ("verbose_json" if words else "text")
    granularity += ("word",) if words else ()
    suffix = SUFFIXES.get(format_, ".json")
    texts = collect(recordings, out, suffix, watch=watch)
    written = [one for one in texts if Path(one.out).exists()]
    notes = out / NOTES
    if written and not (resume or overwrite or watch or notes.exists()):
        raise click.UsageError(
            f"{len(written)} of {len(texts)} texts are there ({written[0].out}); --resume leaves them, --overwrite not"
        )
    check_format(client, format_)
    body: Json = {"model": model or client.model(ENDPOINT), "response_format": format_}
    body |= {name: value for name, value in options.items() if value is not None}
    body |= {"timestamp_granularities": sorted(set(granularity))} if granularity else {}
    body |= {"vad_filter": True} if vad else {}
    body |= {"task": "translate"} if translate else {}
    run = Run(client, notes, body, cancel_on_interrupt)
    if watch:
        run.watch(lambda: collect(recordings, out, suffix, watch=True))
    skipped, failed = run.once(texts, resume=resume, overwrite=overwrite)
    tell(out, len(texts), skipped, failed, as_json)


def tell(out: Path, count: int, skipped: int, failed: Sequence[tuple[str, str]], as_json: bool) -> None:
    """Say what came of it; RequestsFailed when recordings have no text."""
    if as_json:
        errors = [{"recording": source, "message": why} for source, why in failed]
        show.dump({"out": str(out), "recordings": count, "skipped": skipped, "failed": len(failed), "errors": errors})
    else:
        click.echo(
            f"{count - len(failed):,} texts in {out}" + (f", {skipped:,} of them from before" if skipped else "")
        )
    for source, why in failed:
        click.echo(f"{source}: {why}", err=True)
    if failed:
        raise RequestsFailed(f"{len(failed):,} of {count:,} recordings have no text; --resume tries them again")
