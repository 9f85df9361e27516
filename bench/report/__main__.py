"""`make bench`, or `python -m bench.report`: measures ours beside others and writes docs/benchmarks/report.md.

`--only text`, `--only text:8`, `--only 'text:8-*'` measure parts, which take the place of the same cases in the
results that are there; `--no-measure` writes the page of these. The raw figures are in var/bench/results.json. With
`--quick`, which shows that everything works, both go to var/bench/quick, as its figures mean nothing.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import time
import traceback
from contextlib import closing
from importlib import import_module, metadata
from pathlib import Path
from types import ModuleType

import click

from bench.report import document, peers
from bench.report.measurement import IN_PROCESS, OURS, Measurement
from bench.report.plan import Plan
from bench.report.results import Results, Run
from bench.report.weights import SCRATCH
from tests.support.servers import ROOT

ORDER = ("text", "embeddings", "batches", "hop", "steps", "web", "rest", "start")


def benchmark(name: str) -> ModuleType:
    """The module of a benchmark, which may load MLX."""
    return import_module(f"bench.report.benchmarks.{name}")


def machine() -> str:
    """What the figures are of: processors, Python, MLX, BLAS."""
    cpus = os.cpu_count() or 1
    library = peers.same_blas()
    threads = os.environ.get("OPENBLAS_NUM_THREADS", "")
    names = " and ".join(Path(path).name for path in library.split(":"))
    blas = f", BLAS {names}, OPENBLAS_NUM_THREADS={threads}" if library else ""
    return f"{cpus} cores ({_processor()}), {platform.system()}, Python {platform.python_version()}{blas}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def commit() -> str:
    """The commit that is measured, with a + where files differ from it."""
    words = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    found = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def versions() -> dict[str, str]:
    """Of all systems that are here."""
    libraries = ", ".join(f"{name} {metadata.version(name)}" for name in ("mlx", "mlx-lm", "mlx-embeddings"))
    found = {OURS: f"{metadata.version('mlxq')} ({libraries})", IN_PROCESS: libraries}
    return found | {peer.name: f"{peer.package} {peer.version}" for peer in peers.ALL if peer.version}


def measured(name: str, plan: Plan) -> list[Measurement]:
    """All figures of a benchmark, told as they come."""
    found = []
    with closing(benchmark(name).measure(plan)) as measuring:
        for one in measuring:
            plan.tell(f"{name}, {one.case}, round {one.round + 1}: {one.system}: {one.value:.4g} {one.metric}")
            found.append(one)
    return found


@click.command(help=__doc__)
@click.option("--only", multiple=True, metavar="BENCHMARK[:CASE]", help=f"of {', '.join(ORDER)}; patterns may be used")
@click.option("--without", multiple=True, metavar="SYSTEM", help="leave a system out, as 'mlx-vlm*'")
@click.option("--rounds", default=5, show_default=True, help="how often each system has its turn")
@click.option("--quick", is_flag=True, help="one round, and little of everything")
@click.option("--measure/--no-measure", default=True, help="whether to measure, or to write the page only")
@click.option("--results", type=click.Path(path_type=Path), help="the raw figures  [default: var/bench/results.json]")
@click.option("--page", type=click.Path(path_type=Path), help="the report  [default: docs/benchmarks/report.md]")
def main(
    only: tuple[str, ...],
    without: tuple[str, ...],
    rounds: int,
    quick: bool,
    measure: bool,
    results: Path | None,
    page: Path | None,
) -> None:
    results = results or SCRATCH / ("quick/results.json" if quick else "results.json")
    page = page or (SCRATCH / "quick" / "benchmarks.md" if quick else ROOT / "docs" / "benchmarks" / "report.md")
    plan = Plan(1 if quick else rounds, quick, only, without)
    names = [name for name in ORDER if plan.wants(name)]
    if not names:
        raise click.UsageError(f"--only names no benchmark; there are {', '.join(ORDER)}")
    known, began, failed = Results.read(results), time.monotonic(), False
    for name in names if measure else ():
        since, date = time.monotonic(), time.strftime("%Y-%m-%d %H:%M")
        plan.absent = {}
        try:
            found = measured(name, plan)
        except Exception:  # the others are measured all the same
            traceback.print_exc()
            failed = True
            continue
        run = Run(date, commit(), time.monotonic() - since, plan.rounds, machine(), plan.absent)
        known.put(name, run, found)
        known.versions = versions()
        known.write(results)
    page.parent.mkdir(parents=True, exist_ok=True)
    document.write(page, known, {name: benchmark(name) for name in ORDER if name in known.runs})
    print("\n".join(document.summary_lines(known, names)))
    print(f"\n{page} and {results}, after {(time.monotonic() - began) / 60:.1f} min", file=sys.stderr)
    sys.exit(failed)


if __name__ == "__main__":
    try:
        main()
    except SystemExit as ended:
        sys.stdout.flush()
        os._exit(int(ended.code or 0))  # the interpreter's own end may abort in MLX' threads, after all work is done
