"""Grammars on their way through llguidance's compiler, within limits of steps, stack and time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from llguidance import LLMatcher, LLParserLimits

from tasks.values.errors import InvalidValue
from workers.serving.check_deadline import CheckDeadline

SECONDS = 5.0
_LOOK = 0.25  # seconds between two looks at who waits
# A mask is filled in the engine thread, so one step's fuel bounds what a grammar costs everybody else.
_LIMITS = LLParserLimits(initial_lexer_fuel=60_000, step_lexer_fuel=50_000, verbose_errors=False)
# The compiler follows rules and references recursively: 64 KiB of them end the usual stack, and the process with it.
_STACK = 256 << 20  # bytes of address space, of which memory holds what is used
_starting = threading.Lock()


def compiled(tokens: Any, grammar: str, param: str, deadline: CheckDeadline) -> LLMatcher:
    """The matcher of a grammar, its first mask filled; what is wrong with the grammar is for the matcher to say.

    Raises InvalidValue of `param` when it takes too long, and JobCancelled when nobody wants it any more.
    """
    matchers: list[LLMatcher] = []

    def run() -> None:
        matcher = LLMatcher(tokens, grammar, log_level=0, limits=_LIMITS)
        matcher.compute_bitmask()
        matchers.append(matcher)

    thread = _started(run)
    for _ in range(int(SECONDS / _LOOK)):
        thread.join(_LOOK)
        if not thread.is_alive():
            break
        deadline.look()
    if not matchers:
        raise InvalidValue(f"'{param}' cannot be enforced: it is too complex to be compiled", param=param)
    return matchers[0]


def _started(run: Callable[[], None]) -> threading.Thread:
    with _starting:  # the size is for all threads that start meanwhile
        before = threading.stack_size(_STACK)
        try:
            thread = threading.Thread(target=run, name="grammar-compiler", daemon=True)
            thread.start()
        finally:
            threading.stack_size(before)
    return thread
