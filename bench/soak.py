"""`python -m bench.soak`: batches of real and fake lines, random kills while people ask, and what became of it all.

Everything runs on this machine: three starter models and a fake one, the web, the runner and a Redis of its own. Exits
with 1 when a line is missing, stands twice or failed without being poison, or a stream hung or ended as none may.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import click
import httpx
import yaml
from rich.console import Console
from rich.table import Table

from bench.stacks import served
from tests.faults.bulk import ENDED, Account, Batch, Body, Faults, People
from tests.faults.clients import CHAT
from tests.support import recordings, starter
from tests.support.servers import ROOT, fake

TEXT, VECTORS, SPEECH = "smollm2-135m-instruct", "all-minilm-l6-v2", "whisper-tiny.en"
EVERY = 8.0  # seconds between kills, on average
QUIET = 0.25  # of the time, at its end, nothing is killed
# Workers less often: a line that was running in two of them when they were killed is set aside as poison.
WEIGHTS = {"runner": 3, "web": 3, "redis": 3, "supervisor": 3, TEXT: 1, VECTORS: 1, SPEECH: 1, "fake": 1}


def chat(model: str, text: str, tokens: int) -> Body:
    """A body for the chat endpoint."""
    return {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": tokens, "temperature": 0}


def lines(url: str, real: int, unreal: int) -> Mapping[str, tuple[str, Mapping[str, Body]]]:
    """Endpoint and bodies of each batch: of the real lines three in four are embeddings and one in a hundred audio."""
    audio, chats = max(real // 100, 1), real // 4
    path, _ = min(recordings.librivox(), key=lambda found: found[0].stat().st_size)
    file = {"file": (path.name, path.read_bytes())}
    recording = httpx.post(f"{url}/v1/files", files=file, data={"purpose": "user_data"}, timeout=60).json()["id"]
    half = unreal // 2
    return {
        "embeddings": (
            "/v1/embeddings",
            {f"v{n}": {"model": VECTORS, "input": f"sentence number {n}"} for n in range(real - chats - audio)},
        ),
        "chats": (CHAT, {f"c{n}": chat(TEXT, f"Name the number after {n}.", 1 + n % 2) for n in range(chats)}),
        "audio": ("/v1/audio/transcriptions", {f"a{n}": {"model": SPEECH, "file": recording} for n in range(audio)}),
        "fake 1": (CHAT, {f"f{n}": chat("fake", f"w{n}x", 2) for n in range(half)}),
        "fake 2": (CHAT, {f"g{n}": chat("fake", f"w{n}x", 2) for n in range(unreal - half)}),
    }


@dataclass
class Outcome:
    """What a run came to: the batches' accounts, the seconds it took, and how many keys Redis holds of their lines."""

    accounts: Mapping[str, Account]
    seconds: float
    left: int

    @property
    def total(self) -> Account:
        """All batches together."""
        return sum(self.accounts.values(), Account())

    @property
    def whole(self) -> bool:
        """Whether nothing is missing, doubled, miscounted, left over, or failed for another reason than poison."""
        total = self.total
        aside = Account(total.lines, total.lines - total.poison, total.poison, total.poison)
        return total == aside and not self.left


def strikes(faults: Faults) -> Mapping[str, Callable[[], object]]:
    """A way to kill each component."""
    workers = {model: lambda model=model: faults.worker(model) for model in (TEXT, VECTORS, SPEECH, "fake")}
    return {
        "runner": faults.runner,
        "web": faults.web,
        "redis": faults.redis,
        "supervisor": faults.supervisor,
        **workers,
    }


def run(batches: Mapping[str, Batch], faults: Faults, chance: random.Random, seconds: float) -> Outcome:
    """Kill one thing after the other until all batches have ended, or it is time to let them be."""
    began = time.monotonic()
    named = strikes(faults)
    while any(batch.seen()["status"] not in ENDED for batch in batches.values()):
        since = time.monotonic() - began
        if since > seconds:
            break
        tell(since, batches.values(), faults)
        if since < seconds * (1 - QUIET):
            (name,) = chance.choices(list(WEIGHTS), list(WEIGHTS.values()))
            named[name]()
        time.sleep(chance.uniform(0.5, 1.5) * EVERY)
    took = time.monotonic() - began
    left = sum(len(faults.left(batch)) for batch in batches.values())
    return Outcome({name: batch.account() for name, batch in batches.items()}, took, left)


def tell(since: float, batches: Iterable[Batch], faults: Faults) -> None:
    """A line on how far it is."""
    done = " ".join(str(batch.done()) for batch in batches)
    print(f"{since:6.0f} s  done {done}  kills {faults.kills.total()}", file=sys.stderr, flush=True)


def account_table(outcome: Outcome, title: str) -> Table:
    """Lines by batch."""
    table = Table(title=title)
    table.add_column("batch")
    for column in ("lines", "done", "errors", "of them poison", "doubled", "missing", "miscounted"):
        table.add_column(column, justify="right")
    for name, account in {**outcome.accounts, "all": outcome.total}.items():
        table.add_row(name, *(f"{number:,}" for number in account))
    return table


def summary(outcome: Outcome, people: People, faults: Faults) -> Table:
    """The rest of what there is to know."""
    outcomes = people.outcomes()
    well, improper = outcomes.pop("ok", 0), people.improper(faults.outages)
    failed = len(people.asked) - well - len(improper)
    total = outcome.total
    table = Table(show_header=False)
    kills = ", ".join(f"{name} {count}" for name, count in sorted(faults.kills.items()) if count)
    table.add_row("kills", f"{faults.kills.total()}: {kills}")
    table.add_row("duration", f"{outcome.seconds:.0f} s, {(total.done + total.errors) / outcome.seconds:.1f} lines/s")
    table.add_row("jobs left", str(outcome.left))
    table.add_row("interactive streams", f"{well} ended well")
    table.add_row("failed with a proper error", f"{failed}: {', '.join(f'{name} {n}' for name, n in outcomes.items())}")
    table.add_row("hung, or ended as none may", str(len(improper)))
    return table


@click.command(help=__doc__)
@click.option("--real", default=2000, show_default=True, help="lines for the starter models")
@click.option("--fake", "unreal", default=20_000, show_default=True, help="lines for the fake model")
@click.option("--seconds", default=3600.0, show_default=True, help="after which what is not done is missing")
@click.option("--seed", type=int, default=None, help="of the kills; another one each time, printed")
def main(real: int, unreal: int, seconds: float, seed: int | None) -> None:
    seed = random.SystemRandom().randrange(1_000_000) if seed is None else seed
    models = yaml.safe_load((ROOT / "models.yaml").read_text())["models"]
    for model in models:
        starter.folder(model["served_model_name"])
    with served([*models, fake(step_ms=5)]) as stack:
        print(f"seed {seed}", file=sys.stderr)
        faults = Faults(stack, stack.valkey)
        made = lines(stack.url, real, unreal)
        batches = {name: Batch(stack.url, endpoint, bodies) for name, (endpoint, bodies) in made.items()}
        people = People(stack.url, chat(TEXT, "Tell me a story.", 16))
        outcome = run(batches, faults, random.Random(seed), seconds)
        people.stop()
    console = Console(width=110)
    console.print(account_table(outcome, f"{real:,} real and {unreal:,} fake lines, seed {seed}"))
    console.print(summary(outcome, people, faults))
    sys.exit(0 if outcome.whole and not people.improper(faults.outages) else 1)


if __name__ == "__main__":
    main()
