"""The models with what waits for each and what its workers do, as `mlxq ps` and `mlxq top` show them."""

from __future__ import annotations

from collections.abc import Sequence

from mlxq.cli.client import Client, Json

COLUMNS = (
    "model",
    "type",
    "state",
    "rows",
    "queued",
    "jobs",
    "batch",
    "tokens/s",
    "tokens",
    "done",
    "failed",
    "memory",
)


def models(client: Client) -> list[Json]:
    """What the server says of each model."""
    return list(client.get("/v1/queue/stats")["models"])


def row(model: Json) -> Sequence[object]:
    """A model's cells, in the order of COLUMNS."""
    queued = model["queued"]
    return (
        model["id"],
        model["type"],
        model["state"],
        f"{model['running']}/{model['slots']}",
        queued["interactive"],
        queued["jobs"],
        queued["batch"],
        model["tokens_per_second"],
        model["generated_tokens"],
        model["completed"],
        model["failed"],
        _size(model["memory"]),
    )


def _size(amount: int) -> str | None:
    """Bytes as people write them; None for none."""
    return f"{amount / 1e9:.1f} GB" if amount else None
