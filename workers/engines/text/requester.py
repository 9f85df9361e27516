"""Who a request is checked for."""

from __future__ import annotations

from typing import NamedTuple

from workers.serving.check_deadline import ENDLESS, CheckDeadline


class Requester(NamedTuple):
    """Whose request it is, as far as caches know owners, and how long it is worth checking."""

    owner: str = ""
    deadline: CheckDeadline = ENDLESS


ANYBODY = Requester()
