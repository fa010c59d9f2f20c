"""One step of the first-order scheme in plain NumPy, cell by cell in the order of the equations, slow and
readable.

Written from DESIGN 4 and the papers, not from the kernels: loops are whole arrays, powers are powers.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

G = 9.81
Floats = NDArray[np.float64]


def beside_dry(h, u, c, fall):
    """Mass and momentum flux of water that runs out onto dry ground (Toro 2001, chapter 6); what falls (m)
    has gained the energy of half its fall on the way from the middle of its cell to the edge.
    """
    middle = np.maximum(u + 2 * c, 0) / 3
    at_face = np.where(u >= c, h, middle**2 / G)
    speed = np.where(u >= c, u, middle)
    return at_face * speed, at_face * speed * np.sqrt(speed**2 + G * fall) + G * at_face**2 / 2


def face(hl, ul, vl, zl, hr, ur, vr, zr, crest, dry):
    """Mass flux, momentum for the left and right cell (deviations from their pressures), transverse
    momentum.
    """
    wl, wr = zl + hl, zr + hr
    zf = np.maximum(np.minimum(np.maximum(zl, zr), np.minimum(wl, wr)), crest)
    al = np.minimum(np.maximum(wl - zf, 0), hl)
    ar = np.minimum(np.maximum(wr - zf, 0), hr)
    cl, cr = np.sqrt(G * al), np.sqrt(G * ar)
    with np.errstate(all="ignore"):
        u_roe = np.where(cl + cr > 0, (cl * ul + cr * ur) / (cl + cr), 0)
        c_roe = np.sqrt(G * (al + ar) / 2)
        sl = np.minimum(ul - cl, u_roe - c_roe)
        sr = np.maximum(ur + cr, u_roe + c_roe)
        sl, sr = np.minimum(sl, 0), np.maximum(sr, 0)
        width = np.where(sr - sl > 0, sr - sl, 1)
        f_mass = (sr * al * ul - sl * ar * ur + sl * sr * (ar - al)) / width
        f_mom = (
            sr * (al * ul**2 + G * al**2 / 2)
            - sl * (ar * ur**2 + G * ar**2 / 2)
            + sl * sr * (ar * ur - al * ul)
        ) / width
        f_mom = np.where(sr - sl > 0, f_mom, 0)
        # Into a dry side: Godunov's flux, from the exact solution at the face.
        onto_right = beside_dry(al, ul, cl, np.maximum(zl - zf, 0))
        onto_left = beside_dry(ar, -ur, cr, np.maximum(zr - zf, 0))
        f_mass = np.where(ar == 0, onto_right[0], np.where(al == 0, -onto_left[0], f_mass))
        f_mom = np.where(ar == 0, onto_right[1], np.where(al == 0, onto_left[1], f_mom))
    f_mass = np.where((f_mass > 0) & (hl < dry), 0, f_mass)
    f_mass = np.where((f_mass < 0) & (hr < dry), 0, f_mass)
    # Pressure on the step of the bed between the cell and the face, where the water falls down it.
    left = f_mom - G * al**2 / 2 + G * (hl + al) / 2 * np.minimum(zf - zl, 0)
    right = f_mom - G * ar**2 / 2 + G * (hr + ar) / 2 * np.minimum(zf - zr, 0)
    films = (hl < dry) & (hr < dry)  # push nothing
    left, right = np.where(films, 0, left), np.where(films, 0, right)
    return f_mass, left, right, f_mass * np.where(f_mass > 0, vl, vr)


def step(h, qx, qy, z, n, crest_x, crest_y, dt, dx, dry):
    """New h, qx, qy (rows southwards, qy too) after dt in a box of walls; arrays (ny, nx), crests on
    faces.
    """

    def mirrored(a, sign_x=1.0, sign_y=1.0):
        a = np.pad(a, 1, mode="edge")
        a[:, [0, -1]] *= sign_x
        a[[0, -1], :] *= sign_y
        return a

    u, v = (np.where(h >= dry, q / np.maximum(h, dry), 0) for q in (qx, qy))
    H, Z = mirrored(h), mirrored(z)
    U, V = mirrored(u, sign_x=-1), mirrored(v, sign_y=-1)
    rows, cols = slice(1, -1), slice(1, -1)
    L, R = (rows, slice(None, -1)), (rows, slice(1, None))
    x = face(H[L], U[L], V[L], Z[L], H[R], U[R], V[R], Z[R], crest_x, dry)
    T, B = (slice(None, -1), cols), (slice(1, None), cols)
    y = face(H[T], V[T], U[T], Z[T], H[B], V[B], U[B], Z[B], crest_y, dry)
    xm, xl, xr, xt = (a.copy() for a in x)
    ym, yl, yr, yt = (a.copy() for a in y)
    out = (
        np.maximum(xm[:, 1:], 0) - np.minimum(xm[:, :-1], 0) + np.maximum(ym[1:], 0) - np.minimum(ym[:-1], 0)
    )
    full = (1 - 1e-14) * h
    over = dt / dx * out > full
    theta = np.where(over, full * dx / (dt * np.where(over, out, 1)), 1.0)
    theta_x = np.where(
        xm > 0,
        np.pad(theta, ((0, 0), (1, 0)), constant_values=1),
        np.pad(theta, ((0, 0), (0, 1)), constant_values=1),
    )
    theta_y = np.where(
        ym > 0,
        np.pad(theta, ((1, 0), (0, 0)), constant_values=1),
        np.pad(theta, ((0, 1), (0, 0)), constant_values=1),
    )
    lost_x = (theta_x - 1) * xm * np.where(xm > 0, U[L], U[R])
    lost_y = (theta_y - 1) * ym * np.where(ym > 0, V[T], V[B])
    xm, xt, xl, xr = xm * theta_x, xt * theta_x, xl + lost_x, xr + lost_x
    ym, yt, yl, yr = ym * theta_y, yt * theta_y, yl + lost_y, yr + lost_y
    lam = dt / dx
    h1 = h - lam * (xm[:, 1:] - xm[:, :-1] + ym[1:] - ym[:-1])
    qx1 = qx - lam * (xl[:, 1:] - xr[:, :-1] + yt[1:] - yt[:-1])
    qy1 = qy - lam * (xt[:, 1:] - xt[:, :-1] + yl[1:] - yr[:-1])
    size = np.hypot(qx1, qy1)
    slowed = 2 / (1 + np.sqrt(1 + 4 * dt * G * n**2 * size * np.maximum(h1, dry) ** (-7 / 3)))
    wet = h1 >= dry
    return h1, np.where(wet, qx1 * slowed, 0), np.where(wet, qy1 * slowed, 0), int(over.sum())
