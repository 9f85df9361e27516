"""Who a request is checked for."""

from __future__ import annotations

from typing import NamedTuple

from workers.patience import ENDLESS, Patience


class Requester(NamedTuple):
    """Whose request it is, as far as caches know owners, and how long it is worth checking."""

    owner: str = ""
    patience: Patience = ENDLESS


ANYBODY = Requester()
