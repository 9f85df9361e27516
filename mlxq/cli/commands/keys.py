"""`mlxq keys`: who may call the server, and how much."""

from __future__ import annotations

import re
from collections.abc import Sequence

import click

from mlxq.cli.client import Client, Json, administers
from mlxq.cli.terminal import show

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_PERIOD = re.compile(r"(\d+)([smhd]?)", re.ASCII)
_COLUMNS = ("id", "label", "status", "created", "last used", "expires", "limits")
_SHORT = {"concurrent_requests": "at once", "requests_per_minute": "a minute", "unfinished_jobs": "jobs"}


def _seconds(_: click.Context, __: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    match = _PERIOD.fullmatch(value)
    if match is None:
        raise click.BadParameter(f"{value!r} is not a period; say 90s, 10m, 12h or 30d")
    return int(match[1]) * _UNITS[match[2]]


@click.group()
def keys() -> None:
    """Make, list and revoke API keys.

    The server keeps hashes of them. It must have been started with MLXQ_ADMIN_KEY.
    """


@keys.command()
@click.option("--label", required=True, help="Who or what the key is for.")
@click.option(
    "--expires-in",
    metavar="PERIOD",
    callback=_seconds,
    help="How long it is good, as 12h or 30d; for ever when left out.",
)
@click.option("--concurrent-requests", type=click.IntRange(1), help="Requests under way at the same time.")
@click.option("--requests-per-minute", type=click.IntRange(1), help="Requests within any minute.")
@click.option("--unfinished-jobs", type=click.IntRange(1), help="Jobs, polled later, that have not ended.")
@show.as_json
@administers
def create(client: Client, as_json: bool, **asked: str | int | None) -> None:
    """Make a key and print it: nobody can look it up later."""
    given = {name: value for name, value in asked.items() if value is not None}
    key = client.post("/v1/admin/keys", given, once=True)
    if as_json:
        show.dump(key)
        return
    click.echo(key["key"])
    click.echo(f"made {key['id']} for {key['label']}; this is the only time that the key is shown", err=True)


@keys.command("list")
@show.as_json
@administers
def list_(client: Client, as_json: bool) -> None:
    """List every key, also those that were revoked."""
    listed = client.get("/v1/admin/keys")["data"]
    if as_json:
        show.dump(listed)
    else:
        show.table(_COLUMNS, map(_row, listed))


@keys.command()
@click.argument("keys", metavar="KEY...", nargs=-1, required=True)
@show.as_json
@administers
def revoke(client: Client, keys: tuple[str, ...], as_json: bool) -> None:
    """Make keys good for nothing, by their ids; what they have under way goes on."""
    revoked = [client.post(f"/v1/admin/keys/{key}/revoke") for key in keys]
    if as_json:
        show.dump(revoked)
    else:
        show.table(
            ("id", "label", "revoked"), ((one["id"], one["label"], show.when(one["revoked_at"])) for one in revoked)
        )


def _row(key: Json) -> Sequence[object]:
    limits = [f"{value} {_SHORT[name]}" for name, value in key["limits"].items() if value is not None]
    return (
        key["id"],
        key["label"] or "(MLXQ_API_KEYS)",
        key["status"],
        show.when(key["created_at"]),
        show.when(key["last_used_at"]),
        show.when(key["expires_at"]),
        ", ".join(limits) or None,
    )
