"""`mlxq batch`: a file of requests, submitted, watched and fetched."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import click

from mlxq.cli.bulk.work import ENDED, refused
from mlxq.cli.client import PATIENT, AnswerLost, Client, Json, RequestsFailed, ServerError, talks
from mlxq.cli.terminal import show
from mlxq.cli.terminal.progress import Meter

_DIGEST = "mlxq_file"  # the metadata by which --resume finds a batch
_LOOKED_BACK = 1000
_STILL_GOOD = frozenset({"validating", "in_progress", "finalizing", "completed"})
_PAGE = 100

out_file = click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="A file for the answers; fetched when it has ended."
)
errors_file = click.option(
    "--errors", type=click.Path(path_type=Path, dir_okay=False), help="A file for the requests that failed."
)


@click.group()
def batch() -> None:
    """Files of requests, as OpenAI's Batch API takes them."""


def _metadata(ctx: click.Context, option: click.Parameter, values: Sequence[str]) -> dict[str, str]:
    pairs = [value.partition("=") for value in values]
    if bad := ["".join(pair) for pair in pairs if not (pair[0] and pair[1])]:
        raise click.BadParameter(f"'{bad[0]}' is not KEY=VALUE")
    return {name: value for name, _, value in pairs}


@batch.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--endpoint", help="The path that the requests go to; the first line's url when left out.")
@click.option("--window", default="24h", help="How long the batch may take; 24h when left out.")
@click.option("--metadata", multiple=True, callback=_metadata, metavar="KEY=VALUE", help="A note, as often as needed.")
@click.option("--watch", "watched", is_flag=True, help="Wait until it has ended.")
@click.option("--resume", is_flag=True, help="Take up the batch that this very file was submitted as, if there is one.")
@out_file
@errors_file
@show.as_json
@talks
def submit(
    client: Client,
    file: Path,
    endpoint: str | None,
    window: str,
    metadata: dict[str, str],
    watched: bool,
    resume: bool,
    out: Path | None,
    errors: Path | None,
    as_json: bool,
) -> None:
    """Submit a .jsonl file of requests; with --watch, --out or --errors wait for their answers.

    Ctrl-C stops this command and not the batch: the same command with --resume goes on with it.
    """
    endpoint = endpoint or _endpoint(file)
    digest = _digest(file, endpoint)
    batch_ = _earlier(client, digest) if resume else None
    if batch_ is None:
        body = {
            "input_file_id": client.upload(file, "batch"),
            "endpoint": endpoint,
            "completion_window": window,
            "metadata": {**metadata, _DIGEST: digest},
        }
        try:
            batch_ = client.post("/v1/batches", body, once=True)
        except AnswerLost as error:
            raise ServerError(f"{error.message}; the same command with --resume finds out") from None
        click.echo(f"submitted {batch_['id']}", err=True)
    else:
        click.echo(f"{batch_['id']} is {batch_['status']}", err=True)
    if watched or out or errors:
        _finish(client, _follow(client, batch_["id"]), out, errors, as_json)
        return
    if as_json:
        show.dump(batch_)
    else:
        click.echo(batch_["id"])
    click.echo(f"to go on: mlxq batch watch {batch_['id']}", err=True)


def _endpoint(file: Path) -> str:
    with file.open("rb") as lines:
        try:
            return str(json.loads(next(lines))["url"])
        except (StopIteration, ValueError, KeyError, TypeError):
            raise click.UsageError(f"{file}: its first line is not a request with a 'url'") from None


def _digest(file: Path, endpoint: str) -> str:
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256")
    digest.update(endpoint.encode())
    return digest.hexdigest()


def _earlier(client: Client, digest: str) -> Json | None:
    batches = islice(client.pages("/v1/batches", limit=_PAGE), _LOOKED_BACK)
    return next(
        (one for one in batches if (one.get("metadata") or {}).get(_DIGEST) == digest and one["status"] in _STILL_GOOD),
        None,
    )


@batch.command()
@click.argument("batch_id", metavar="BATCH")
@out_file
@errors_file
@show.as_json
@talks
def watch(client: Client, batch_id: str, out: Path | None, errors: Path | None, as_json: bool) -> None:
    """Wait until a batch has ended; the exit code is 0 when every request was answered."""
    _finish(client, _follow(client, batch_id), out, errors, as_json)


def _follow(client: Client, batch_id: str) -> Json:
    batch = client.get(f"/v1/batches/{batch_id}")
    client.patience = PATIENT
    pause = 0.05
    try:
        with Meter("requests", _total(batch)) as meter:
            while True:
                counts = batch.get("request_counts") or {}
                meter.total(_total(batch))
                meter.show(counts.get("completed", 0) + counts.get("failed", 0), batch["status"])
                if batch["status"] in ENDED:
                    return batch
                time.sleep(pause)
                pause = min(1.5 * pause, 2.0)
                batch = client.get(f"/v1/batches/{batch_id}")
    except (KeyboardInterrupt, click.ClickException):
        click.echo(f"\n{batch_id} goes on without this command; to go on: mlxq batch watch {batch_id}", err=True)
        raise


def _total(batch: Json) -> int:
    return int((batch.get("request_counts") or {}).get("total", 0))


def _finish(client: Client, batch: Json, out: Path | None, errors: Path | None, as_json: bool) -> None:
    """Fetch what was asked for, say how it went, and fail unless all went well."""
    for file, to in ((batch.get("output_file_id"), out), (batch.get("error_file_id"), errors)):
        if to is not None:
            if file:
                client.download(f"/v1/files/{file}/content", to)
            else:
                to.write_bytes(b"")
    counts = batch.get("request_counts") or {}
    if as_json:
        show.dump(batch)
    else:
        summary = f"{counts.get('completed', 0):,} of {counts.get('total', 0):,} requests answered"
        click.echo(f"{batch['id']} is {batch['status']}: {summary}")
    if out is None and batch.get("output_file_id"):
        click.echo(f"the answers: mlxq batch results {batch['id']} --out answers.jsonl", err=True)
    _judge(batch, errors)


def _judge(batch: Json, errors: Path | None) -> None:
    if batch["status"] == "failed":
        raise RequestsFailed(refused(batch))
    counts = batch.get("request_counts") or {}
    unanswered = counts.get("total", 0) - counts.get("completed", 0)
    if unanswered or batch["status"] != "completed":
        where = f"in {errors}" if errors else f"mlxq batch results {batch['id']} --errors errors.jsonl"
        raise RequestsFailed(f"{unanswered:,} of {counts.get('total', 0):,} requests have no answer; why: {where}")


@batch.command()
@click.argument("batch_id", metavar="BATCH")
@show.as_json
@talks
def cancel(client: Client, batch_id: str, as_json: bool) -> None:
    """End a batch; what was answered until then stays."""
    batch_ = client.post(f"/v1/batches/{batch_id}/cancel")
    if as_json:
        show.dump(batch_)
    else:
        click.echo(f"{batch_id} is {batch_['status']}")
        click.echo(f"what was answered: mlxq batch results {batch_id} --out answers.jsonl", err=True)


@batch.command()
@click.argument("batch_id", metavar="BATCH")
@out_file
@errors_file
@show.as_json
@talks
def results(client: Client, batch_id: str, out: Path | None, errors: Path | None, as_json: bool) -> None:
    """Fetch the answers of a batch that has ended: to --out, or standard output when no file is given."""
    batch_ = client.get(f"/v1/batches/{batch_id}")
    if batch_["status"] not in ENDED:
        raise RequestsFailed(f"{batch_id} is {batch_['status']}; `mlxq batch watch {batch_id}` waits for it")
    if out or errors:
        _finish(client, batch_, out, errors, as_json)
        return
    write: Callable[[bytes], Any] = sys.stdout.buffer.write
    if batch_.get("output_file_id"):
        client.copy(f"/v1/files/{batch_['output_file_id']}/content", write)
        sys.stdout.buffer.flush()
    _judge(batch_, errors)


@batch.command("list")
@click.option("--limit", type=click.IntRange(1), default=20, help="How many at most; 20 when left out.")
@show.as_json
@talks
def list_(client: Client, limit: int, as_json: bool) -> None:
    """List your batches, newest first."""
    batches = list(islice(client.pages("/v1/batches", limit=min(limit, _PAGE)), limit))
    if as_json:
        show.dump(batches)
        return
    show.table(
        ("id", "status", "endpoint", "created", "answered", "failed", "total"),
        ((one["id"], one["status"], one["endpoint"], show.when(one["created_at"]), *_counts(one)) for one in batches),
    )


def _counts(one: Json) -> Sequence[object]:
    counts = one.get("request_counts") or {}
    return [counts.get(name, 0) for name in ("completed", "failed", "total")]
