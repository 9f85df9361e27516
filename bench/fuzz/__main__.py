"""`python -m bench.fuzz`: tens of thousands of spoiled requests over every route, and what must not come of them.

Everything runs on this machine: the web, the supervisor, the runner and a Redis of its own, with a fake model and the
real starter models. Exits with 1 when an answer was a 5xx other than our 503 and 504, had no envelope, or took too
long, when a process died, or when a log holds a traceback. Each kind is told once, with the smallest request found.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click
import yaml
from rich.console import Console
from rich.table import Table

from bench.fuzz import batches, examples, openai, sockets
from bench.fuzz.campaign import Campaign, rules
from bench.fuzz.findings import Finding, Findings, written
from bench.fuzz.request import ADMIN
from bench.fuzz.watch import Watch
from bench.fuzz.world import World
from bench.stacks import served
from tests.support import starter
from tests.support.servers import ROOT, fake
from tests.workers.engines.images import tiny

SECRET = "whsec_" + "A" * 40
ENV = {
    "MLXQ_LOG_LEVEL": "WARNING",
    "MLXQ_WEBHOOK_SECRET": SECRET,
    "MLXQ_WEBHOOK_ALLOW_PRIVATE": "1",
    "MLXQ_ADMIN_KEY": ADMIN,
}
WORLD = World(
    chat="smollm2-135m-instruct",
    vectors="all-minilm-l6-v2",
    speech="whisper-tiny.en",
    drawing="flux2",
    editing="flux2-edit",
)


def models() -> list[dict[str, Any]]:
    """A models' file: the fake model, the starter models, and two tiny ones that draw."""
    real = yaml.safe_load((ROOT / "models.yaml").read_text())["models"]
    for model in real:
        starter.folder(model["served_model_name"])
    return [fake(step_ms=1), *real, tiny.entry("flux2"), tiny.entry("flux2-edit")]


def answers(findings: Findings) -> Table:
    """How often each route answered what."""
    table = Table(title="answers by route")
    kinds = sorted({status for _, status in findings.statuses})
    for column in ("route", *map(str, kinds), "all"):
        table.add_column(
            column.replace("0", "none") if column == "0" else column, justify="left" if column == "route" else "right"
        )
    routes: dict[str, Counter[int]] = {}
    for (route, status), count in findings.statuses.items():
        routes.setdefault(route, Counter())[status] += count
    for route, counts in sorted(routes.items()):
        if counts.total() > 5:
            table.add_row(route, *(str(counts[kind] or "") for kind in kinds), str(counts.total()))
    return table


def report(found: Iterable[Finding], folder: Path) -> None:
    """Every finding with where its request was written."""
    for number, finding in enumerate(found, 1):
        path = written(finding, number, folder)
        print(f"\n{number}. {finding.route}: {finding.what}  ({finding.times}×)")
        if finding.request is not None:
            print(f"   {path}: {finding.request.encoded('fuzz')[:400]!r}")
        for row in finding.detail.strip().splitlines()[-6:]:
            print(f"   | {row[:200]}")


@click.command(help=__doc__)
@click.option("--requests", default=20_000, show_default=True, help="of our own mutator")
@click.option("--clients", default=8, show_default=True)
@click.option("--seed", type=int, default=None, help="another one each time, printed")
@click.option("--real/--no-real", default=True, show_default=True, help="whether real models are among those asked")
@click.option("--schemathesis", type=click.Path(path_type=Path), help="a Python with schemathesis and llm-comply")
@click.option("--examples", "most", default=15, show_default=True, help="of schemathesis for each operation")
@click.option("--findings", "folder", type=click.Path(path_type=Path), default=Path("var/fuzz"), show_default=True)
def main(
    requests: int, clients: int, seed: int | None, real: bool, schemathesis: Path | None, most: int, folder: Path
) -> None:
    seed = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    print(f"seed {seed}", flush=True)
    missing = rules() - {(example.route, example.method) for example in examples.EXAMPLES}
    if missing:
        sys.exit(f"no example asks {sorted(missing)}; add one to bench/fuzz/examples.py")
    world = WORLD if real else World()
    with served(models() if real else [fake(step_ms=1)], **ENV) as stack:
        campaign = Campaign("127.0.0.1", stack.port, world, seed, Watch(stack))
        campaign.prepare()
        took = campaign.run(requests, clients)
        seconds, which = campaign.findings.slowest
        print(f"{requests} requests in {took:.0f} s, the slowest {seconds:.1f} s ({which})", flush=True)
        sockets.run(stack, world, seed, campaign.findings)
        batches.run(stack, world, seed, campaign.findings)
        if schemathesis is not None:
            openai.run(schemathesis, stack, most, campaign.findings)
        found = campaign.found()
    Console(width=200).print(answers(campaign.findings))
    report(found, folder)
    print(json.dumps({"seed": seed, "requests": sum(campaign.findings.statuses.values()), "findings": len(found)}))
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
