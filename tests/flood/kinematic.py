"""The kinematic wave as an oracle for rain on land: planes exactly, a channel below them on many cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def plane_runoff(t: Floats, rain: float, duration: float, length: float, slope: float, n: float) -> Floats:
    """Unit discharge (m²/s) at the foot of a plane under rain (m/s) that ends, by q = √S h^(5/3) / n.

    Rising limb (rain so far), then rain × length; after the rain a depth h that stood at x = q / rain leaves
    at its celerity. Henderson and Wooding (1964), J. Geophys. Res. 69(8). The rain must last until all of the
    plane gives.
    """
    a = np.sqrt(slope) / n
    rising = np.minimum(a * (rain * np.minimum(t, duration)) ** (5 / 3), rain * length)
    low, high = np.zeros_like(t), np.full_like(t, (rain * length / a) ** 0.6)
    later = np.maximum(t - duration, 0.0)
    for _ in range(80):
        h = 0.5 * (low + high)
        beyond = a * h ** (5 / 3) / rain + 5 / 3 * a * h ** (2 / 3) * later > length
        low, high = np.where(beyond, low, h), np.where(beyond, h, high)
    falling: Floats = a * (0.5 * (low + high)) ** (5 / 3)
    return np.where(t <= duration, rising, falling)


@dataclass(frozen=True)
class VCatchment:
    """Two planes and a channel (Di Giammarco, Todini and Lamberti 1996, J. Hydrol. 175): lengths m, SI."""

    plane_length: float = 800.0
    plane_slope: float = 0.05
    plane_n: float = 0.015
    channel_length: float = 1000.0
    channel_width: float = 20.0
    channel_slope: float = 0.02
    channel_n: float = 0.15
    rain: float = 10.8e-3 / 3600.0
    duration: float = 5400.0

    def hydrograph(self, times: Floats, cells: int = 1000) -> Floats:
        """Mean discharge (m³/s) at the end of the channel between one time and the next, shape (n - 1,).

        The channel, wide and fed alike from end to end, by upwind differences on `cells`.
        """
        a, dx = np.sqrt(self.channel_slope) / self.channel_n, self.channel_length / cells
        h, t, out = np.zeros(cells), 0.0, np.zeros(times.size - 1)
        plane = (self.rain, self.duration, self.plane_length, self.plane_slope, self.plane_n)
        most = self.rain * (2 * self.plane_length + self.channel_width) / self.channel_width
        deepest = (most * self.channel_length / a) ** 0.6
        dt = 0.8 * dx / (5 / 3 * a * deepest ** (2 / 3))
        for k in range(out.size):
            steps = int(np.ceil((times[k + 1] - times[k]) / dt))
            step = (times[k + 1] - times[k]) / steps
            middles = t + (np.arange(steps) + 0.5) * step
            feed = 2 * plane_runoff(middles, *plane) / self.channel_width + self.rain * (
                middles < self.duration
            )
            for source in feed:
                q = a * h ** (5 / 3)
                out[k] += q[-1] * self.channel_width / steps
                h += step * (source - np.diff(q, prepend=0.0) / dx)
            t = times[k + 1]
        return out
