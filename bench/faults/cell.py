"""One cell of the matrix: a load, a trouble in the middle of it, and the row that it comes to."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from bench.faults.clients import LIMIT, OK, Probe, Told
from bench.faults.load import Load
from bench.faults.stage import Size, Stage
from bench.faults.trouble import Trouble
from tests.faults.bulk import HUNG, LOST

DIED = "ended by itself"


class Row(NamedTuple):
    """What a trouble came to; `told` counts what was told to whom but that all is well.

    `lost` are jobs without an end and lines without a record, `twice` those that ran or stand twice, `hung` clients
    left without an answer, `wrong` reasons that are none, `broken` streams that ended although their web and their
    worker lived, `torn` texts that are not what they should be, `died` processes that ended by themselves; `again` is
    in seconds from the end of the trouble, None when it never got right.
    """

    lost: int
    twice: int
    hung: int
    wrong: int
    broken: int
    torn: int
    died: int
    again: float | None
    told: Counter[tuple[str, str]]

    @property
    def right(self) -> bool:
        """Whether all is as it should be."""
        return self.again is not None and not any(self[:7])

    def __add__(self, other: object) -> Row:
        assert isinstance(other, Row)
        sums = (one + more for one, more in zip(self[:7], other[:7], strict=True))
        again = None if self.again is None or other.again is None else max(self.again, other.again)
        return Row(*sums, again, self.told + other.told)


def excused(trouble: Trouble, told: Told) -> bool:
    """Whether this may be told while there is this trouble."""
    if told.how == OK:
        return True
    if told.how == LOST:
        return "web" in trouble.kills and told.who not in ("job", "line")
    if told.who in ("poll", "probe"):
        return told.how in trouble.excuses
    return told.who == "stream" and told.how == "worker_lost" and "worker" in trouble.kills


def judged(
    trouble: Trouble, told: Iterable[Told], *, lost: int, twice: int, died: Sequence[str], again: float | None
) -> Row:
    """The row of all this."""
    heard = list(told)
    wrong = [one for one in heard if one.how != HUNG and not excused(trouble, one)]
    return Row(
        lost,
        twice,
        hung=sum(one.how == HUNG for one in heard),
        wrong=len(wrong),
        broken=sum(one.who == "stream" for one in wrong),
        torn=sum(not one.right for one in heard),
        died=len(died),
        again=again,
        told=Counter((one.who, one.how) for one in heard if one.how != OK) + Counter((role, DIED) for role in died),
    )


def act(stage: Stage, trouble: Trouble, size: Size) -> Row:
    """Put the load on a stage, strike in the middle of it, and see what becomes of it."""
    load = Load(stage, size, trouble.seconds)
    try:
        load.under_way()
        before, began = stage.processes(), time.monotonic()
        probe = Probe(load.clients)
        trouble.strike(stage, trouble.seconds)
        probe.lifted()
        until = time.monotonic() + size.beyond + LIMIT
        load.end(until)
        probe.end(until)
        died = stage.fallen(before)
        again = None if probe.again is None else max(0.0, probe.again - began - trouble.seconds)
        twice = load.twice(stage.killed) + (0 if "worker" in trouble.kills else load.dictated_again())
        told = [*load.told(), *probe.told]
        return judged(trouble, told, lost=load.lost(), twice=twice, died=died, again=again)
    finally:
        load.close()


def play(trouble: Trouble, size: Size, **env: str) -> Row:
    """A cell on a stage of its own, of which nothing stays."""
    with tempfile.TemporaryDirectory() as folder, trouble.place(Path(folder)) as place:
        stage = Stage(Path(folder), place, size, **env)
        try:
            return act(stage, trouble, size)
        finally:
            try:
                stage.close()
            except subprocess.TimeoutExpired as error:
                print(f"{trouble.name}: {error.cmd} did not end in time and was killed", file=sys.stderr)
