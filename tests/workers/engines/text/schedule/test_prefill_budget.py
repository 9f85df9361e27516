"""Pieces of prefill are as large as pays, while nobody who speaks would notice."""

from __future__ import annotations

import pytest

from workers.engines.text.schedule.prefill_budget import PrefillBudget

LONG = 1 << 20  # tokens


class Machine:
    """One on which a piece takes `a_pass` seconds, and so many tokens a second beyond that."""

    def __init__(self, rate: float, a_pass: float = 0.0, decode: float = 0.0, rows: int = 0, most: int = 2048) -> None:
        self.budget, self._rate, self._pass = PrefillBudget(most), rate, a_pass
        self._rows = rows
        if rows:
            self.budget.decoded(decode, rows)

    def seconds(self, tokens: int) -> float:
        return self._pass + tokens / self._rate

    def run(self, prompts: int = 1, pieces: int = 30, *, interactive: bool = True) -> int:
        """The piece of a prompt after so many long ones, in tokens."""
        for _ in range(pieces):
            tokens = self.chunk(prompts, interactive=interactive) * prompts
            self.budget.prefilled(self.seconds(tokens), tokens, prompts, self._rows, interactive=interactive)
        return self.chunk(prompts, interactive=interactive)

    def chunk(self, prompts: int = 1, *, interactive: bool = True) -> int:
        return self.budget.chunk([LONG] * prompts, self._rows, interactive=interactive)


@pytest.mark.parametrize(("rate", "a_pass"), [(400, 0.02), (2000, 0.02), (5000, 0.01)])
def test_no_piece_is_larger_than_pays(rate: float, a_pass: float) -> None:
    machine = Machine(rate, a_pass, most=1 << 20)
    machine.budget.decoded(a_pass, 1)
    chunk = machine.run()
    assert machine.seconds(chunk) < 0.5 and chunk / machine.seconds(chunk) >= 0.9 * rate


def test_prompts_that_have_much_to_read_have_larger_pieces() -> None:
    machine = Machine(400, 0.02, most=1 << 20)
    machine.budget.decoded(0.02, 1)
    machine.budget.decoded(0.04, 8)
    assert machine.seconds(machine.run()) == pytest.approx(0.4, rel=0.1)
    assert machine.seconds(8 * machine.run(prompts=8)) == pytest.approx(0.8, rel=0.1)


@pytest.mark.parametrize("chunk", [10, 200])
def test_a_small_piece_tells_what_a_large_one_would_take(chunk: int) -> None:
    machine = Machine(400, 0.1, decode=0.1, rows=8)  # a step of as many rows reads as much as a piece
    for _ in range(30):
        machine.budget.prefilled(machine.seconds(chunk * 8), chunk * 8, 8, 8)
    machine.run(prompts=8)
    small = machine.chunk(prompts=8)
    assert 0.1 + machine.seconds(8 * small) == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize("rate", [100, 400])
def test_with_nobody_waiting_no_piece_takes_more_than_a_second(rate: float) -> None:
    machine = Machine(rate, a_pass=0.3)
    assert machine.seconds(machine.run()) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("decode", [0.03, 0.1, 0.2])
def test_people_wait_half_a_second_at_most(decode: float) -> None:
    machine = Machine(300, rows=8, decode=decode)
    assert decode + machine.seconds(machine.run()) == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize("decode", [0.3, 1.0])
def test_or_for_twice_their_usual_gap(decode: float) -> None:
    machine = Machine(300, rows=32, decode=decode)
    assert decode + machine.seconds(machine.run()) == pytest.approx(2 * decode, rel=0.1)


def test_rows_that_nobody_hears_make_no_piece_smaller_than_half_a_second() -> None:
    assert Machine(300, rows=32, decode=0.2).run(interactive=False) == pytest.approx(240, rel=0.1)
    assert Machine(300, rows=32, decode=2.0).run(interactive=False) == pytest.approx(150, rel=0.1)


def test_several_prompts_share_the_time_of_one() -> None:
    assert Machine(300, rows=1, decode=0.1).run(prompts=4) == pytest.approx(30, abs=3)


def test_many_prompts_on_a_slow_machine_do_not_multiply_the_step() -> None:
    assert Machine(1).run(prompts=8) == 2


def test_a_piece_is_bounded_and_never_nothing() -> None:
    assert Machine(1).run() == 16
    assert Machine(1_000_000, most=4).run() == 4
    assert Machine(1_000_000, most=512).run() == 512


@pytest.mark.parametrize("seconds", [0.05, 0.001])
def test_short_prompts_do_not_let_a_long_one_have_less_or_more(seconds: float) -> None:
    machine = Machine(300, rows=1, decode=0.1)
    before = machine.run()
    for _ in range(20):
        machine.budget.prefilled(seconds, 5, 1, 1)
    assert machine.chunk() == before


def test_one_step_at_most_doubles_or_halves_a_piece() -> None:
    machine = Machine(300, rows=1, decode=0.1)
    first = machine.run()
    machine.budget.prefilled(0.001, first, 1, 1)
    assert machine.chunk() <= 2 * first
    later = machine.chunk()
    machine.budget.prefilled(60.0, later, 1, 1)
    assert machine.chunk() == pytest.approx(later / 2, abs=2)


def test_a_piece_may_have_a_moment_only() -> None:
    machine = Machine(2000)
    machine.run()
    assert machine.budget.chunk([LONG], seconds=0.06) == pytest.approx(120, rel=0.1)
    assert machine.budget.chunk([LONG], seconds=0.001) == 16


@pytest.mark.parametrize("left", [1, 40, 51, 70, 100, 128])
def test_a_small_rest_goes_with_the_last_piece_and_pieces_are_alike(left: int) -> None:
    pace, done = PrefillBudget(2048), list[int]()
    while (rest := left - sum(done)) > 0:  # before anything was measured, with pieces of 32 tokens
        done.append(pace.chunk([rest]))
    assert sum(done) == left and max(done) <= 40 and max(done) - min(done) <= 1
    assert min(done) >= min(left, 20)
