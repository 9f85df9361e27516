"""A few cells of `make faults` with a small load: what pauses or is away for a while costs nobody anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from bench.faults.cell import act
from bench.faults.stage import Size, Stage
from bench.faults.trouble import BY_NAME, Trouble

FULL = BY_NAME["memory-full"]
SMALL = Size(streams=4, jobs=6, lines=60, recording=0, beyond=3)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    folder = tmp_path_factory.mktemp("stage")
    stage = Stage(folder, folder, SMALL)
    yield stage
    stage.close()


TROUBLES = [*(BY_NAME[name] for name in ("web:stop8", "worker:stop8", "redis:away6")), replace(FULL, seconds=6.0)]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.name)
def test_nothing_is_lost_doubled_hung_broken_off_or_told_a_wrong_reason(stage: Stage, trouble: Trouble) -> None:
    row = act(stage, trouble, SMALL)
    assert row.right, row
