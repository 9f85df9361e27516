"""Where speech begins and ends, of probabilities that are given; nothing that was said is lost, whatever its pieces."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.values.errors import InvalidValue
from web.realtime import listening
from web.realtime.formats import CHUNK, FORMATS, PCM, Format
from web.realtime.listening import Listener, Started, Stopped, Vad

MULAW = FORMATS[1]


def chunk(number: int, format: Format = MULAW) -> bytes:
    """A chunk that can be told from others."""
    return bytes([number % 256]) * (CHUNK * format.millisecond)


def listener(chances: list[float], vad: Vad, format: Format = MULAW) -> Listener:
    """One whose detector says these probabilities, a chunk each."""
    said: Iterator[float] = iter(chances)
    return Listener(format, vad, lambda _: next(said))


def changes(chances: list[float], vad: Vad) -> list[Started | Stopped]:
    return list(listener(chances, vad).append(b"".join(map(chunk, range(len(chances))))))


Q, S = 0.1, 0.9  # quiet, speech
VAD = Vad(threshold=0.5, prefix_padding_ms=64, silence_duration_ms=96)  # two and three chunks


@pytest.mark.parametrize(
    ("chances", "spans"),
    [
        ([Q] * 10, []),
        ([Q] * 5 + [S] * 4 + [Q] * 3, [(3, 12)]),  # the padding before it and the silence behind it are heard
        ([S] * 2 + [Q] * 3, [(0, 5)]),  # nothing is before the beginning
        ([Q, S, Q, Q, S, Q, Q, Q], [(0, 8)]),  # a pause that is too short is none
        ([Q, S, 0.4, 0.4, 0.4, 0.4, 0.3, 0.3, 0.3], [(0, 9)]),  # a little less sure is still speech
        ([S, Q, Q, Q, S, Q, Q, Q], [(0, 4), (4, 8)]),  # what was heard once is not heard twice
        ([S, Q, Q, Q, Q, S, Q, Q, Q], [(0, 4), (4, 9)]),
        ([Q] * 20 + [S] + [Q] * 3, [(18, 24)]),
        ([Q, S, S], [(0, None)]),  # and goes on
    ],
)
def test_utterances_are_cut_in_pauses(chances: list[float], spans: list[tuple[int, int | None]]) -> None:
    expected: list[Started | Stopped] = []
    for first, end in spans:
        expected.append(Started(first * CHUNK))
        if end is not None:
            expected.append(Stopped(end * CHUNK, b"".join(map(chunk, range(first, end)))))
    assert changes(chances, VAD) == expected


def test_a_pause_of_no_length_is_one_chunk() -> None:
    assert changes([S, Q, Q], Vad(silence_duration_ms=0)) == [Started(0), Stopped(2 * CHUNK, chunk(0) + chunk(1))]


@given(
    chances=st.lists(st.sampled_from([Q, S]), max_size=40),
    cuts=st.lists(st.integers(0, 40 * CHUNK * MULAW.millisecond), max_size=10),
)
def test_it_does_not_matter_in_which_pieces_audio_comes(chances: list[float], cuts: list[int]) -> None:
    audio = b"".join(map(chunk, range(len(chances))))
    one = listener(chances, VAD)
    ends = sorted({*cuts, len(audio)})
    pieces = [audio[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]
    assert [change for piece in pieces for change in one.append(piece)] == changes(chances, VAD)
    assert one.end == len(audio)


def test_speech_without_a_pause_is_cut_at_the_bound_and_none_of_it_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "LONGEST", 10 * CHUNK)
    told = changes([S] * 25 + [Q] * 3, VAD)
    assert b"".join(one.audio for one in told if isinstance(one, Stopped)) == b"".join(map(chunk, range(28)))


def test_silence_takes_no_memory() -> None:
    one = listener([Q] * 1000, VAD)
    assert list(one.append(b"".join(map(chunk, range(1000))))) == []
    assert len(one.take()) == 64 * MULAW.millisecond and one.end == 1000 * CHUNK * MULAW.millisecond


def test_without_a_detector_audio_waits_to_be_committed() -> None:
    one = Listener(PCM, VAD, None)
    assert list(one.append(b"\x01" * 4800)) == []
    assert one.commit() == b"\x01" * 4800 and one.end == 4800
    with pytest.raises(InvalidValue, match="100 ms"):
        one.commit()


def test_no_more_waits_than_may_and_what_is_refused_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "LONGEST", 1000)
    one = Listener(PCM, VAD, None)
    list(one.append(bytes(48_000)))
    with pytest.raises(InvalidValue, match="commit or clear") as caught:
        list(one.append(b"\x00"))
    assert caught.value.failure.param == "audio" and one.commit() == bytes(48_000)
    assert list(one.append(b"\x00")) == []


def test_a_commit_by_hand_ends_the_speech_that_goes_on() -> None:
    one = listener([S] * 5 + [Q] * 5, VAD)
    assert list(one.append(b"".join(map(chunk, range(5))))) == [Started(0)]
    assert one.commit() == b"".join(map(chunk, range(5)))
    assert list(one.append(b"".join(map(chunk, range(5, 10))))) == []
