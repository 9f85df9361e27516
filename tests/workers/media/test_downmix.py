"""What is in any channel is heard, and what all hold is heard as it is."""

from __future__ import annotations

import numpy as np
import pytest

from workers.media.downmix import Downmix, Samples

RATE = 16_000
PIECE = 1_000


def voice(seed: int, seconds: float = 2.0, level: float = 0.1) -> Samples:
    """A noise that comes and goes, as syllables do."""
    random = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    return (level * (1 + np.sin(2 * np.pi * 3 * time)) * random.normal(size=len(time))).clip(-1, 1).astype(np.float32)


def mixed(channels: Samples, piece: int = PIECE) -> Samples:
    downmix = Downmix()
    return np.concatenate([downmix.mono(channels[:, at : at + piece]) for at in range(0, channels.shape[1], piece)])


def heard(mono: Samples, sound: Samples) -> float:
    """How much of a sound is in a mix, as a gain."""
    return float(abs(mono @ sound) / (sound @ sound))


SILENCE = np.zeros_like(voice(0))


def test_one_channel_is_kept_as_it_is() -> None:
    np.testing.assert_array_equal(mixed(voice(0)[None]), voice(0))


@pytest.mark.parametrize("count", [2, 3, 6, 8, 40])
def test_what_all_channels_hold_is_kept_as_it_is(count: int) -> None:
    np.testing.assert_allclose(mixed(np.stack([voice(0)] * count)), voice(0), atol=1e-5)


@pytest.mark.parametrize("count", [2, 3, 6, 8, 40])
def test_one_loud_channel_among_silent_ones_is_as_loud_as_it_was(count: int) -> None:
    for place in range(count):
        channels = [SILENCE] * count
        channels[place] = voice(0)
        np.testing.assert_allclose(mixed(np.stack(channels)), voice(0), atol=1e-5)


@pytest.mark.parametrize("signs", [(1, -1), (-1, 1), (1, -1, 1, -1), (1, 0, -1), (0, 0, 1, 0, -1, 0)])
def test_opposite_phases_do_not_cancel(signs: tuple[int, ...]) -> None:
    mono = mixed(np.stack([sign * voice(0) for sign in signs]))
    assert heard(mono, voice(0)) == pytest.approx(1, abs=0.01)


def test_opposite_phases_of_unlike_loudness_with_noise_do_not_cancel() -> None:
    left = voice(0) + voice(1, level=0.02)
    right = -0.7 * voice(0) + voice(2, level=0.02)
    assert heard(mixed(np.stack([left, right])), voice(0)) > 0.8


@pytest.mark.parametrize("count", [2, 3, 6])
def test_different_sounds_in_all_channels_are_all_heard(count: int) -> None:
    sounds = [voice(number, level=0.1) for number in range(count)]
    mono = mixed(np.stack(sounds))
    assert all(heard(mono, sound) > 0.9 / np.sqrt(count) for sound in sounds)


def test_people_who_take_turns_in_two_channels_are_equally_loud() -> None:
    first, second = np.stack([voice(0), SILENCE]), np.stack([SILENCE, voice(1)])
    mono = mixed(np.concatenate([first, second, first], axis=1))
    length = len(SILENCE)
    for number, sound in enumerate((voice(0), voice(1), voice(0))):
        assert heard(mono[number * length : (number + 1) * length], sound) > 0.9


@pytest.mark.parametrize("piece", [160, 1_024, 40_000])
def test_a_phase_that_turns_midway_is_followed(piece: int) -> None:
    channels = np.concatenate([np.stack([voice(0), voice(0)]), np.stack([voice(1), -voice(1)])], axis=1)
    later = mixed(channels, piece)[-RATE:]
    assert heard(later, voice(1)[-RATE:]) > 0.9


def test_weights_move_without_a_step() -> None:
    """A tone that goes from one channel to both makes no click."""
    tone = (0.3 * np.sin(2 * np.pi * 100 * np.arange(RATE) / RATE)).astype(np.float32)
    mono = mixed(np.concatenate([np.stack([tone, 0 * tone]), np.stack([tone, tone])], axis=1))
    assert np.abs(np.diff(mono)).max() < 0.05


def test_offsets_of_a_sound_card_do_not_decide() -> None:
    channels = np.stack([voice(0, level=0.02) + 0.3, voice(0, level=0.02) - 0.3])
    mono = mixed(channels)
    assert heard(mono - mono.mean(), voice(0, level=0.02)) > 0.9


def test_silence_is_silence() -> None:
    assert not mixed(np.stack([SILENCE, SILENCE])).any()


def test_what_is_no_sample_is_silence_and_what_is_too_loud_is_cut() -> None:
    channels = np.array([[np.nan, np.inf, -np.inf, 5.0, 0.0]] * 2, np.float32)
    for given in (channels, channels[:1]):
        mono = Downmix().mono(given)
        assert np.isfinite(mono).all() and np.abs(mono).max() <= 1


def test_the_number_of_channels_may_change() -> None:
    downmix = Downmix()
    for count in (2, 6, 1, 2):
        found = downmix.mono(np.stack([voice(0)[:PIECE]] * count))
        np.testing.assert_allclose(found, voice(0)[:PIECE], atol=1e-5)
