"""Where recordings are cut: in pauses, into windows that a model can hear, with nothing lost unless it is silence."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.engines.speech.cuts import CHUNK, FRAME, WINDOW, Cutter, Voice, Window

SECOND = 16_000 / CHUNK  # chunks


def speech(seconds: float) -> list[float]:
    return [0.9] * round(seconds * SECOND)


def silence(seconds: float) -> list[float]:
    return [0.1] * round(seconds * SECOND)


def cut(chances: list[float], *, skip: bool = False, voice: Voice = Voice()) -> list[Window]:  # noqa: B008
    cutter = Cutter(voice, skip=skip)
    found = [window for chance in chances for window in cutter.add(chance)]
    return [*found, *cutter.end(len(chances) * CHUNK)]


def seconds(windows: list[Window]) -> list[tuple[float, float]]:
    return [(window.start / 100, window.end / 100) for window in windows]


runs = st.lists(st.tuples(st.booleans(), st.floats(0.05, 40)), max_size=12).map(
    lambda several: [chance for spoken, length in several for chance in (speech if spoken else silence)(length)]
)


@given(runs)
def test_every_window_fits_and_together_they_are_the_whole(chances: list[float]) -> None:
    windows = cut(chances)
    assert all(0 < window.end - window.start <= WINDOW for window in windows)
    ends = [0, *(window.end for window in windows)]
    assert [window.start for window in windows] == ends[:-1]
    assert ends[-1] == -(-len(chances) * CHUNK // FRAME)


@given(runs)
def test_without_silence_all_speech_is_in_a_window(chances: list[float]) -> None:
    windows = cut(chances, skip=True)
    assert all(0 < window.end - window.start <= WINDOW for window in windows)
    assert all(before.end <= after.start for before, after in itertools.pairwise(windows))
    for at, chance in enumerate(chances):
        first, last = at * CHUNK / FRAME, (at + 1) * CHUNK / FRAME
        if chance > 0.5:
            assert (
                sum(max(0, min(window.end, last) - max(window.start, first)) for window in windows) > last - first - 2
            )


@pytest.mark.parametrize(
    ("chances", "expected"),
    [
        (speech(20), [(0, 20)]),
        (speech(20) + silence(1) + speech(20), [(0, 20.5), (20.5, 41)]),
        (speech(18) + silence(0.5) + speech(7) + silence(0.5) + speech(20), [(0, 25.75), (25.75, 46)]),
        (speech(18) + silence(0.5) + speech(7) + silence(0.06) + speech(20), [(0, 18.25), (18.25, 45.56)]),
        (speech(10) + silence(1) + speech(30), [(0, 30), (30, 41)]),
    ],
)
def test_a_window_ends_in_the_last_pause_of_its_second_half(
    chances: list[float], expected: list[tuple[float, float]]
) -> None:
    windows = seconds(cut(chances))
    assert [end for window in windows for end in window] == pytest.approx(
        [end for window in expected for end in window], abs=0.1
    )


@given(runs)
def test_what_the_cutter_does_not_look_at_changes_nothing(chances: list[float]) -> None:
    cutter = Cutter(Voice(), skip=False)
    found = [window for chance in chances for window in cutter.add(chance if cutter.looks else 1.0)]
    assert [*found, *cutter.end(len(chances) * CHUNK)] == cut(chances)


def test_where_there_is_no_pause_the_most_silent_moment_ends_a_window() -> None:
    chances = speech(40)
    chances[800] = 0.6
    assert seconds(cut(chances))[0][1] == pytest.approx(800 / SECOND, abs=0.1)


def test_silence_is_left_out_and_speech_keeps_what_is_around_it() -> None:
    chances = silence(60) + speech(5) + silence(8) + speech(5) + silence(60)
    voice = Voice(padding=0.5)
    expected = [59.5, 65.5, 72.5, 78.5]
    assert [end for window in seconds(cut(chances, skip=True, voice=voice)) for end in window] == pytest.approx(
        expected, abs=0.1
    )
    assert cut(silence(90), skip=True) == []


def test_what_counts_as_speech_can_be_said() -> None:
    chances = [0.4] * round(5 * SECOND)
    assert cut(chances, skip=True) == []
    assert len(cut(chances, skip=True, voice=Voice(threshold=0.3))) == 1
