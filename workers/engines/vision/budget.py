"""A limit on the pixels that checked prompts hold until the vision tower has seen them."""

from __future__ import annotations

import threading
import weakref
from typing import Any

import numpy.typing as npt


class Budget:
    """So many bytes for all prompts together; who finds them used up waits, whoever needs more gets them all."""

    def __init__(self, nbytes: int) -> None:
        self._left = self._most = nbytes
        self._changed = threading.Condition()  # its lock may be taken again where collecting garbage gives bytes back

    def hold(self, pixels: npt.NDArray[Any]) -> None:
        """Wait until there is room for this array, which counts as long as there are references to it."""
        nbytes = min(pixels.nbytes, self._most)
        with self._changed:
            self._changed.wait_for(lambda: self._left >= nbytes)
            self._left -= nbytes
        weakref.finalize(pixels, self._give, nbytes)

    def _give(self, nbytes: int) -> None:
        with self._changed:
            self._left += nbytes
            self._changed.notify_all()
