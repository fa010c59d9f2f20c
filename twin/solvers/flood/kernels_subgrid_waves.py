# mypy: ignore-errors
"""The shallow water equations, first order in space, on cells that carry the fine terrain (numba).

A cell holds a volume, whose level follows from its table (Casulli 2009, Int. J. Numer. Methods Fluids 60),
and one momentum: all its water moves at one velocity u, as in Sanders and Schubert (2019), Adv. Water
Resour. 126. A face is a section of strips (`twin.subgrid`), with the area A, the width B and the thrust P of
the water over their sills at the level of either side: the Saint-Venant equations of a channel of any
section,

    (A, A u)_t + (A u, A u² + P)_x,   celerity √(g A / B),

give the flux of HLL (Sanders 2001, J. Hydraul. Res. 39), with the speeds of `kernels_rows.face_flux` and,
onto dry strips, its exact solution. A cell is pushed by what differs from its own thrust on each strip:
ground under a sill, and walls, push back with it, so a lake rests to the rounding of its level on any
terrain. Water that falls from a sill is pulled by all of the fall (Chen and Noelle 2017, SIAM J. Numer. Anal.
55). Strips that are weirs pass what `kernels_subgrid_faces` says, with the velocity of the cell that gives.
Levels that fall with the friction slope are no jump: what HLL diffuses is the difference from them, as over
the apparent topography of Bouchut (2004) and Liang and Marche (2009, Adv. Water Resour. 32), so a uniform
flow is kept too.

Friction: Volp, van Prooijen and Stelling (2013), Water Resour. Res. 49: one friction slope for all strips of
a section of area A and conveyance K, means of the two faces of the cell along each axis, so a uniform flow
carries K √slope:  u_t = - g (A / V) s |s|, s = u A / K, V the volume per area; implicit in closed form.

Second order in space is not offered: slopes of level, area and velocity in a cell whose strips are partly dry
have no agreed form. What is published (Bitsch et al. 2026, arXiv 2601.01895) reconstructs velocities by WENO
on triangles whose fine cells are all visited in every step, which tables cannot be.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from twin.solvers.flood.kernels import (
    CREST_X,
    CREST_Y,
    DEPTH,
    DISCHARGE_X,
    DISCHARGE_Y,
    FRICTION,
    GRAVITY,
    PAD,
    SMALL,
    TILE_COLS,
)
from twin.solvers.flood.kernels_crests import SETTLE
from twin.solvers.flood.kernels_edges import LEVEL, NORMAL_DEPTH, OPEN, WALL, edge_place
from twin.solvers.flood.kernels_record import SPEED_DEPTH, looks_of_row
from twin.solvers.flood.kernels_subgrid import (
    LOWEST,
    MASS_E,
    MASS_S,
    PLANES,
    SPEED_E,
    SPEED_S,
    SURFACE,
    THETA,
    WET_SHARE,
    _wet,
    band_edges,
    face_of_edge,
    nothing_passes,
)
from twin.solvers.flood.kernels_subgrid_faces import (
    AREA_E,
    AREA_S,
    CHUNK,
    CONVEYANCE_E,
    CONVEYANCE_S,
    CREST,
    FAR,
    FAR_S,
    FILM_E,
    FILM_S,
    HALF,
    HEAD_E,
    HEAD_S,
    LARGEST_S,
    LOW,
    MODULAR_S,
    ONE,
    SINGLE,
    TOP,
    WEIRS_E,
    WEIRS_S,
    ZERO,
    strip_flow,
)

# Planes beside the state: momentum through the faces for the cell before and for the one behind, less their
# own thrust (m³/s²); the first in the places of the velocities of local inertia
LEFT_E, LEFT_S, RIGHT_E, RIGHT_S = SPEED_E, SPEED_S, PLANES, PLANES + 1
WAVE_PLANES = PLANES + 2
# Scratch of a thread, single, behind TOP, LOW and CREST: of strips wet on both sides the area at the lower
# level and the width; of those wet on one side area, area × depth, width and area × height of the sill over
# the lower level
SHARED, BOTH, ALONE, THRUST, EDGE, FALLS = (k * CHUNK for k in range(3, 9))
WAVE_SCRATCH = 9 * CHUNK
# Double: rise of the level, velocities before and behind, mass, momenta, flow of the weirs
RISE, BEFORE, BEHIND, MASS, LEFT, RIGHT, WEIRS, DROP = (k * CHUNK for k in range(8))
WAVE_DOUBLES = 8 * CHUNK


@njit(inline="always")
def _strip(top, low, crest, sill, hump):
    """What a strip adds to the sums of its face, see SHARED; nothing if it is a weir."""
    raised = max(sill, crest)
    over = max(top - raised, ZERO)
    below = low - raised
    under = max(below, ZERO)
    weir = (over < LARGEST_S * (hump + (raised - sill))) & (under < MODULAR_S * over)
    both = ONE if under > ZERO else ZERO
    both = ZERO if weir else both
    one = ONE if over > ZERO else ZERO
    one = ZERO if weir else one
    one -= both
    alone = over * one
    return under * both, both, alone, alone * over, one, alone * max(-below, ZERO)


@njit(error_model="numpy")
def _add_pair(f, sill, hump, i, c, k, other, part):
    a, b = sill[i, k, c : c + CHUNK], sill[i, other, c : c + CHUNK]
    ha, hb = hump[i, k, c : c + CHUNK], hump[i, other, c : c + CHUNK]
    for j in range(CHUNK):
        top, low, crest = f[TOP + j], f[LOW + j], f[CREST + j]
        s1, b1, a1, t1, e1, f1 = _strip(top, low, crest, a[j], ha[j])
        s2, b2, a2, t2, e2, f2 = _strip(top, low, crest, b[j], hb[j])
        f[SHARED + j] += part * (s1 + s2)
        f[BOTH + j] += part * (b1 + b2)
        f[ALONE + j] += part * (a1 + a2)
        f[THRUST + j] += part * (t1 + t2)
        f[EDGE + j] += part * (e1 + e2)
        f[FALLS + j] += part * (f1 + f2)


@njit(inline="always")
def section_flux(rise, drop, ul, ur, shared, both, alone, thrust, edge, falls):
    """Mass flux (m²/s) and momenta for the cell before and the one behind, of a face without its weirs.

    rise: level behind less level before (m); drop: how much friction lets it fall between the two (m, < 0
    where the water runs to the one before); ul, ur: velocities; then the sums over the strips, see SHARED.
    """
    half_g = 0.5 * GRAVITY
    right_higher = rise > 0.0
    step = abs(rise)
    high = shared + step * both + alone
    wide = both + edge
    ch = math.sqrt(GRAVITY * high / max(wide, SMALL))
    cw = math.sqrt(GRAVITY * shared / max(both, SMALL))
    push = half_g * (step * (shared + shared + step * both) + thrust)
    push = push if right_higher else -push
    al, ar = (shared, high) if right_higher else (high, shared)
    cl, cr = (cw, ch) if right_higher else (ch, cw)
    # The lower side dry: the exact solution of a rectangle as deep as the section in the mean.
    onto_dry = both <= 0.0
    u = -ur if right_higher else ul
    sonic = max((u + (ch + ch)) * (1.0 / 3.0), 0.0)
    fast_enough = u >= ch
    left_of = 1.0 if fast_enough else (sonic * sonic) / max(ch * ch, SMALL)
    speed = u if fast_enough else sonic
    out = high * left_of * speed
    # What falls leaves with the speed that it has at the edge, half of the fall below the middle of its cell.
    leaving = math.sqrt(speed * speed + GRAVITY * (falls / max(alone, SMALL)))
    thrown = out * leaving + half_g * thrust * (left_of * left_of - 1.0)
    # Both wet: HLL.
    u_mean = (cl * ul + cr * ur) / max(cl + cr, SMALL)
    root = math.sqrt(0.5 * (cl * cl + cr * cr))
    slow = min(min(ul - cl, u_mean - root), 0.0)
    fast = max(max(ur + cr, u_mean + root), 0.0)
    share = 1.0 / max(fast - slow, SMALL)
    ql, qr = al * ul, ar * ur
    product = slow * fast
    kept = max(step - max(-drop if right_higher else drop, 0.0), 0.0) / max(step, SMALL)
    mass = (fast * ql - slow * qr + product * ((ar - al) * kept)) * share
    left = (fast * (ql * ul) - slow * (qr * ur + push) + product * (qr - ql)) * share
    mass = (-out if right_higher else out) if onto_dry else mass
    left = (thrown + push if right_higher else thrown) if onto_dry else left
    right = left - push
    pull = GRAVITY * falls
    left = left if right_higher else left - pull
    right = right - pull if right_higher else right
    return mass, left, right


@njit(error_model="numpy")
def find_fluxes(
    f, d, sill, hump, i, c, level, beyond, h, h_beyond, low, low_beyond, crest, q, q_beyond, wet, wet_beyond,
    area, conveyance, weirs, film, friction, friction_beyond, mass, left, right, ratio, dx, dry,
):  # fmt: skip
    """Water and momenta through a chunk of faces.

    All but the scratch f, d and sill, hump (., strips, columns; row i from column c on) are (CHUNK,): level,
    depth, lowest point, momentum across the face and wet share of the cells before and behind; crest, area,
    conveyance, weirs and film of the faces; friction of the cells; the results.

    What runs off as a sheet (`run_as_sheet`) leaves with the discharge of its cell and is pulled by the fall
    of the level over the depth of the sheet: the pool in the low corner would fall out as from a dam.
    """
    for j in range(CHUNK):
        reference = max(low[j], low_beyond[j])
        is_wet = (h[j] >= dry) | (h_beyond[j] >= dry)
        rise = beyond[j] - level[j]
        top = SINGLE(max(level[j], beyond[j]) - reference) if is_wet else -FAR_S
        f[TOP + j] = top
        # Of levels that are the same to rounding, the depths are the same to the bit.
        f[LOW + j] = top - SINGLE(abs(rise))
        f[CREST + j] = SINGLE(min(max(crest[j] - reference, -FAR), FAR))
        d[RISE + j] = rise
    for j in range(CHUNK):
        d[BEFORE + j] = q[j] / max(h[j], dry) if h[j] >= dry else 0.0
        d[BEHIND + j] = q_beyond[j] / max(h_beyond[j], dry) if h_beyond[j] >= dry else 0.0
    for j in range(CHUNK):
        s = (
            0.5
            * (d[BEFORE + j] + d[BEHIND + j])
            * np.float64(area[j])
            / max(np.float64(conveyance[j]), SMALL)
        )
        d[DROP + j] = (0.5 * dx / GRAVITY) * (friction[j] + friction_beyond[j]) * (s * abs(s))
    for j in range(6 * CHUNK):
        f[SHARED + j] = ZERO
    strips = sill.shape[1]
    for k in range((strips + 1) // 2):
        other = strips - 1 - k
        _add_pair(f, sill, hump, i, c, k, other, HALF if other == k else ONE)
    share = 1.0 / strips
    for j in range(CHUNK):
        rise = d[RISE + j]
        most = (SETTLE / ratio) * (abs(rise) * min(wet[j], wet_beyond[j]))
        fall = min(np.float64(weirs[j]), most)
        d[WEIRS + j] = -fall if rise > 0.0 else fall
    for j in range(CHUNK):
        ul, ur = d[BEFORE + j], d[BEHIND + j]
        m, before, behind = section_flux(
            d[RISE + j], d[DROP + j], ul, ur, share * f[SHARED + j], share * f[BOTH + j],
            share * f[ALONE + j], share * f[THRUST + j], share * f[EDGE + j], share * f[FALLS + j],
        )  # fmt: skip
        thin = np.float64(film[j])
        if thin > 0.0:
            rise = d[RISE + j]
            u = ur if rise > 0.0 else ul
            most = min(q_beyond[j], 0.0) if rise > 0.0 else max(q[j], 0.0)
            runs = max(m, most) if rise > 0.0 else min(m, most)
            pull = GRAVITY * np.float64(area[j]) * abs(rise)
            m += thin * (runs - m)
            before += thin * (runs * u - (0.0 if rise > 0.0 else pull) - before)
            behind += thin * (runs * u - (pull if rise > 0.0 else 0.0) - behind)
        fall = d[WEIRS + j]
        carried = fall * (ul if fall > 0.0 else ur)
        d[MASS + j] = m + fall
        d[LEFT + j] = before + carried
        d[RIGHT + j] = behind + carried
    for j in range(CHUNK):
        m = d[MASS + j]
        mass[j] = (max(m, 0.0) if h[j] >= dry else 0.0) + (min(m, 0.0) if h_beyond[j] >= dry else 0.0)
    for j in range(CHUNK):
        left[j] = d[LEFT + j]
        right[j] = d[RIGHT + j]


@njit(error_model="numpy")
def edge_flux_of(e, state, static, beside, planes, sills, kinds, values, speeds, closed, ny, nx, dry):
    """Water and momentum through an edge face; speeds: of the water beyond a level (m/s, outwards), NaN: that
    inside.
    """
    axis, fr, fc, sign = face_of_edge(e, ny, nx)
    r, c, _, _ = edge_place(e, ny, nx)
    kind = kinds[e]
    depth, surface, low = state[DEPTH, r, c], beside[SURFACE, r, c], beside[LOWEST, r, c]
    u = sign * state[DISCHARGE_X + axis, r, c] / depth if depth >= dry else 0.0
    area = np.float64(planes[AREA_E + axis, fr, fc])
    q, inner = 0.0, 0.0
    if closed[e] != 0:
        pass
    elif kind == WALL or (kind == OPEN and u <= 0.0):
        # The mirror image beyond.
        if depth >= dry:
            over = SINGLE(surface - low)
            wide, head = strip_flow(sills[e], over, over)[0], over
            wall = np.float64(wide)
            c_wall = math.sqrt(GRAVITY * np.float64(head))
            inner = wall * u * (u + max(c_wall, c_wall - u))
    elif kind == OPEN:
        q = area * u
        inner = q * u
    elif kind == NORMAL_DEPTH and area > 0.0:
        q = np.float64(planes[CONVEYANCE_E + axis, fr, fc]) * math.sqrt(
            values[e] * GRAVITY / static[FRICTION, r, c]
        )
        inner = q * q / area
    elif kind == LEVEL:
        rise = values[e] - surface
        top = SINGLE(max(surface, values[e]) - low)
        under = top - SINGLE(abs(rise))
        shared, both, alone, thrust, edge, falls = ZERO, ZERO, ZERO, ZERO, ZERO, ZERO
        strips = sills.shape[1]
        for k in range(strips):
            s1, b1, a1, t1, e1, f1 = _strip(top, under, -FAR_S, sills[e, k], ZERO)
            shared, both, alone = shared + s1, both + b1, alone + a1
            thrust, edge, falls = thrust + t1, edge + e1, falls + f1
        share = 1.0 / strips
        beyond = u if math.isnan(speeds[e]) else speeds[e]
        q, inner, _ = section_flux(
            rise, 0.0, u, beyond, share * shared, share * both, share * alone, share * thrust, share * edge,
            share * falls,
        )  # fmt: skip
        q = q if q < 0.0 or depth >= dry else 0.0
    beside[MASS_E + axis, fr, fc] = sign * q
    beside[LEFT_E + axis, fr, fc] = inner
    beside[RIGHT_E + axis, fr, fc] = inner


@njit(error_model="numpy")
def band_fluxes(
    state, static, beside, planes, tables, f, d, kinds, values, speeds, closed, r0, rows, c0, columns, ny, nx,
    ratio, dx, dry,
):  # fmt: skip
    """Water and momenta through the faces that a band owns."""
    sill_x, sill_y, hump_x, hump_y, sills = tables[2], tables[3], tables[4], tables[5], tables[6]
    depth, level, low, share = state[DEPTH], beside[SURFACE], beside[LOWEST], beside[WET_SHARE]
    qx, qy, rough = state[DISCHARGE_X], state[DISCHARGE_Y], static[FRICTION]
    for r in range(r0, r0 + rows):
        i = r - PAD
        for c in range(c0, c0 + columns, CHUNK):
            end = c + CHUNK
            here = _wet(depth, r, c, CHUNK, dry)
            h, w, z, wet = depth[r, c:end], level[r, c:end], low[r, c:end], share[r, c:end]
            mass, left, right = beside[MASS_E, r, c:end], beside[LEFT_E, r, c:end], beside[RIGHT_E, r, c:end]
            if here or depth[r, end] >= dry:
                find_fluxes(
                    f, d, sill_x, hump_x, i, c, w, level[r, c + 1 : end + 1], h,
                    depth[r, c + 1 : end + 1], z, low[r, c + 1 : end + 1], static[CREST_X, r, c:end],
                    qx[r, c:end], qx[r, c + 1 : end + 1], wet, share[r, c + 1 : end + 1],
                    planes[AREA_E, r, c:end], planes[CONVEYANCE_E, r, c:end], planes[WEIRS_E, r, c:end],
                    planes[FILM_E, r, c:end], rough[r, c:end], rough[r, c + 1 : end + 1],
                    mass, left, right, ratio, dx, dry,
                )  # fmt: skip
            else:
                nothing_passes(mass, left, right)
            mass, left, right = beside[MASS_S, r, c:end], beside[LEFT_S, r, c:end], beside[RIGHT_S, r, c:end]
            if i < ny - 1 and (here or _wet(depth, r + 1, c, CHUNK, dry)):
                find_fluxes(
                    f, d, sill_y, hump_y, i + 1, c, w, level[r + 1, c:end], h,
                    depth[r + 1, c:end], z, low[r + 1, c:end], static[CREST_Y, r, c:end],
                    qy[r, c:end], qy[r + 1, c:end], wet, share[r + 1, c:end],
                    planes[AREA_S, r, c:end], planes[CONVEYANCE_S, r, c:end], planes[WEIRS_S, r, c:end],
                    planes[FILM_S, r, c:end], rough[r, c:end], rough[r + 1, c:end],
                    mass, left, right, ratio, dx, dry,
                )  # fmt: skip
            else:
                nothing_passes(mass, left, right)
    for side in range(4):
        first, count = band_edges(side, r0, rows, c0, columns, ny, nx)
        for e in range(first, first + count):
            edge_flux_of(e, state, static, beside, planes, sills, kinds, values, speeds, closed, ny, nx, dry)


@njit(error_model="numpy")
def _limit(mass, left, right, theta, theta_beyond, q, q_beyond, h, h_beyond, count, dry):
    """Scale faces by the share of the cell that gives; momentum goes with the water."""
    for j in range(count):
        m = mass[j]
        gives = m > 0.0
        share = theta[j] if gives else theta_beyond[j]
        u = q[j] / max(h[j], dry) if gives else q_beyond[j] / max(h_beyond[j], dry)
        lost = (share - 1.0) * m * u
        mass[j] = share * m
        left[j] += lost
        right[j] += lost


@njit(error_model="numpy")
def band_limit_fluxes(old, beside, r0, rows, c0, columns, dry):
    """The faces that a band owns, scaled; what comes from beyond the grid is not limited."""
    theta, h, qx, qy = beside[THETA], old[DEPTH], old[DISCHARGE_X], old[DISCHARGE_Y]
    end = c0 + columns
    first = c0 - 1 if c0 == PAD else c0
    for r in range(r0 - 1 if r0 == PAD else r0, r0 + rows):
        if r >= PAD:
            _limit(
                beside[MASS_E, r, first:end], beside[LEFT_E, r, first:end], beside[RIGHT_E, r, first:end],
                theta[r, first:end], theta[r, first + 1 : end + 1], qx[r, first:end],
                qx[r, first + 1 : end + 1], h[r, first:end], h[r, first + 1 : end + 1], end - first, dry,
            )  # fmt: skip
        _limit(
            beside[MASS_S, r, c0:end], beside[LEFT_S, r, c0:end], beside[RIGHT_S, r, c0:end],
            theta[r, c0:end], theta[r + 1, c0:end], qy[r, c0:end], qy[r + 1, c0:end],
            h[r, c0:end], h[r + 1, c0:end], columns, dry,
        )  # fmt: skip


@njit(inline="always")
def _along(mass, q, q_beyond, h, h_beyond, dry):
    """Momentum along a face that its water carries."""
    return mass * (q / max(h, dry) if mass > 0.0 else q_beyond / max(h_beyond, dry))


@njit(error_model="numpy")
def _new_row(old, new, static, beside, planes, depths, squares, r, c0, columns, ratio, dt, dry):
    h, qx, qy = old[DEPTH], old[DISCHARGE_X], old[DISCHARGE_Y]
    mass_e, mass_s = beside[MASS_E], beside[MASS_S]
    most = 0.0
    for c in range(c0, c0 + TILE_COLS):
        east, west, south, north = mass_e[r, c], mass_e[r, c - 1], mass_s[r, c], mass_s[r - 1, c]
        depth = h[r, c] - ratio * ((east - west) + (south - north))
        mx = (beside[LEFT_E, r, c] - beside[RIGHT_E, r, c - 1]) + (
            _along(south, qx[r, c], qx[r + 1, c], h[r, c], h[r + 1, c], dry)
            - _along(north, qx[r - 1, c], qx[r, c], h[r - 1, c], h[r, c], dry)
        )
        my = (beside[LEFT_S, r, c] - beside[RIGHT_S, r - 1, c]) + (
            _along(east, qy[r, c], qy[r, c + 1], h[r, c], h[r, c + 1], dry)
            - _along(west, qy[r, c - 1], qy[r, c], h[r, c - 1], h[r, c], dry)
        )
        mx = qx[r, c] - ratio * mx
        my = qy[r, c] - ratio * my
        wet = depth >= dry
        inverse = 1.0 / max(depth, dry)
        # One friction slope in all strips: areas and conveyances of the two faces along each axis.
        ax = 0.5 * (np.float64(planes[AREA_E, r, c]) + np.float64(planes[AREA_E, r, c - 1]))
        ay = 0.5 * (np.float64(planes[AREA_S, r, c]) + np.float64(planes[AREA_S, r - 1, c]))
        kx = 0.5 * (np.float64(planes[CONVEYANCE_E, r, c]) + np.float64(planes[CONVEYANCE_E, r, c - 1]))
        ky = 0.5 * (np.float64(planes[CONVEYANCE_S, r, c]) + np.float64(planes[CONVEYANCE_S, r - 1, c]))
        fx, fy = ax / max(kx, SMALL), ay / max(ky, SMALL)
        sx, sy = mx * inverse * fx, my * inverse * fy
        drag = 4.0 * dt * static[FRICTION, r, c] * math.sqrt(sx * sx + sy * sy) * inverse
        # Where no face lets water through along an axis, nothing moves along it.
        mx = 2.0 * mx / (1.0 + math.sqrt(1.0 + drag * (fx * ax))) if wet and ax > 0.0 else 0.0
        my = 2.0 * my / (1.0 + math.sqrt(1.0 + drag * (fy * ay))) if wet and ay > 0.0 else 0.0
        new[DEPTH, r, c] = depth
        new[DISCHARGE_X, r, c] = mx
        new[DISCHARGE_Y, r, c] = my
        u, v = mx * inverse, my * inverse
        v2 = u * u + v * v
        depths[c - c0] = depth
        squares[c - c0] = v2 if wet and depth > SPEED_DEPTH else 0.0
        # A wave is as fast as on the deepest section of the cell over the share of it under water, but never
        # faster than on the highest head, which rules where a cell fills.
        head = max(
            max(planes[HEAD_E, r, c], planes[HEAD_E, r, c - 1]),
            max(planes[HEAD_S, r, c], planes[HEAD_S, r - 1, c]),
        )
        section = max(
            max(planes[AREA_E, r, c], planes[AREA_E, r, c - 1]),
            max(planes[AREA_S, r, c], planes[AREA_S, r - 1, c]),
        )
        deep = min(np.float64(head), np.float64(section) / max(beside[WET_SHARE, r, c], 1e-6))
        speed = max(abs(u), abs(v)) + math.sqrt(GRAVITY * deep)
        if wet and c < c0 + columns:
            most = max(most, speed)
    return most


@njit(error_model="numpy")
def band_states(old, new, static, beside, planes, looks, r0, rows, c0, columns, ratio, dt, dry):
    """New depths and momenta of a band, and its depths and v² into `looks`; its highest speed squared."""
    most = 0.0
    for r in range(r0, r0 + rows):
        depths, squares = looks_of_row(looks, 0, r - r0)
        most = max(most, _new_row(
            old, new, static, beside, planes, depths, squares, r, c0, columns, ratio, dt, dry
        ))  # fmt: skip
    return most * most
