"""How hard a model is to think, in a word that its chat template knows."""

from __future__ import annotations

LEVELS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_USUAL = frozenset({"low", "medium", "high"})  # which templates write into the prompt without naming them


def nearest(effort: str, template: str) -> str:
    """The level nearest to this one, and of two the lower, among those that are usual or that a template names."""
    known = [level for level in LEVELS if level in _USUAL or f"'{level}'" in template or f'"{level}"' in template]
    if effort not in LEVELS or effort in known:
        return effort
    return min(known, key=lambda level: abs(LEVELS.index(level) - LEVELS.index(effort)))
