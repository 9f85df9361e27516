"""The channels of a recording as one, in which each of them is heard."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

HALF_LIFE = 4_000  # samples after which what the channels were like counts half
_OPPOSED = -0.5  # correlation below which a channel is turned over before it is added


class Downmix:
    """Mixes one recording, piece by piece.

    An average of the channels loses what two of them hold in opposite phase, and leaves a sixth of what is said in one
    of six. So a channel that runs against the others is turned over, and the sum is made as loud as the loudest
    channel. Channels that hold the same are averaged by that. The weights follow the recording's last moments, without
    a step.
    """

    def __init__(self) -> None:
        self._covariance = np.zeros((0, 0))
        self._weights = np.zeros(0)

    def mono(self, channels: Samples) -> Samples:
        """The samples of a piece, (channels, samples), as (samples,); all within [-1, 1]."""
        within: Samples = np.clip(np.nan_to_num(channels), -1, 1)
        count, length = within.shape
        if count == 1:
            return cast(Samples, within[0])
        centred = within - within.mean(axis=1, keepdims=True)  # offsets of sound cards are not heard
        begins = count != len(self._weights)
        if begins:
            self._covariance = np.zeros((count, count))
        self._covariance *= 0.5 ** (length / HALF_LIFE)
        self._covariance += centred @ centred.T
        after = _weights(self._covariance)
        before, self._weights = after if begins else self._weights, after
        mixed = before @ within
        if not begins:
            ramp = np.minimum(1, np.arange(length) / min(length, HALF_LIFE))
            mixed = mixed + ramp * ((after - before) @ within)
        return np.clip(mixed, -1, 1).astype(np.float32)


def _weights(covariance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """What each channel is multiplied with before all are added."""
    power = covariance.diagonal()
    loudest = float(power.max())
    if not loudest:
        return np.full(len(power), 1 / len(power))
    signs = np.ones(len(power))
    mixed, along = 0.0, np.zeros(len(power))  # the sum's power, and each channel's covariance with it
    for channel, energy in enumerate(power):
        if along[channel] < _OPPOSED * math.sqrt(mixed * energy):
            signs[channel] = -1
        mixed += energy + 2 * signs[channel] * along[channel]
        along += signs[channel] * covariance[channel]
    return signs * math.sqrt(loudest / mixed)
