"""`mlxq jobs`: what is queued, what runs, what came of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import click

from mlxq.cli.client import PATIENT, Client, Json, RequestsFailed, talks
from mlxq.cli.terminal import show
from mlxq.cli.terminal.progress import Meter

STATUSES = ("queued", "running", "succeeded", "failed", "cancelled", "expired")
_UNFINISHED = STATUSES[:2]
_PAGE = 100
_COLUMNS = ("id", "status", "model", "endpoint", "created", "progress", "error")


@click.group()
def jobs() -> None:
    """List jobs, wait for them, end them.

    A job is any call of the API, from the queue to its result.
    """


@jobs.command()
@click.option("--status", type=click.Choice(STATUSES), help="Only jobs that are so.")
@click.option("--model", help="Only jobs of this model.")
@click.option("--endpoint", help="Only calls of this path, as /v1/embeddings.")
@click.option("--idempotency-key", help="Only the jobs of this key.")
@click.option(
    "--include", type=click.Choice(["sync", "batch"]), help="Calls that a client waits for, or batches' lines."
)
@click.option("--owner", help="The jobs of this key's id, or of 'all'; for the admin key.")
@click.option("--limit", type=click.IntRange(1), default=20, help="How many at most; 20 when left out.")
@click.option("--all", "everything", is_flag=True, help="However many there are.")
@click.option("--ids", is_flag=True, help="Print ids and nothing else, for other commands.")
@show.as_json
@talks
def ls(
    client: Client,
    status: str | None,
    model: str | None,
    endpoint: str | None,
    idempotency_key: str | None,
    include: str | None,
    owner: str | None,
    limit: int,
    everything: bool,
    ids: bool,
    as_json: bool,
) -> None:
    """List your jobs, newest first."""
    asked = {"status": status, "model": model, "endpoint": endpoint, "idempotency_key": idempotency_key, "owner": owner}
    pages = client.pages("/v1/jobs", **asked, include=include, limit=_PAGE if everything else min(limit, _PAGE))
    listed = list(pages if everything else islice(pages, limit))
    if ids:
        click.echo("".join(f"{job['id']}\n" for job in listed), nl=False)
    elif as_json:
        show.dump(listed)
    elif owner is None:
        show.table(_COLUMNS, map(_row, listed))
    else:
        show.table((*_COLUMNS, "owner"), ((*_row(job), job["owner"]) for job in listed))


def _row(job: Json) -> Sequence[object]:
    return (
        job["id"],
        job["status"],
        job["model"],
        job["endpoint"],
        show.when(job["created_at"]),
        f"{job['progress']} %" if job["status"] == "running" else None,
        show.problem(job["error"]),
    )


@jobs.command("show")
@click.argument("job")
@talks
def show_(client: Client, job: str) -> None:
    """Print a job as JSON."""
    show.dump(client.get(f"/v1/jobs/{job}"))


@jobs.command()
@click.argument("jobs", metavar="JOB...", nargs=-1, required=True)
@click.option("--timeout", type=click.FloatRange(0), help="Seconds to wait at most; then the exit code is 1.")
@show.as_json
@talks
def wait(client: Client, jobs: tuple[str, ...], timeout: float | None, as_json: bool) -> None:
    """Wait until jobs have ended; the exit code is 0 when all of them succeeded."""
    ended = follow(client, list(dict.fromkeys(jobs)), timeout)
    if as_json:
        show.dump(ended)
    else:
        show.table(("id", "status", "error"), ((job["id"], job["status"], show.problem(job["error"])) for job in ended))
    if bad := sum(job["status"] != "succeeded" for job in ended):
        raise RequestsFailed(f"{bad} of {len(ended)} jobs have not succeeded")
    click.echo(f"results: mlxq jobs result {ended[0]['id']}", err=True)


def follow(client: Client, ids: Sequence[str], timeout: float | None) -> list[Json]:
    """Poll jobs until they have ended or time is up, and return them as they are then."""
    until = float("inf") if timeout is None else time.monotonic() + timeout
    records: dict[str, Json] = {}
    pause = 0.05
    with Meter("jobs", len(ids)) as meter:
        while True:
            for job in ids:
                if job not in records or records[job]["status"] in _UNFINISHED:
                    records[job] = client.get(f"/v1/jobs/{job}")
            client.patience = PATIENT
            open_ = [job for job in records.values() if job["status"] in _UNFINISHED]
            meter.show(len(ids) - len(open_), _what(open_[0]) if open_ else "")
            if not open_ or time.monotonic() >= until:
                return [records[job] for job in ids]
            time.sleep(max(0.0, min(pause, until - time.monotonic())))
            pause = min(1.5 * pause, 2.0)


def _what(job: Json) -> str:
    if job["status"] == "running":
        return f"running, {job['progress']} %"
    ahead = job.get("queue_position")
    return "queued" if ahead is None else f"queued, {ahead} ahead"


@jobs.command()
@click.argument("jobs", metavar="JOB...", nargs=-1, required=True)
@show.as_json
@talks
def cancel(client: Client, jobs: tuple[str, ...], as_json: bool) -> None:
    """End jobs now."""
    ended = [client.post(f"/v1/jobs/{job}/cancel") for job in jobs]
    if as_json:
        show.dump(ended)
    else:
        show.table(("id", "status"), ((job["id"], job["status"]) for job in ended))


@jobs.command()
@click.argument("job")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="A file; standard output when left out.")
@talks
def result(client: Client, job: str, out: Path | None) -> None:
    """Print what the call answers, byte for byte."""
    path = f"/v1/jobs/{job}/result"
    record = client.get(f"/v1/jobs/{job}")
    if record["status"] in _UNFINISHED:
        raise RequestsFailed(f"{job} is {record['status']}; `mlxq jobs wait {job}` waits for it")
    if record["status"] != "succeeded":
        raise RequestsFailed(f"{job} is {record['status']}: {show.problem(record['error']) or 'it has no result'}")
    if out is not None:
        client.download(path, out)
        return
    client.copy(path, sys.stdout.buffer.write)
    sys.stdout.buffer.flush()
