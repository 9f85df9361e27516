"""Writes down what came of a batch's lines, once, and ends the batch with what was written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress

from tasks.batches.batches import Cursor, Problem, Sizes, Status
from tasks.batches.lines import BatchLines, Tally
from tasks.stored.files import File
from web.batches.input_lines import FileLost
from web.batches.line_jobs import OutputLine
from web.batches.output_files import OutputFiles
from web.batches.running import RunningBatch, Superseded
from web.gateway import Gateway


class Recorder:
    """The files of batches, and their counts in Redis: the files are flushed before what stands in them is counted."""

    def __init__(self, gateway: Gateway, lines: BatchLines) -> None:
        self._gateway, self._lines = gateway, lines
        self.folder = OutputFiles(gateway.settings.home / "batches")

    def write(self, active: RunningBatch, entries: Mapping[int, OutputLine], to: Cursor | None = None) -> None:
        """Append the records of lines, flush them, and count them: what crashes before that is written again.

        The lines were in flight, or are those from the cursor up to `to`, which never ran.
        """
        batch = active.batch
        sizes = []
        for kind, at in zip(Sizes._fields, active.sizes, strict=True):
            data = b"".join(entry.data for entry in entries.values() if entry.kind == kind)
            sizes.append(self.folder.append(batch.id, kind, at, data) if data else at)
        tally = sum((entry.tally for entry in entries.values()), Tally())
        ended = () if to is not None else tuple(entries)
        if not self._lines.commit(batch, active.sizes, Sizes(*sizes), tally, ended, to):
            raise Superseded(f"{batch.id} was written by another")
        active.sizes = Sizes(*sizes)

    def settle(self, active: RunningBatch, status: Status, problems: Sequence[Problem]) -> None:
        """End a batch: what was written becomes its files, as far as it is still there."""
        batch = active.batch
        files: dict[str, File] = {}
        for kind, size in zip(Sizes._fields, active.sizes, strict=True):
            with suppress(FileLost):
                if size:
                    files[f"{kind}_file"] = self._file(active, kind, size)
        if not self._lines.settle(batch, status, files, problems):
            raise Superseded(f"{batch.id} was ended by another")

    def _file(self, active: RunningBatch, kind: str, size: int) -> File:
        batch, gateway = active.batch, self._gateway
        with self.folder.open(batch.id, kind, size) as written:
            blob = gateway.store.blobs.put(written, "application/jsonl")
        keep = batch.output_keep or gateway.settings.batch_ttl
        return gateway.files.new(batch.owner, f"{batch.id}_{kind}.jsonl", "batch_output", blob, keep)
