"""One step of the second-order scheme in plain NumPy, in the order of the equations, slow and readable.

Written from the description in DESIGN 4 (MUSCL-Hancock; level, depth and velocities; first order beside dry
cells and crests), not from the kernels. Faces are those of `reference`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tests.flood import reference

G = 9.81
Floats = NDArray[np.float64]


def limited(before: Floats, here: Floats, after: Floats, most: Floats | float = 2.0) -> Floats:
    """Limited difference across a cell: central, at most `most` times the differences beside it (2: MC, 1:
    minmod).
    """
    a, b = here - before, after - here
    size = np.minimum(most * np.minimum(np.abs(a), np.abs(b)), np.abs(a + b) / 2)
    return np.where(a * b > 0, np.sign(a + b) * size, 0.0)


def step(h, qx, qy, z, n, crest_x, crest_y, dt, dx, dry):
    """New h, qx, qy (rows southwards, qy too) after dt in a box of walls; arrays (ny, nx), crests on
    faces.
    """
    lam = dt / dx

    def mirrored(a, width, sign_x=1.0, sign_y=1.0):
        a = np.pad(a, width, mode="symmetric")
        a[:, :width] *= sign_x
        a[:, -width:] *= sign_x
        a[:width] *= sign_y
        a[-width:] *= sign_y
        return a

    u, v = (np.where(h >= dry, q / np.maximum(h, dry), 0) for q in (qx, qy))
    free_x = crest_x <= np.maximum(np.pad(z, ((0, 0), (1, 0)), "edge"), np.pad(z, ((0, 0), (0, 1)), "edge"))
    free_y = crest_y <= np.maximum(np.pad(z, ((1, 0), (0, 0)), "edge"), np.pad(z, ((0, 1), (0, 0)), "edge"))
    smooth = free_x[:, 1:] & free_x[:, :-1] & free_y[1:] & free_y[:-1]
    # Everything on the grid and one ring of ghosts; slopes need a second ring.
    wide = {
        "h": mirrored(h, 2), "z": mirrored(z, 2), "w": mirrored(z + h, 2),
        "u": mirrored(u, 2, sign_x=-1), "v": mirrored(v, 2, sign_y=-1),
    }  # fmt: skip
    c = (slice(1, -1), slice(1, -1))
    west, east = (slice(1, -1), slice(None, -2)), (slice(1, -1), slice(2, None))
    north, south = (slice(None, -2), slice(1, -1)), (slice(2, None), slice(1, -1))
    smooth = mirrored(smooth.astype(float), 1) > 0
    wet_x, wet_y = (
        np.minimum(wide["h"][before], wide["h"][after]) >= dry
        for before, after in ((west, east), (north, south))
    )
    use = smooth & wet_x & wet_y & (wide["h"][c] >= dry)
    shore = smooth & ~(wet_x & wet_y)
    H, U, V, W, Z = (wide[k][c] for k in "huvwz")

    def slopes_of(before, after):
        """Depth and bed by MC where one sheet covers the steps of the bed, else level and bed by minmod."""
        z, w = ([wide[k][side] for side in (before, c, after)] for k in "zw")
        covered = np.maximum.reduce(z) < np.minimum.reduce(w)
        found = {k: limited(wide[k][before], wide[k][c], wide[k][after]) for k in "huv"}
        bed, level = (
            limited(wide[k][before], wide[k][c], wide[k][after], np.where(covered, 2.0, 1.0)) for k in "zw"
        )
        shared = np.minimum(z[0], z[2]) <= w[1]
        found |= {k: np.where(shared, found[k], 0) for k in "uv"}
        found["w"] = np.where(covered, found["h"] + bed, level)
        found["h"] = np.where(covered, found["h"], level - bed)
        return found

    dx_of, dy_of = slopes_of(west, east), slopes_of(north, south)
    gain = -lam / 2 * (U * dx_of["h"] + H * dx_of["u"] + V * dy_of["h"] + H * dy_of["v"])
    pu = U - lam / 2 * (U * dx_of["u"] + V * dy_of["u"] + G * dx_of["w"])
    pv = V - lam / 2 * (U * dx_of["v"] + V * dy_of["v"] + G * dy_of["w"])
    N = mirrored(np.broadcast_to(n, h.shape).astype(float), 1)
    slow = 2 / (
        1 + np.sqrt(1 + 4 * (dt / 2) * G * N**2 * np.hypot(pu, pv) * np.maximum(H + gain, dry) ** (-4 / 3))
    )
    use &= H + gain - np.maximum(np.abs(dx_of["h"]), np.abs(dy_of["h"])) / 2 >= dry
    # On a shore the direction that is wet on both sides keeps its slopes, without the half step.
    for slopes, wet in ((dx_of, wet_x), (dy_of, wet_y)):
        along = use | (shore & wet & (H - np.abs(slopes["h"]) / 2 >= dry))
        for k in "huvw":
            slopes[k] = np.where(along, slopes[k], 0)
    PH, PW = H + np.where(use, gain, 0), W + np.where(use, gain, 0)
    PU, PV = np.where(use, pu * slow, U), np.where(use, pv * slow, V)

    def at_face(slopes, sign, place):
        w, d = PW + sign * slopes["w"] / 2, PH + sign * slopes["h"] / 2
        bed = Z + sign * (slopes["w"] - slopes["h"]) / 2
        # `reference.face` takes level as bed + depth: equal here but for rounding.
        assert np.abs(w - bed - d).max() < 1e-12
        speeds = (PU + sign * slopes["u"] / 2, PV + sign * slopes["v"] / 2)
        return d[place], speeds[0][place], speeds[1][place], bed[place]

    inner = slice(1, -1)
    left = at_face(dx_of, 1, (inner, slice(None, -1)))
    right = at_face(dx_of, -1, (inner, slice(1, None)))
    xm, xl, xr, xt = reference.face(*left, *right, crest_x, dry)
    top = at_face(dy_of, 1, (slice(None, -1), inner))
    low = at_face(dy_of, -1, (slice(1, None), inner))
    ym, yl, yr, yt = reference.face(
        top[0], top[2], top[1], top[3], low[0], low[2], low[1], low[3], crest_y, dry
    )
    out = (
        np.maximum(xm[:, 1:], 0) - np.minimum(xm[:, :-1], 0) + np.maximum(ym[1:], 0) - np.minimum(ym[:-1], 0)
    )
    over = lam * out > (1 - 1e-14) * h
    theta = np.where(over, (1 - 1e-14) * h / (lam * np.where(over, out, 1)), 1.0)
    theta = np.pad(theta, 1, constant_values=1.0)
    tx = np.where(xm > 0, theta[1:-1, :-1], theta[1:-1, 1:])
    ty = np.where(ym > 0, theta[:-1, 1:-1], theta[1:, 1:-1])
    lost_x = (tx - 1) * xm * np.where(xm > 0, PU[1:-1, :-1], PU[1:-1, 1:])
    lost_y = (ty - 1) * ym * np.where(ym > 0, PV[:-1, 1:-1], PV[1:, 1:-1])
    xm, xt, xl, xr = xm * tx, xt * tx, xl + lost_x, xr + lost_x
    ym, yt, yl, yr = ym * ty, yt * ty, yl + lost_y, yr + lost_y
    grid = (inner, inner)
    push_x, push_y = G * (PH * dx_of["w"])[grid], G * (PH * dy_of["w"])[grid]
    h1 = h - lam * (xm[:, 1:] - xm[:, :-1] + ym[1:] - ym[:-1])
    qx1 = qx - lam * (xl[:, 1:] - xr[:, :-1] + push_x + yt[1:] - yt[:-1])
    qy1 = qy - lam * (xt[:, 1:] - xt[:, :-1] + yl[1:] - yr[:-1] + push_y)
    slowed = 2 / (1 + np.sqrt(1 + 4 * dt * G * n**2 * np.hypot(qx1, qy1) * np.maximum(h1, dry) ** (-7 / 3)))
    wet = h1 >= dry
    return h1, np.where(wet, qx1 * slowed, 0), np.where(wet, qy1 * slowed, 0), int(over.sum())
