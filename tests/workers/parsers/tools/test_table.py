"""The same text comes to the same answer and the same calls, however it is cut."""

import importlib
import json
import pkgutil

import pytest

from tests.workers.parsers.tools import cases
from tests.workers.parsers.tools.outcome import FORMATS, cuts, outcome
from tests.workers.parsers.tools.table import Case, UnfinishedCall

TABLE: list[tuple[str, Case]] = [
    (module.name, entry)
    for module in pkgutil.iter_modules(cases.__path__)
    for entry in importlib.import_module(f"{cases.__name__}.{module.name}").CASES
]


def test_every_format_has_cases_and_all_of_them_are_at_least_300() -> None:
    counted = {name: sum(name == other for other, _ in TABLE) for name in FORMATS}
    assert min(counted.values()) >= 15, counted
    assert len(TABLE) >= 300


@pytest.mark.parametrize(("name", "entry"), TABLE, ids=[f"{name}-{at}" for at, (name, _) in enumerate(TABLE)])
def test_case(name: str, entry: Case) -> None:
    for chunks in cuts(entry.text, name):
        content, calls = outcome(FORMATS[name], chunks, entry.tools)
        assert content == entry.content, chunks
        assert len(calls) == len(entry.calls), calls
        for call, wanted in zip(calls, entry.calls, strict=True):
            if isinstance(wanted, UnfinishedCall):
                assert (call.name, call.arguments, call.complete) == (*wanted, False)
            else:
                arguments = json.loads(call.arguments)
                assert call.complete
                assert (call.name, arguments, call.id) == (*wanted, "")[:3]
                assert repr(arguments) == repr(wanted[1])  # 1, 1.0 and True are not the same
