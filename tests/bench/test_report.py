"""What `make bench` makes of figures, and that it can be run."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench import client
from bench.report import document, weights
from bench.report.__main__ import ORDER, benchmark, main
from bench.report.benchmarks import text, web
from bench.report.measurement import IN_PROCESS, LOST, MEMORY, OURS, TOKENS, Measurement
from bench.report.peers import ALL, Peer
from bench.report.plan import Absent, Plan
from bench.report.results import Results, Run
from bench.report.tables import tables
from bench.summary import percentile, ratio, summary
from tests.support.servers import ROOT

RUN = Run("2026-11-28 10:00", "abc", 60.0, 3, "2 cores")


class Somebody:
    def __init__(self, name: str) -> None:
        self.name = name


def rates(system: str, *values: float, case: str = "8 streams") -> list[Measurement]:
    return [Measurement("text", case, TOKENS, system, number, value) for number, value in enumerate(values)]


def test_a_ratio_is_the_median_of_the_ratios_within_a_round() -> None:
    assert ratio({0: 1.0, 1: 20.0, 2: 3.0}, {0: 2.0, 1: 20.0, 2: 4.0}) == 0.75
    assert ratio({0: 1.0}, {1: 1.0}) is None
    assert ratio({0: 1.0}, {0: 0.0}) is None


def test_rounds_come_to_their_median_and_their_spread() -> None:
    assert summary([3.0, 1.0, 2.0]) == (2.0, 1.0, 3.0)
    assert [percentile([4.0, 1.0, 3.0, 2.0], share) for share in (0.0, 0.5, 0.95, 1.0)] == [1.0, 3.0, 4.0, 4.0]


def test_each_round_begins_with_another_system_and_has_all_of_them() -> None:
    turns = list(Plan(rounds=3).turns([Somebody("a"), Somebody("b")]))
    assert [(number, one.name) for number, one in turns] == [(0, "a"), (0, "b"), (1, "b"), (1, "a"), (2, "a"), (2, "b")]


def test_parts_are_chosen_by_benchmark_and_case() -> None:
    plan = Plan(only=["text:8", "text:8-*", "hop"])
    assert [name for name in ORDER if plan.wants(name)] == ["text", "hop"]
    assert [case.title for case in plan.cases("text", text.CASES)] == [
        title for key, case in text.CASES.items() if key.startswith("8") for title in [case.title]
    ]
    assert plan.cases("hop", {"1": 1, "8": 8}) == [1, 8]
    assert Plan().cases("hop", {"1": 1, "8": 8}) == [1, 8]


def test_who_cannot_take_part_is_told_and_the_others_are_measured() -> None:
    @contextmanager
    def absent() -> Iterator[Somebody]:
        raise Absent("not installed")
        yield

    plan = Plan(without=["c*"])
    assert plan.attempt("a", lambda: "here") == "here"
    assert plan.attempt("b", lambda: absent().__enter__()) is None
    assert plan.attempt("c", lambda: "here") is None
    assert plan.absent == {"b": "not installed", "c": "left out by --without"}


def test_a_peer_without_an_environment_is_absent() -> None:
    peer = Peer("nobody's server", "no-such-peer", "nothing", (), Path)
    with pytest.raises(Absent, match="not installed"), peer.started():
        pass


def test_every_peer_is_pinned_with_all_that_it_needs() -> None:
    pins = {path.stem: path.read_text() for path in (ROOT / "bench" / "peers").glob("*.txt")}
    assert {peer.environment for peer in ALL} | {"faster-whisper"} == pins.keys()  # that one is no server
    assert all(re.search(rf"^{peer.package}==", pins[peer.environment], re.MULTILINE) for peer in ALL)
    lines = [line for text in pins.values() for line in text.splitlines()]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+( ; sys_platform == '\w+')?", line) for line in lines)


def test_a_table_has_ours_first_the_ceiling_last_and_no_ratio_where_there_is_no_pair() -> None:
    found = [*rates(IN_PROCESS, 10.0), *rates("z", 4.0, 8.0), *rates(OURS, 2.0, 8.0), *rates("z", 1.0, case="else")]
    (table,) = tables("text", found)
    assert (table.systems, table.cases) == ([OURS, "z", IN_PROCESS], ["8 streams", "else"])
    assert table.cells["8 streams", "z"].ratio == 0.75
    assert table.cells["8 streams", OURS].ratio is None
    assert table.cells["else", "z"].ratio is None
    assert ("else", OURS) not in table.cells


def test_a_count_of_lost_streams_is_shown_only_where_one_was_lost() -> None:
    def lost(*values: float) -> list[Measurement]:
        return [Measurement("text", "8 streams", LOST, OURS, number, value) for number, value in enumerate(values)]

    assert tables("text", lost(0.0, 0.0)) == []
    assert [table.metric for table in tables("text", lost(0.0, 1.0))] == [LOST]


def test_a_run_of_a_part_takes_the_place_of_the_same_cases_only(tmp_path: Path) -> None:
    results = Results()
    results.put("text", RUN, [*rates(OURS, 1.0), *rates(OURS, 2.0, case="else")])
    results.put("text", RUN, rates(OURS, 3.0))
    results.write(tmp_path / "results.json")
    again = Results.read(tmp_path / "results.json")
    assert [(one.case, one.value) for one in again.measurements] == [("8 streams", 3.0), ("else", 2.0)]
    assert again == results


def test_the_page_tells_medians_spread_ratios_and_who_is_absent(tmp_path: Path) -> None:
    results = Results(versions={OURS: "0.1"})
    memory = [Measurement("text", "after all of these", MEMORY, OURS, 0, 600.0)]
    run = replace(RUN, absent={"llama.cpp": "not installed"})
    results.put("text", run, [*rates(OURS, 20.0, 24.0, 22.0), *rates("llama.cpp", 40.0, 48.0, 44.0), *memory])
    document.write(tmp_path / "benchmarks.md", results, {"text": benchmark("text")})
    page = (tmp_path / "benchmarks.md").read_text()
    assert "| 8 streams | 22.0 (20.0–24.0) | 44.0 (40.0–48.0), **0.50** |" in page
    assert "| after all of these | 600 |" in page
    assert "Not measured: llama.cpp (not installed)." in page
    plots = sorted(path.name for path in (tmp_path / "benchmarks").iterdir())
    assert plots == ["text-memory-mib.svg", "text-tokens-s.svg"]
    assert all(f"(benchmarks/{name})" in page for name in plots)
    before = (tmp_path / "benchmarks" / plots[0]).read_bytes()
    document.write(tmp_path / "benchmarks.md", results, {"text": benchmark("text")})
    assert (tmp_path / "benchmarks" / plots[0]).read_bytes() == before


def test_every_benchmark_says_what_it_is_and_has_cases() -> None:
    for name in ORDER:
        module = benchmark(name)
        assert module.__doc__
        assert module.CASES
        assert callable(module.measure)
    assert {path.stem for path in Path(text.__file__).parent.glob("*.py")} - {"__init__"} == set(ORDER)


def test_no_two_chats_are_the_same_and_every_other_one_is_special() -> None:
    made = text.CASES["8-seeded"].chats(random.Random(1))
    assert len({chat.question for chat in made}) == 8
    assert [chat.seed is not None for chat in made] == [False, True] * 4
    shared = text.CASES["8-prefix"].chats(random.Random(1))
    assert len({chat.system for chat in shared}) == 1
    assert text.CASES["8-prefix"].chats(random.Random(2))[0].system != shared[0].system


def test_tokens_are_counted_from_the_first_request_to_the_last_token() -> None:
    one = client.Heard(asked=0.0, status=200, pieces=[(1.0, "a"), (3.0, "b")], tokens=6, ended=3.0, whole=True)
    two = client.Heard(asked=1.0, status=200, pieces=[(2.0, "a")], tokens=6, ended=4.0, whole=True)
    lost = client.Heard(asked=0.0, status=200, pieces=[(1.0, "a")], tokens=1, ended=9.0)
    found = text.figures([one, two, lost])
    assert (found[TOKENS], found[LOST]) == (3.0, 1.0)
    assert found[text.GAP] == 2000.0
    assert text.figures([lost]) == {LOST: 1.0}
    silent = client.Heard(asked=0.0, status=200, ended=2.0, whole=True)
    assert text.figures([silent]) == {LOST: 0.0}


def test_a_delay_is_counted_from_an_even_pace() -> None:
    even, late = [0.0, 1.0, 2.0, 3.0], [10.0, 11.5, 12.0, 13.0]
    assert sorted(web.delays([even, even, late])) == [0.0] * 11 + [0.5]


def test_the_models_that_are_served_are_starter_models() -> None:
    assert {weights.TEXT, weights.VECTORS} <= weights.STARTER_MODELS.keys()


def test_a_quick_run_with_the_fake_engine_writes_a_page(tmp_path: Path) -> None:
    page, results = tmp_path / "page.md", tmp_path / "results.json"
    words = ["--quick", "--only", "steps:1", "--page", str(page), "--results", str(results)]
    done = CliRunner().invoke(main, words, catch_exceptions=False)
    assert done.exit_code == 0
    found = json.loads(results.read_text())["measurements"]
    assert {one["system"] for one in found} == {OURS, IN_PROCESS}
    assert all(one["value"] > 0 for one in found)
    assert "| 1 stream |" in page.read_text()
    assert (tmp_path / "page" / "steps-tokens-s.svg").stat().st_size > 1000
