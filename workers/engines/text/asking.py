"""For whom a request is checked."""

from __future__ import annotations

from typing import NamedTuple

from workers.patience import ENDLESS, Patience


class Asking(NamedTuple):
    """Whose request it is, as far as caches know owners, and how long it is worth checking."""

    owner: str = ""
    patience: Patience = ENDLESS


ANYBODY = Asking()
