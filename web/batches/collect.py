"""Reads what came of lines whose jobs have ended, a bounded amount at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from tasks.redis.store import JobStore
from tasks.values.errors import NotFound
from tasks.values.job import Record
from web.batches.line_jobs import LineJobs, OutputLine

READ = 8  # jobs that are in memory at once
BYTES = 8 << 20  # of records that are written down at once
T = TypeVar("T")


@dataclass
class Collected:
    """Records to write down, by batch and line, and the jobs to remove then; `lost` are lines that must run again."""

    output: dict[str, dict[int, OutputLine]] = field(default_factory=lambda: defaultdict(dict))
    over: list[Record] = field(default_factory=list)
    lost: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    early: list[str] = field(default_factory=list)  # jobs that have not ended, or are gone


def land(
    store: JobStore, line_jobs: LineJobs, known: Mapping[str, tuple[str, int]], landed: Sequence[str]
) -> Collected:
    """Read jobs that have landed, as far as memory allows; `known` says whose they are.

    The others are left over: they were written down before a crash, or their batch has ended without them.
    """
    collected, size = Collected(), 0
    for some in chunks(landed, READ):
        for job_id, record in zip(some, store.read(some), strict=True):
            line, ended = known.get(job_id), record is not None and record.status.terminal
            output = _output_line(line_jobs, record) if line and record and ended else None
            if line and record and output:
                collected.output[line[0]][line[1]] = output
                size += len(output.data)
            if record and ended and (output or not line):
                collected.over.append(record)
            else:
                collected.early.append(job_id)
            if line and output is None and (ended or record is None):
                collected.lost[line[0]].append(line[1])
        if size > BYTES:
            break
    return collected


def _output_line(line_jobs: LineJobs, record: Record) -> OutputLine | None:
    try:
        return line_jobs.output_line(record)
    except NotFound:  # somebody deleted the file that its result was kept in
        return None


def chunks(items: Sequence[T], count: int) -> Iterator[Sequence[T]]:
    """The items, `count` at a time."""
    for start in range(0, len(items), count):
        yield items[start : start + count]
