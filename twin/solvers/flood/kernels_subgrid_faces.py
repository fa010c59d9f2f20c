# mypy: ignore-errors
"""What a row of subgrid faces lets through at the levels beside it, and its momentum (numba).

Of a face the water meets the sills of its strips. With over and under = the higher and the lower level less
the sill, the depth in a strip is that of the mean level, h = (over + max(under, 2/3 over)) / 2: between two
cells whose water falls with the bed the level over the sill is the mean of theirs (the higher one alone is
half a cell of slope too high), and behind a sill that controls the flow no level below the critical one
counts. Flow area (per width) A = mean(h), conveyance K = mean(h^(5/3)) / n over the strips, and

    m  = q - g A dt dw/dx,   q' = m - g dt A |s| q' / K   (implicit in closed form)

with s = (q, q along the face) / K: each strip carries its share of the conveyance, so the friction slope is
|s| s in all of them. What passes along the face is that of the four faces around over their conveyance: a
mean of the discharges alone is too small in a channel narrower than a cell, at an angle to the grid.

Where a sill stands out of its strip by more than a third of the water over it, the strip is a broad-crested
weir, drowned as Villemonte (1947) says, and no channel, until the tailwater reaches the critical depth on it.

Strips are taken in pairs from both ends of a face: a mirrored terrain gives the same sums to the bit. Areas,
conveyances and friction are single, differences of levels and discharges double.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from twin.solvers.flood.kernels import GRAVITY, larger
from twin.solvers.flood.kernels_crests import BROAD_CREST, DROWNED, LARGEST_HEAD, SETTLE
from twin.solvers.flood.kernels_inertial import quick_inverse_cube_root

MODULAR = 2.0 / 3.0  # tailwater over head (critical depth) above which no crest rules, but friction
CHUNK = 32  # cells of a row that are taken together, and left out together where they are dry
FAR = 1e30  # m: where there is no crest, and where nothing passes

SINGLE = np.float32
ZERO, HALF, ONE, TWO, FOUR = SINGLE(0), SINGLE(0.5), SINGLE(1), SINGLE(2), SINGLE(4)
QUARTER = SINGLE(0.25)
MODULAR_S, LARGEST_S, WEIR_S, FAR_S = SINGLE(MODULAR), SINGLE(LARGEST_HEAD), SINGLE(BROAD_CREST), SINGLE(FAR)
THIN, LEAST = SINGLE(1e-9), SINGLE(1e-18)  # depth (m) and conveyance that may be divided by


def drowned_share(modular: float) -> tuple[np.float32, ...]:
    """(1 - u)^DROWNED for 0 ≤ u ≤ modular^1.5, to 2e-6 for MODULAR: coefficients from u^0 on."""
    share = np.polynomial.Chebyshev.interpolate(lambda u: (1.0 - u) ** DROWNED, 6, domain=[0.0, modular**1.5])
    return tuple(SINGLE(x) for x in share.convert(kind=np.polynomial.Polynomial).coef)


_SHARE = drowned_share(MODULAR)

# Scratch of a thread, single: higher and lower level and crest over the reference of the face; flow area,
# conveyance without n, flow of the weirs (m²/s), highest head (m), whether there is a weir
TOP, LOW, CREST, AREA, CONVEYANCE, WEIRS, HEAD, FLAG = (k * CHUNK for k in range(8))
# the same places later: discharges and conveyances of the faces around, what friction leaves
AROUND, ROOM, LEFT = TOP, LOW, CREST
FACE_SCRATCH = 8 * CHUNK
# Scratch of a thread, double: rise of the level, momentum, water
RISE, MOMENTUM, WATER = (k * CHUNK for k in range(3))
FACE_DOUBLES = 3 * CHUNK

# Planes of faces, single: flow area, conveyance without n, flow of the weirs, highest head, and how far the
# water runs off as a sheet (0 to 1) of those east and south
AREA_E, AREA_S, CONVEYANCE_E, CONVEYANCE_S, WEIRS_E, WEIRS_S, HEAD_E, HEAD_S, FILM_E, FILM_S = range(10)
FACE_PLANES = 10


@njit(inline="always")
def _strip(top, low, crest, sill, hump):
    """Depth, h^(5/3) and head of a strip that is a channel, and whether it is a weir (1 or 0)."""
    raised = max(sill, crest)
    over = max(top - raised, ZERO)
    under = max(low - raised, ZERO)
    weir = (over < LARGEST_S * (hump + (raised - sill))) & (under < MODULAR_S * over)
    depth = ZERO if weir else HALF * (over + max(under, MODULAR_S * over))
    root = quick_inverse_cube_root(max(depth, THIN))
    return depth, depth * (depth * root), over, ONE if weir else ZERO


@njit(inline="always")
def _weir(top, low, crest, sill, hump):
    """Flow over a strip (m²/s) if it is a weir."""
    raised = max(sill, crest)
    over = max(top - raised, ZERO)
    under = max(low - raised, ZERO)
    weir = (over < LARGEST_S * (hump + (raised - sill))) & (under < MODULAR_S * over)
    drowned = min(under / max(over, THIN), MODULAR_S)
    u = drowned * math.sqrt(drowned)
    share = _SHARE[6]
    share = share * u + _SHARE[5]
    share = share * u + _SHARE[4]
    share = share * u + _SHARE[3]
    share = share * u + _SHARE[2]
    share = share * u + _SHARE[1]
    share = share * u + _SHARE[0]
    return (WEIR_S * over) * (math.sqrt(over) * share) if weir else ZERO


@njit(error_model="numpy")
def _add_pair(f, sill, hump, i, c, k, other):
    """Add two strips of a chunk."""
    a, b = sill[i, k, c : c + CHUNK], sill[i, other, c : c + CHUNK]
    ha, hb = hump[i, k, c : c + CHUNK], hump[i, other, c : c + CHUNK]
    for j in range(CHUNK):
        top, low, crest = f[TOP + j], f[LOW + j], f[CREST + j]
        d1, c1, h1, w1 = _strip(top, low, crest, a[j], ha[j])
        d2, c2, h2, w2 = _strip(top, low, crest, b[j], hb[j])
        f[AREA + j] += d1 + d2
        f[CONVEYANCE + j] += c1 + c2
        f[HEAD + j] = larger(f[HEAD + j], larger(h1, h2))
        f[FLAG + j] += w1 + w2


@njit(error_model="numpy")
def _add_middle(f, sill, hump, i, c, k):
    """Add one strip of a chunk."""
    a, ha = sill[i, k, c : c + CHUNK], hump[i, k, c : c + CHUNK]
    for j in range(CHUNK):
        d1, c1, h1, w1 = _strip(f[TOP + j], f[LOW + j], f[CREST + j], a[j], ha[j])
        f[AREA + j] += d1
        f[CONVEYANCE + j] += c1
        f[HEAD + j] = larger(f[HEAD + j], h1)
        f[FLAG + j] += w1


@njit(error_model="numpy")
def _add_weirs(f, sill, hump, i, c, k, other):
    """Add what flows over two strips of a chunk as over weirs; the strip itself counts half of a pair."""
    a, b = sill[i, k, c : c + CHUNK], sill[i, other, c : c + CHUNK]
    ha, hb = hump[i, k, c : c + CHUNK], hump[i, other, c : c + CHUNK]
    part = HALF if k == other else ONE
    for j in range(CHUNK):
        top, low, crest = f[TOP + j], f[LOW + j], f[CREST + j]
        f[WEIRS + j] += part * (_weir(top, low, crest, a[j], ha[j]) + _weir(top, low, crest, b[j], hb[j]))


@njit(error_model="numpy")
def add_strips(f, sill, hump, i, c):
    """Sums over the strips of a chunk of faces, from row i and column c of sill and hump on."""
    strips = sill.shape[1]
    for j in range(CHUNK):
        f[AREA + j] = ZERO
        f[CONVEYANCE + j] = ZERO
        f[WEIRS + j] = ZERO
        f[HEAD + j] = ZERO
        f[FLAG + j] = ZERO
    for k in range(strips // 2):
        _add_pair(f, sill, hump, i, c, k, strips - 1 - k)
    if strips % 2 != 0:
        _add_middle(f, sill, hump, i, c, strips // 2)
    found = ZERO
    for j in range(CHUNK):
        found = larger(found, f[FLAG + j])
    if found > ZERO:
        for k in range((strips + 1) // 2):
            _add_weirs(f, sill, hump, i, c, k, strips - 1 - k)


@njit(error_model="numpy")
def find_flow(f, sill, hump, i, c, level, beyond, h, h_beyond, low, low_beyond, crest, dry, area, conveyance,
              weirs, head):  # fmt: skip
    """Flow area, conveyance without n, weirs and heads of a chunk of faces.

    sill, hump (., strips, columns), of which row i from column c on; level, beyond, h, h_beyond, low,
    low_beyond (CHUNK,): level, depth and lowest point of the cells before and behind each face; the results
    in the last four.
    """
    for j in range(CHUNK):
        reference = max(low[j], low_beyond[j])
        wet = (h[j] >= dry) | (h_beyond[j] >= dry)
        f[TOP + j] = SINGLE(max(level[j], beyond[j]) - reference) if wet else -FAR_S
        f[LOW + j] = SINGLE(min(level[j], beyond[j]) - reference)
        f[CREST + j] = SINGLE(min(max(crest[j] - reference, -FAR), FAR))
    add_strips(f, sill, hump, i, c)
    share = ONE / SINGLE(sill.shape[1])
    for j in range(CHUNK):
        area[j] = f[AREA + j] * share
    for j in range(CHUNK):
        conveyance[j] = f[CONVEYANCE + j] * share
    for j in range(CHUNK):
        weirs[j] = f[WEIRS + j] * share
    for j in range(CHUNK):
        head[j] = f[HEAD + j]


@njit(error_model="numpy")
def run_as_sheet(f, level, beyond, h, h_beyond, sheet, sheet_beyond, area, conveyance, head, film):
    """Bound flow areas and conveyances of a chunk of faces by those of a sheet on falling ground, and say how
    far the water runs off as one.

    Where the level falls from cell to cell by more than the water over a sill is deep, the ground falls under
    it: water that the flat level of its cell gathers in the low corner is a sheet (rain on a slope), and the
    pool would convey up to some 15 times as much. From half of that fall on, by degrees. h, sheet: mean
    depths and conveyances (m^(5/3)) of the cells before and behind, all (CHUNK,).
    """
    some = ZERO
    for j in range(CHUNK):
        step = SINGLE(abs(beyond[j] - level[j]))
        film[j] = min(max(TWO * step - head[j], ZERO) / max(head[j], THIN), ONE)
        some = larger(some, film[j])
    if some == ZERO:
        return
    for j in range(CHUNK):
        falls = level[j] >= beyond[j]
        f[TOP + j] = SINGLE(h[j] if falls else h_beyond[j])
        f[LOW + j] = SINGLE(sheet[j] if falls else sheet_beyond[j])
    for j in range(CHUNK):
        free = film[j]
        share = f[LOW + j] / max(conveyance[j], LEAST)
        film[j] = free * min(max(TWO - TWO * share, ZERO), ONE)
        conveyance[j] -= free * max(conveyance[j] - f[LOW + j], ZERO)
        area[j] -= free * max(area[j] - f[TOP + j], ZERO)


@njit(error_model="numpy")
def strip_flow(sill, top, low):
    """Flow area and conveyance without n of one face without weirs; sill (strips,)."""
    area, conveyance = ZERO, ZERO
    strips = sill.size
    for k in range((strips + 1) // 2):
        d1, c1, _, _ = _strip(top, low, -FAR_S, sill[k], ZERO)
        d2, c2, _, _ = _strip(top, low, -FAR_S, sill[strips - 1 - k], ZERO)
        part = HALF if 2 * k + 1 == strips else ONE
        area += part * (d1 + d2)
        conveyance += part * (c1 + c2)
    return area / SINGLE(strips), conveyance / SINGLE(strips)


@njit(error_model="numpy")
def no_flow(area, conveyance, weirs, head, film):
    """A chunk of faces that pass nothing."""
    for j in range(CHUNK):
        area[j] = ZERO
        conveyance[j] = ZERO
        weirs[j] = ZERO
        head[j] = ZERO
        film[j] = ZERO


@njit(inline="always")
def left_by_friction(m, across, area, conveyance, drag):
    """Share of a unit discharge that friction leaves; all single. across: discharge over conveyance along
    the face; drag: 4 dt g n².
    """
    kept = max(conveyance, LEAST)
    along = m / kept
    return TWO / (ONE + math.sqrt(ONE + drag * (area / kept) * math.sqrt(along * along + across * across)))


@njit(error_model="numpy")
def find_discharges(
    f, d, old, new, mass, speed, level, beyond, h, h_beyond, wet, wet_beyond, area, conveyance, weirs,
    friction, friction_beyond, q1, q2, q3, q4, k1, k2, k3, k4, ratio, dt, dry,
):  # fmt: skip
    """Momentum, water (m²/s, with the weirs) and velocities of a chunk of faces.

    All (CHUNK,). q1 to q4, k1 to k4: discharges of the four faces around each face and their conveyances;
    friction: g n² of the cells; wet: their shares under water. f, d: scratch. In loops of few arrays: more
    than eight that might overlap are not vectorised.
    """
    g_ratio = GRAVITY * ratio
    inverse = 1.0 / ratio
    length = TWO * SINGLE(dt)
    least = SINGLE(dry)
    for j in range(CHUNK):
        f[AROUND + j] = SINGLE((q1[j] + q2[j]) + (q3[j] + q4[j]))
    for j in range(CHUNK):
        f[ROOM + j] = max((k1[j] + k2[j]) + (k3[j] + k4[j]), LEAST)
    for j in range(CHUNK):
        rise = beyond[j] - level[j]
        d[RISE + j] = rise
        d[MOMENTUM + j] = old[j] - (g_ratio * np.float64(area[j])) * rise
    for j in range(CHUNK):
        drag = length * SINGLE(friction[j] + friction_beyond[j])
        f[LEFT + j] = left_by_friction(
            SINGLE(d[MOMENTUM + j]), f[AROUND + j] / f[ROOM + j], area[j], conveyance[j], drag
        )
    for j in range(CHUNK):
        q = d[MOMENTUM + j] * np.float64(f[LEFT + j])
        donor = h[j] if q > 0.0 else h_beyond[j]
        d[MOMENTUM + j] = q if (donor >= dry) & (area[j] > ZERO) else 0.0
    for j in range(CHUNK):
        # Over a weir the levels meet without swinging.
        rise = d[RISE + j]
        most = (SETTLE * inverse) * (abs(rise) * min(wet[j], wet_beyond[j]))
        fall = min(np.float64(weirs[j]), most)
        higher = h_beyond[j] if rise > 0.0 else h[j]
        fall = fall if higher >= dry else 0.0
        d[WATER + j] = d[MOMENTUM + j] + (-fall if rise > 0.0 else fall)
    for j in range(CHUNK):
        new[j] = d[MOMENTUM + j]
        mass[j] = d[WATER + j]
    for j in range(CHUNK):
        speed[j] = d[MOMENTUM + j] / np.float64(max(area[j], least))


@njit(error_model="numpy")
def fastest(speed_e, speed_s, head_w, head_e, head_n, head_s, area_w, area_e, area_n, area_s, wet):
    """Highest wave or flow speed squared (m²/s²) of a chunk of cells.

    The staggered step is stable while dt² (g / dx²) sum(A) / share ≤ 2 in every cell (Gershgorin's bound of
    its waves: sum over its four faces, share of it under water); so a wave is as fast as on water of depth
    sum(A) / (4 share), and never faster than on the highest head, which rules where a cell fills.
    """
    most = ZERO
    for j in range(CHUNK):
        head = max(max(head_w[j], head_e[j]), max(head_n[j], head_s[j]))
        sums = (area_w[j] + area_e[j]) + (area_n[j] + area_s[j])
        depth = min(head, QUARTER * sums / max(wet[j], SINGLE(1e-6)))
        flow = SINGLE(max(abs(speed_e[j]), abs(speed_s[j])))
        most = larger(most, larger(SINGLE(GRAVITY) * depth, flow * flow))
    return most
