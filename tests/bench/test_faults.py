"""What `make faults` takes for right and what it does not."""

from __future__ import annotations

import pytest

from bench.faults.cell import Row, excused, judged
from bench.faults.clients import OK, UNENDED, Told
from bench.faults.trouble import BY_NAME
from tests.faults.bulk import HUNG, LOST


@pytest.mark.parametrize(
    ("trouble", "who", "how"),
    [
        ("worker:kill", "stream", "worker_lost"),
        ("supervisor:kill", "stream", "worker_lost"),
        ("web:kill", "stream", LOST),
        ("web-worker:kill", "recording", LOST),
        ("redis:away6", "poll", "queue_unavailable"),
        ("disk-full", "probe", "storage_full"),
        ("runner:kill", "line", OK),
    ],
)
def test_what_is_true_may_be_told(trouble: str, who: str, how: str) -> None:
    assert excused(BY_NAME[trouble], Told(who, how))


@pytest.mark.parametrize(
    ("trouble", "who", "how"),
    [
        ("web:stop8", "stream", "job_cancelled"),
        ("web:stop8", "stream", LOST),
        ("redis:away6", "stream", "worker_lost"),
        ("redis:away6", "stream", "queue_unavailable"),
        ("worker:stop30", "stream", "worker_lost"),
        ("worker:kill", "job", "worker_lost"),
        ("worker:kill", "line", "poison"),
        ("web:kill", "job", LOST),
        ("memory-full", "stream", "storage_full"),
        ("runner:kill", "poll", "queue_unavailable"),
        ("worker:kill", "stream", UNENDED),
    ],
)
def test_a_false_reason_is_wrong(trouble: str, who: str, how: str) -> None:
    row = judged(BY_NAME[trouble], [Told(who), Told(who, how)], lost=0, twice=0, died=[], again=1.0)
    assert (row.wrong, row.broken, row.right) == (1, int(who == "stream"), False)


def test_who_is_not_answered_hangs_and_a_text_that_is_not_the_expected_one_is_torn() -> None:
    told = [Told("stream", HUNG), Told("stream", OK, right=False)]
    row = judged(BY_NAME["runner:kill"], told, lost=0, twice=0, died=[], again=1.0)
    assert (row.hung, row.torn, row.wrong, row.right) == (1, 1, 0, False)


def test_rounds_are_added_up_and_one_that_never_got_right_again_stays_so() -> None:
    def row(again: float | None) -> Row:
        return judged(BY_NAME["runner:kill"], [Told("job", "poison")], lost=1, twice=2, died=["web"] * 3, again=again)

    assert row(1.0) + row(2.0) == Row(2, 4, 0, 2, 0, 0, 6, 2.0, row(1.0).told + row(1.0).told)
    assert (row(1.0) + row(None)).again is None
    assert judged(BY_NAME["runner:kill"], [], lost=0, twice=0, died=[], again=None).right is False
