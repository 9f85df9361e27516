"""Advice follows from facts: that for each machine is kept in a file, to be read."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from mlxq.doctor.advice import GIB, Finding, findings
from mlxq.doctor.facts import Compute, Facts, Machine
from tests.mlxq.doctor import golden


@pytest.mark.parametrize("path", golden.files(), ids=lambda path: path.name)
def test_the_advice_is_that_of_the_file(path: object) -> None:
    assert golden.files()[path].strip() == path.read_text().strip(), "`make tables` writes it"  # type: ignore[index, attr-defined]


def about(facts: Facts, name: str) -> list[Finding]:
    return [finding for finding in findings(facts) if finding.about == name]


@pytest.mark.parametrize(
    ("version", "memory", "recommended", "wired", "command"),
    [
        ("15.0", 64, 48, None, "iogpu.wired_limit_mb=57344"),
        ("26.1", 192, 144, None, "iogpu.wired_limit_mb=172032"),
        ("15.2", 36, 27, None, "iogpu.wired_limit_mb=30720"),
        ("15.2", 8, 5, None, None),  # the system keeps what it needs
        ("15.2", 64, 48, 60, None),  # somebody has raised it further than that
        ("14.7", 64, 48, None, "update to raise the limit"),
    ],
)
def test_the_wired_limit_is_raised_as_far_as_the_system_can_spare(
    version: str, memory: int, recommended: int, wired: int | None, command: str | None
) -> None:
    facts = replace(
        golden.MAC,
        machine=Machine(system="Darwin", version=version, architecture="arm64", memory=memory * GIB, cpus=8),
        compute=Compute(
            device="M", metal=True, gflops=9000, recommended=recommended * GIB, wired=wired * GIB if wired else None
        ),
        models=replace(golden.MAC.models, weights=0),
    )
    (finding,) = about(facts, "memory")
    assert finding.state == "ok"
    assert (finding.advice is None) if command is None else (command in (finding.advice or ""))


def test_models_that_do_not_fit_are_an_error_and_those_that_leave_little_a_warning() -> None:
    states = [
        about(replace(golden.MAC, models=replace(golden.MAC.models, weights=size * GIB)), "memory")[0].state
        for size in (10, 38, 39, 48, 49)
    ]
    assert states == ["ok", "ok", "warning", "warning", "error"]


def test_whatever_is_wrong_has_advice() -> None:
    wrong = [one for facts in golden.CASES.values() for one in findings(facts) if one.state != "ok"]
    assert len(wrong) > 20 and all(one.advice for one in wrong)
