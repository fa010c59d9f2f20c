"""The land of Valmont: a valley eroded by landscape evolution, its river, brooks, levees and dike.

Local coordinates everywhere here: X = x - 650000, Y = y - 6860000 (m, Lambert-93), elevations in m NGF-IGN69.
The river flows west to east; its left bank is the north bank.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter, gaussian_filter1d, map_coordinates
from scipy.spatial import cKDTree

from twin.layers.valmont import kernels

Array = NDArray[np.float64]

ORIGIN: Final = (650000.0, 6860000.0)  # of the local coordinates, EPSG:2154
EXTENT: Final = (0.0, 0.0, 4000.0, 3000.0)  # of the territory, local
SEED: Final = 20260921

# The tile RGEALTI_FXX_0650_6865: 1000 x 1000 cells of 5 m, CENTRES on round coordinates.
CELL: Final = 5.0
TILE_X: Final = CELL * np.arange(1000)
TILE_Y: Final = 5000.0 - CELL * np.arange(1000)

# Landscape evolution on a wider square at 20 m, so that the edges of the tile drain naturally.
COARSE: Final = 20.0
COARSE_X: Final = -990.0 + COARSE * np.arange(350)
COARSE_Y: Final = 5990.0 - COARSE * np.arange(350)
STEPS: Final = 80

EDGE_RISE: Final = 1.5  # m, from the middle of the flood plain to the foot of the slopes
BED_BELOW_BANK: Final = 2.05  # m; with 30 m of width and 0.1 % it carries about 75 m3/s brim-full
HALF_TOP: Final = 15.0  # m, half width of the channel between its banks
OLD_BRIDGE: Final = 1830.0  # local X of the two bridges
NEW_BRIDGE: Final = 2655.0
NEW_BRIDGE_SOUTH: Final = 100.0  # m of its deck over the plain of the right bank
NEW_BRIDGE_NORTH: Final = 44.0  # and over the left bank, to behind the levee
RING_EAST: Final = (2668.0, 1165.0)  # the roundabouts of the ring road
RING_NORTH: Final = (2650.0, 2085.0)
HALF_BED: Final = 10.0  # m, half width of its flat bed


@dataclass(frozen=True, eq=False)
class River:
    """The river's centreline, west to east, every metre: x, y, chainage s (m), bed (m), slope of the bed."""

    x: Array
    y: Array
    s: Array
    bed: Array

    def at(self, east: float) -> tuple[float, float, float]:
        """Point of the centreline at local X = east, and the direction (radians) of the flow there."""
        k = int(np.argmin(np.abs(self.x - east)))
        a, b = max(k - 15, 0), min(k + 15, self.x.size - 1)
        return (
            float(self.x[k]),
            float(self.y[k]),
            float(np.arctan2(self.y[b] - self.y[a], self.x[b] - self.x[a])),
        )


@dataclass(frozen=True, eq=False)
class Land:
    """What the town is built on: terrain (1000, 1000) m on the tile, and the lines of its water and
    defences.
    """

    terrain: Array
    river: River
    river_distance: Array  # (1000, 1000) m to the centreline
    chainage: Array  # (1000, 1000) m along the river of the nearest point of it
    plain: Array  # (1000, 1000) > 0 outside the flood plain: m beyond its edge
    brooks: dict[str, Array]  # name -> (n, 3) local X, Y, bed, downstream
    dike: Array  # (n, 3) local X, Y, crest, from upstream to downstream

    def sample(self, x: Array, y: Array) -> Array:
        """Terrain (m) at local points, bilinear between cell centres."""
        rows, columns = (5000.0 - np.asarray(y)) / CELL, np.asarray(x) / CELL
        return np.asarray(map_coordinates(self.terrain, [rows, columns], order=1, mode="nearest"))


def smoothstep(x: Array, low: float, high: float) -> Array:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t))


def bump(x: Array, centre: float, width: float) -> Array:
    """A bell of height 1 (Gaussian)."""
    return np.exp(-(((x - centre) / width) ** 2))


def noise(shape: tuple[int, int], sigma: float, stream: int) -> Array:
    """Smooth random field of unit variance; sigma in cells."""
    random = np.random.Generator(np.random.PCG64([SEED, stream])).random(shape)
    field = gaussian_filter(random - 0.5, sigma, mode="reflect")
    return np.asarray((field - field.mean()) / field.std())


# --- valley frame -----------------------------------------------------------------------------------------
_AXIS = CubicSpline(
    [-1500.0, 0.0, 800.0, 1500.0, 2000.0, 2700.0, 3400.0, 4000.0, 6500.0],
    [1900.0, 1560.0, 1370.0, 1390.0, 1450.0, 1500.0, 1420.0, 1330.0, 1250.0],
)
_HALF_NORTH = CubicSpline(
    [-1500.0, 0.0, 700.0, 1300.0, 1900.0, 2500.0, 3100.0, 4000.0, 6500.0],
    [260.0, 250.0, 230.0, 330.0, 420.0, 410.0, 300.0, 330.0, 300.0],
)
_HALF_SOUTH = CubicSpline(
    [-1500.0, 0.0, 700.0, 1300.0, 1800.0, 2300.0, 3000.0, 4000.0, 6500.0],
    [260.0, 270.0, 250.0, 130.0, 80.0, 150.0, 290.0, 250.0, 280.0],
)


def valley_floor(u: Array) -> Array:
    """Elevation (m) of the flood plain beside the river at local X = u: about 1.25 per mille."""
    return np.asarray(213.5 - 0.00125 * u)


def half_width(u: Array, north: NDArray[np.bool_]) -> Array:
    """Width (m) of the flood plain on one side of the axis, with the small bays and spurs of a real foot
    of slope.
    """
    bays_north = 26.0 * np.sin(u / 137.0) + 15.0 * np.sin(u / 71.0 + 1.0) + 10.0 * np.sin(u / 39.0)
    bays_south = 16.0 * np.sin(u / 151.0 + 2.0) + 12.0 * np.sin(u / 83.0) + 7.0 * np.sin(u / 43.0 + 0.5)
    return np.asarray(np.where(north, _HALF_NORTH(u) + bays_north, _HALF_SOUTH(u) + bays_south))


def trace_river() -> River:
    """Meanders about the valley's axis, calm and close to the south side in the town."""
    u = np.arange(-1450.0, 6400.0, 1.0)
    town = smoothstep(u, 1150.0, 1500.0) * (1.0 - smoothstep(u, 2650.0, 3000.0))
    wavelength = 470.0 + 80.0 * np.sin(u / 610.0) + 260.0 * town
    phase = np.cumsum(1.0 / wavelength) * 2.0 * np.pi
    edge = smoothstep(np.abs(u - 0.0), 60.0, 330.0) * smoothstep(np.abs(u - 4000.0), 60.0, 330.0)
    amplitude = (88.0 + 22.0 * np.sin(u / 430.0 + 1.0)) * (1.0 - 0.72 * town) * (0.25 + 0.75 * edge)
    skew = -0.20 * amplitude * np.sin(2.0 * phase)
    offset = amplitude * np.sin(phase) - 25.0 * bump(u, 1850.0, 420.0)
    slope = _AXIS(u, 1)
    norm = np.hypot(1.0, slope)
    x = u + skew - offset * slope / norm
    y = _AXIS(u) + offset / norm
    x, y = gaussian_filter1d(x, 12.0), gaussian_filter1d(y, 12.0)
    s = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    even = np.arange(0.0, s[-1], 1.0)
    x, y = np.interp(even, s, x), np.interp(even, s, y)
    bed = gaussian_filter1d(valley_floor(x) - BED_BELOW_BANK, 250.0, mode="nearest")
    return River(x, y, even, np.minimum.accumulate(bed))


def valley_frame(x: Array, y: Array) -> tuple[Array, Array, Array]:
    """Chainage u of the valley (its axis' X), signed distance d to the axis (north > 0), distance beyond
    the plain.
    """
    u = np.arange(-1500.0, 6500.0, 5.0)
    axis = np.column_stack([u, _AXIS(u)])
    points = np.column_stack([np.ravel(x), np.ravel(y)])
    distance, k = cKDTree(axis).query(points)
    side = np.sign(points[:, 1] - axis[k, 1])
    along = u[k]
    half = half_width(along, side > 0)
    shape = np.shape(x)
    return along.reshape(shape), (distance * side).reshape(shape), (distance - half).reshape(shape)


# --- hills --------------------------------------------------------------------------------------------------
def evolve() -> Array:
    """The hills at 20 m: a plateau with a ramp to the valley, cut by 80 steps of stream power and creep."""
    gx, gy = np.meshgrid(COARSE_X, COARSE_Y)
    u, d, beyond = valley_frame(gx, gy)
    north = d > 0
    shape = gx.shape
    floor = valley_floor(u)
    plateau = 66.0 + 10.0 * noise(shape, 45.0, 1) + 5.0 * noise(shape, 16.0, 2) + np.where(north, 6.0, 0.0)
    terrace = np.where(north, 60.0 + 60.0 * bump(u, 2300.0, 600.0), 50.0 + 190.0 * bump(u, 1850.0, 480.0))
    past = np.maximum(beyond - terrace, 0.0)
    reach = np.where(north, 820.0, 620.0) * np.exp(0.22 * noise(shape, 22.0, 3) + 0.12 * noise(shape, 9.0, 9))
    z = floor + EDGE_RISE + 1.8 * smoothstep(beyond, 0.0, 30.0) + 0.014 * np.clip(beyond, 0.0, terrace)
    z += plateau * (1.0 - np.exp(-((past / reach) ** 1.35)))
    # Where the larger brooks will come down: faint old swales, which the water then makes its own.
    for foot, head, depth in (
        ((1120.0, 1700.0), (700.0, 5200.0), 20.0),
        ((3330.0, 1750.0), (3700.0, 5000.0), 14.0),
        ((2620.0, 1300.0), (2450.0, -700.0), 16.0),
        ((420.0, 1250.0), (300.0, -600.0), 10.0),
    ):
        t = np.clip(
            ((gx - foot[0]) * (head[0] - foot[0]) + (gy - foot[1]) * (head[1] - foot[1]))
            / ((head[0] - foot[0]) ** 2 + (head[1] - foot[1]) ** 2),
            0.0,
            1.0,
        )
        near = np.hypot(
            gx - foot[0] - t * (head[0] - foot[0]) - 90.0 * np.sin(7.0 * t),
            gy - foot[1] - t * (head[1] - foot[1]),
        )
        z -= depth * np.exp(-((near / 260.0) ** 2)) * smoothstep(past, 0.0, 500.0)
    z += (0.6 * noise(shape, 1.0, 4) + 1.3 * noise(shape, 5.0, 10)) * smoothstep(past, 0.0, 250.0)
    fixed = beyond <= 0.0
    z[fixed] = floor[fixed] + EDGE_RISE
    erodibility = 0.060 * np.exp(0.5 * noise(shape, 9.0, 5))
    order = np.empty(z.size, dtype=np.int64)
    receiver = np.empty(z.size, dtype=np.int64)
    area = np.empty(z.size)
    work = np.empty_like(z)
    for _ in range(STEPS):
        count = kernels.route(z, fixed, order, receiver)
        kernels.accumulate(order, receiver, count, COARSE**2, area)
        kernels.incise(z, order, receiver, count, area, erodibility, 0.42, COARSE)
        kernels.creep(z, fixed, 0.045, work)
        z[~fixed] += 0.02
    return z


def brook_stems(hills: Array) -> dict[str, Array]:
    """Stems (n, 2) of the largest brook of each bank that reaches the plain, from its head to the plain's
    edge.
    """
    gx, gy = np.meshgrid(COARSE_X, COARSE_Y)
    _, d, beyond = valley_frame(gx, gy)
    fixed = beyond <= 0.0
    order = np.empty(hills.size, dtype=np.int64)
    receiver = np.empty(hills.size, dtype=np.int64)
    area = np.empty(hills.size)
    count = kernels.route(hills, fixed, order, receiver)
    kernels.accumulate(order, receiver, count, COARSE**2, area)
    mouth = ~fixed.ravel() & fixed.ravel()[receiver] & (gx.ravel() > 250.0) & (gx.ravel() < 3800.0)
    donors: dict[int, list[int]] = {}
    for c in order[:count]:
        if receiver[c] != c:
            donors.setdefault(int(receiver[c]), []).append(int(c))
    stems = {}
    for name, bank in (("Ruisseau de la Fontenelle", d.ravel() > 0), ("Ru des Aulnes", d.ravel() < 0)):
        c = int(np.argmax(np.where(mouth & bank, area, 0.0)))
        path = [c]
        while True:
            above = [k for k in donors.get(c, []) if area[k] > 1.2e5]
            if not above:
                break
            c = max(above, key=lambda k: area[k])
            path.append(c)
        path.reverse()
        stems[name] = np.column_stack([gx.ravel()[path], gy.ravel()[path]])
    return stems


# --- the tile -----------------------------------------------------------------------------------------------
def _resample(points: Array, step: float, smooth: float) -> Array:
    """A polyline every `step` metres, rounded by a Gaussian of `smooth` metres, both ends kept."""
    s = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    even = np.linspace(0.0, s[-1], max(int(s[-1] / step), 8) + 1)
    line = np.column_stack([np.interp(even, s, points[:, k]) for k in range(2)])
    soft = gaussian_filter1d(line, smooth / step, axis=0, mode="nearest")
    blend = np.minimum(np.minimum(even, s[-1] - even) / (2.0 * smooth), 1.0)[:, None]
    return np.asarray(blend * soft + (1.0 - blend) * line)


def _distance(line: Array, x: Array, y: Array) -> tuple[Array, NDArray[np.int64]]:
    """Distance (m) of every point to the densely sampled line, and the index of the nearest sample."""
    distance, k = cKDTree(line[:, :2]).query(np.column_stack([x.ravel(), y.ravel()]))
    return distance.reshape(x.shape), k.reshape(x.shape)


def build() -> Land:
    """The terrain of the tile and everything hydraulic in it (about five seconds)."""
    river = trace_river()
    hills = evolve()
    gx, gy = np.meshgrid(TILE_X, TILE_Y)
    u, d, beyond = valley_frame(gx, gy)
    upland = map_coordinates(
        hills, [(COARSE_Y[0] - gy) / COARSE, (gx - COARSE_X[0]) / COARSE], order=3, mode="nearest"
    )
    upland += 0.10 * noise(gx.shape, 3.0, 6) * smoothstep(beyond, 0.0, 80.0)

    r, k = _distance(np.column_stack([river.x, river.y]), gx, gy)
    chainage = river.s[k]
    half = half_width(u, d > 0)
    level = 0.5 * (valley_floor(u) + river.bed[k] + BED_BELOW_BANK)
    plain = level + 0.22 * np.exp(-np.maximum(r - HALF_TOP, 0.0) / 45.0) - 0.10
    plain += EDGE_RISE * np.clip(np.abs(d) / half, 0.0, 1.0) ** 2.5 + 0.07 * noise(gx.shape, 8.0, 7)
    plain += 0.10 * noise(gx.shape, 30.0, 8)
    oxbow = np.hypot((gx - 620.0) / 1.35, gy - 1560.0)  # an abandoned meander upstream of the town
    plain -= 0.8 * bump(oxbow, 95.0, 14.0) * smoothstep(gy, 1480.0, 1540.0)
    old_arm = np.abs(gy - (_AXIS(gx) - 175.0 + 35.0 * np.sin(gx / 90.0)))
    plain -= (
        0.5
        * bump(old_arm, 0.0, 13.0)
        * smoothstep(gx, 2950.0, 3060.0)
        * (1.0 - smoothstep(gx, 3560.0, 3700.0))
    )
    weight = smoothstep(beyond, -35.0, 25.0)
    terrain = (1.0 - weight) * plain + weight * np.maximum(upland, plain)

    brooks = {}
    for name, stem in brook_stems(hills).items():
        brooks[name] = _carve_brook(terrain, stem, river, gx, gy)
    bank = river.bed[k] + np.clip((r - HALF_BED) / (HALF_TOP - HALF_BED), 0.0, 1.0) * BED_BELOW_BANK
    inside = r < HALF_TOP + 6.0
    blend = smoothstep(r, HALF_TOP - 1.0, HALF_TOP + 6.0)
    carved = np.minimum(terrain, bank) * (1.0 - blend) + terrain * blend
    terrain = np.where(inside, np.where(r < HALF_TOP - 1.0, bank, carved), terrain)
    dike = trace_dike(river)
    raise_along(terrain, dike, gx, gy)
    for bank in ring_road_banks(river):
        raise_along(terrain, bank, gx, gy, half_crest=7.0, batter=0.5)
    bed_again = r < HALF_BED  # no embankment in the channel
    terrain = np.where(bed_again, np.minimum(terrain, river.bed[k]), terrain)
    return Land(np.asarray(np.round(terrain, 2), dtype=np.float64), river, r, chainage, beyond, brooks, dike)


def _carve_brook(terrain: Array, stem: Array, river: River, gx: Array, gy: Array) -> Array:
    """Cut a brook of about 1 m in the terrain, over the plain down to the river; returns X, Y, bed."""
    mouth = stem[-1]
    near = int(np.argmin(np.hypot(river.x - mouth[0], river.y - mouth[1])))
    join = min(near + 170, river.x.size - 1)
    end = np.array([river.x[join], river.y[join]])
    middle = 0.5 * (mouth + end) + np.array([25.0, 0.0])
    line = _resample(np.vstack([stem, middle, end]), 2.0, 30.0)
    # Wiggles of a natural brook, none at its ends.
    tangent = np.gradient(line, axis=0)
    normal = np.column_stack([-tangent[:, 1], tangent[:, 0]]) / np.hypot(*tangent.T)[:, None]
    s = 2.0 * np.arange(len(line))
    calm = np.minimum(np.minimum(s, s[-1] - s) / 80.0, 1.0)
    line = line + normal * (calm * (5.0 * np.sin(s / 17.0) + 3.0 * np.sin(s / 9.3 + 1.0)))[:, None]
    rows, columns = (5000.0 - line[:, 1]) / CELL, line[:, 0] / CELL
    ground = map_coordinates(terrain, [rows, columns], order=1, mode="nearest")
    bed = np.minimum.accumulate(gaussian_filter1d(ground, 8.0, mode="nearest") - 1.0)
    bed = np.maximum(bed, river.bed[join] + 0.6)
    r, k = _distance(line, gx, gy)
    cut = bed[k] + np.maximum(r - 2.0, 0.0) * 0.28
    np.minimum(terrain, np.where(r < 12.0, cut, np.inf), out=terrain)
    return np.column_stack([line, bed])


def trace_dike(river: River) -> Array:
    """The levee of the left bank: from the foot of the hill to the river above the old bridge, then along
    it.
    """
    start, _, _ = river.at(1490.0)
    first = int(np.argmin(np.abs(river.x - start)))
    last = int(np.argmin(np.abs(river.x - 2640.0)))
    tangent = np.column_stack([np.gradient(river.x), np.gradient(river.y)])
    normal = np.column_stack([-tangent[:, 1], tangent[:, 0]])
    bank = np.column_stack([river.x, river.y]) + normal * 34.0
    across = np.array([[1425.0, 1860.0], [1440.0, 1740.0], [1452.0, 1600.0], [1462.0, bank[first, 1] + 60.0]])
    line = _resample(np.vstack([across, bank[first : last + 1 : 5]]), 2.0, 25.0)
    crest = valley_floor(line[:, 0]) + 1.15
    return np.column_stack([line, crest])


def across(river: River, east: float, left: float) -> tuple[float, float]:
    """The point `left` m to the left of the river at local X = east, square to it."""
    x, y, angle = river.at(east)
    return x - left * float(np.sin(angle)), y + left * float(np.cos(angle))


def ring_road_banks(river: River) -> tuple[Array, Array]:
    """The two embankments of the ring road in the plain, left and right of the new bridge (X, Y, crest).

    They run under the road: from 12 m before the ends of the deck, then straight towards its roundabouts.
    """
    crest = float(valley_floor(np.array([NEW_BRIDGE]))[0]) + 1.9
    banks = []
    for reach, (x, y), last in (
        (NEW_BRIDGE_NORTH, RING_NORTH, 2010.0),
        (-NEW_BRIDGE_SOUTH, RING_EAST, 1230.0),
    ):
        start = across(river, NEW_BRIDGE, reach - 12.0 * np.sign(reach))
        end = across(river, NEW_BRIDGE, reach)
        t = (last - end[1]) / (y - end[1])
        line = _resample(np.array([start, end, (end[0] + t * (x - end[0]), last)]), 2.0, 1.0)
        banks.append(np.column_stack([line, np.full(len(line), crest)]))
    return banks[0], banks[1]


def raise_along(
    terrain: Array, line: Array, gx: Array, gy: Array, half_crest: float = 4.0, batter: float = 0.4
) -> None:
    """Raise the terrain to the line's third coordinate: a crest 8 m wide with slopes of 1 in 2.5, in
    place.
    """
    r, k = _distance(line, gx, gy)
    top = line[k, 2] - np.maximum(r - half_crest, 0.0) * batter
    near = r < half_crest + 12.0
    terrain[near] = np.maximum(terrain[near], top[near])


def gullied(land: Land, minimum: float = 6.0e4) -> Array:
    """Drainage area (m2) on the tile, of the brooks' side valleys and dry talwegs; 0 below `minimum`."""
    fixed = (land.river_distance < HALF_TOP) | (land.plain < 0.0)
    order = np.empty(land.terrain.size, dtype=np.int64)
    receiver = np.empty(land.terrain.size, dtype=np.int64)
    area = np.empty(land.terrain.size)
    count = kernels.route(land.terrain, fixed, order, receiver)
    kernels.accumulate(order, receiver, count, CELL**2, area)
    drained = area.reshape(land.terrain.shape)
    return np.where((drained >= minimum) & ~fixed, drained, 0.0)
