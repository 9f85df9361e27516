"""How long tests look for a case that breaks a rule: enough for every change, or, with LONG set, for a night."""

from __future__ import annotations

import os

LONG = bool(os.environ.get("LONG"))


def rounds(usual: int, long: int) -> int:
    """How often something is tried."""
    return long if LONG else usual
