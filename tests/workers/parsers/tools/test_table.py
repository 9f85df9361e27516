"""The same text comes to the same answer and the same calls, however it is cut."""

import importlib
import json
import pkgutil
from pathlib import Path

import pytest

from tests.workers.parsers.tools import cases
from tests.workers.parsers.tools.outcome import FORMATS, cuts, outcome
from tests.workers.parsers.tools.table import Case, UnfinishedCall
from workers.parsers import tools

TABLE: list[tuple[str, Case]] = [
    (module.name.rpartition(".")[2], entry)
    for module in pkgutil.walk_packages(cases.__path__, f"{cases.__name__}.")
    if not module.ispkg
    for entry in importlib.import_module(module.name).CASES
]


def test_every_format_has_cases_and_all_of_them_are_at_least_300() -> None:
    counted = {name: sum(name == other for other, _ in TABLE) for name in FORMATS}
    assert min(counted.values()) >= 15, counted
    assert len(TABLE) >= 300


def test_the_cases_of_a_format_stand_in_the_folder_of_its_name() -> None:
    assert files(cases.__path__[0]) == files(tools.__path__[0])


def files(root: str) -> set[str]:
    """The modules below a folder, by their paths from there."""
    return {str(path.relative_to(root)) for path in Path(root).rglob("*.py") if path.stem != "__init__"}


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
