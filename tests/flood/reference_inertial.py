"""One step of local inertia in plain NumPy, written from the papers (Bates et al. 2010, de Almeida et
al. 2012, Stelling and Duinmeijer 2003), in a box of walls.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

G = 9.81
Floats = NDArray[np.float64]


def _depth_over(h, z, crest, dry):
    """Depth over the faces inside, along the last axis."""
    level = z + h
    over = np.maximum(level[:, 1:], level[:, :-1]) - np.maximum(np.maximum(z[:, 1:], z[:, :-1]), crest)
    return np.where(over >= dry, over, 0.0)


def _pad(a, sides):
    return np.pad(a, sides)


def _along(h, z, n, q, across, crest, dt, dx, dry, theta, advection):
    """New discharges of the faces inside along the last axis.

    q (ny, nx + 1), 0 at the walls; across (ny + 1, nx): those of the other direction.
    """
    over = _depth_over(h, z, crest, dry)
    slope = ((z + h)[:, 1:] - (z + h)[:, :-1]) / dx
    weighted = theta * q[:, 1:-1] + (1 - theta) / 2 * (q[:, :-2] + q[:, 2:])
    if advection:
        u = np.where(over > 0, q[:, 1:-1] / np.where(over > 0, over, 1), 0.0)
        wide = _pad(u, ((0, 0), (1, 1)))
        middle = (q[:, 1:] + q[:, :-1]) / 2  # in cells
        flux = middle * np.where(middle > 0, wide[:, :-1], wide[:, 1:])
        tall = _pad(u, ((1, 1), (0, 0)))
        corner = (across[:, 1:] + across[:, :-1]) / 2  # at corners inside, (ny + 1, nx - 1)
        side = corner * np.where(corner > 0, tall[:-1], tall[1:])
        weighted = weighted - dt / dx * (flux[:, 1:] - flux[:, :-1] + side[1:] - side[:-1])
    m = weighted - G * over * slope * dt
    mean = (across[:-1, :-1] + across[:-1, 1:] + across[1:, :-1] + across[1:, 1:]) / 4
    donor = np.where(m > 0, h[:, :-1], h[:, 1:])
    m = np.where((over > 0) & (donor >= dry), m, 0.0)
    k = dt * G * (n[:, 1:] ** 2 + n[:, :-1] ** 2) / 2 * np.hypot(m, mean)
    return 2 * m / (1 + np.sqrt(1 + 4 * k / np.where(over > 0, over, 1.0) ** (7 / 3)))


def step(h, qe, qs, z, n, crest_x, crest_y, dt, dx, dry, theta, advection):
    """New h, discharges east (ny, nx + 1) and south (ny + 1, nx), and the number of limited cells."""
    east, south = np.zeros_like(qe), np.zeros_like(qs)
    east[:, 1:-1] = _along(h, z, n, qe, qs, crest_x[:, 1:-1], dt, dx, dry, theta, advection)
    south[1:-1] = _along(h.T, z.T, n.T, qs.T, qe.T, crest_y[1:-1].T, dt, dx, dry, theta, advection).T
    out = (
        np.maximum(east[:, 1:], 0) - np.minimum(east[:, :-1], 0)
        + np.maximum(south[1:], 0) - np.minimum(south[:-1], 0)
    )  # fmt: skip
    full = (1 - 1e-14) * h
    over = dt / dx * out > full
    share = np.where(over, full * dx / (dt * np.where(over, out, 1)), 1.0)
    wide, tall = _pad(share, ((0, 0), (1, 1))), _pad(share, ((1, 1), (0, 0)))
    east *= np.where(east > 0, wide[:, :-1], wide[:, 1:])
    south *= np.where(south > 0, tall[:-1], tall[1:])
    new = h - dt / dx * (east[:, 1:] - east[:, :-1] + south[1:] - south[:-1])
    return new, east, south, int(over.sum())
