"""A stop string ends the text wherever it falls, and none of it is ever shown."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.engines.text.output.stopper import Stopper


def stopped_text(stops: Sequence[str], pieces: Sequence[str]) -> tuple[str, bool]:
    stopper, shown = Stopper(stops), ""
    for piece in pieces:
        check = stopper.feed(piece)
        shown += check.text
        if check.stop is not None:
            assert check.stop in stops
            return shown, True
    return shown + stopper.flush(), False


@pytest.mark.parametrize(
    ("stops", "pieces", "shown", "stopped"),
    [
        pytest.param(["END"], ["one END two"], "one ", True, id="inside a piece"),
        pytest.param(["END"], ["one E", "N", "D two"], "one ", True, id="across pieces"),
        pytest.param(["END"], ["one EN", "tire"], "one ENtire", False, id="a false start is shown after all"),
        pytest.param(["END"], ["one EN"], "one EN", False, id="a beginning at the end of the text is shown"),
        pytest.param(["b", "a"], ["xab"], "x", True, id="the first of several in the text"),
        pytest.param(["👍🏽"], ["ok 👍", "🏽 fine"], "ok ", True, id="an emoji of two code points"),
        pytest.param(["aab"], ["aaa", "b!"], "a", True, id="overlapping with itself"),
        pytest.param([], ["anything"], "anything", False, id="none"),
    ],
)
def test_stop(stops: list[str], pieces: list[str], shown: str, stopped: bool) -> None:
    assert stopped_text(stops, pieces) == (shown, stopped)


@given(st.text("ab", max_size=30), st.lists(st.text("ab", min_size=1, max_size=4), max_size=3), st.data())
def test_however_the_text_is_cut_the_same_is_shown(text: str, stops: list[str], data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[low:high] for low, high in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    shown, stopped = stopped_text(stops, pieces)
    assert text.startswith(shown)
    assert not any(stop in shown for stop in stops)
    assert stopped == any(stop in text for stop in stops)
    assert stopped or shown == text
