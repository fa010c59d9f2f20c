"""Kernels against plain NumPy."""

import importlib
import math
import os
import pkgutil
from pathlib import Path

import numpy as np
import pytest
from numba import njit
from numba.core.dispatcher import Dispatcher
from numba.core.errors import TypingError

from tests.flood import reference, reference_second_order
from tests.flood.basins import advance, hills, solver
from twin.solvers import flood
from twin.solvers.flood import hazards
from twin.solvers.flood import kernels as layout
from twin.solvers.flood.kernels import PAD
from twin.solvers.flood.memory import aligned
from twin.solvers.stale import forget_stale_kernels


@pytest.mark.parametrize(("real", "error"), [(np.float64, 2e-8), (np.float32, 2e-7)])
def test_inverse_cube_root_over_all_depths(real: type, error: float) -> None:
    x = np.exp(np.random.default_rng(0).uniform(np.log(1e-9), np.log(1e6), 100_000)).astype(real)
    out = np.empty_like(x)
    layout.inverse_cube_roots(x, out)
    exact = 1 / np.cbrt(x.astype(np.longdouble))
    assert float(np.abs(out / exact - 1).max()) < error


@pytest.mark.parametrize(("real", "small"), [(np.float64, 2.0**-30), (np.float32, np.float32(2.0**-12))])
def test_a_fused_sum_is_rounded_once(real: type, small: float) -> None:
    @njit
    def kernel(x, y, z):  # type: ignore[no-untyped-def]
        return layout.fused(x, y, z)

    x = real(1.0 + small)
    assert kernel(x, x, -real(1.0 + 2.0 * small)) == real(small) ** 2


def test_no_compiler_chooses_what_is_rounded() -> None:
    """Contraction by the compiler differed between the process that compiled and those that loaded it."""
    checked = 0
    for found in pkgutil.iter_modules(flood.__path__):
        if not found.name.startswith("kernels"):
            continue
        module = importlib.import_module(f"{flood.__name__}.{found.name}")
        for name, function in vars(module).items():
            if isinstance(function, Dispatcher):
                assert not function.targetoptions.get("fastmath"), f"{found.name}.{name}"
                checked += 1
    assert checked > 100


def test_compensated_sum_loses_nothing() -> None:
    values = np.array([1.0, 1e100, 1.0, -1e100] * 1000)
    assert layout.compensated_sum(values) == 2000.0


@pytest.mark.parametrize("share", [0.0, 0.02, 1.0])
def test_the_volume_is_the_compensated_sum_to_the_bit_and_counts_the_wet(share: float) -> None:
    ny, nx = 37, 300  # whole tiles and a part of one
    rng = np.random.default_rng(5)
    depth = 10.0 ** rng.uniform(-12.0, 6.0, layout.padded(ny, nx))
    depth[rng.random(depth.shape) >= share] = 0.0
    depth[:, PAD + 40 : PAD + 200] *= rng.random(len(depth))[:, None] < 0.3  # stretches of nothing
    inside = depth[PAD : PAD + ny, PAD : PAD + nx]
    rows = np.array([layout.compensated_sum(row) for row in inside])
    metres, wet = layout.volume_and_wet(depth, ny, nx, 1e-3)
    assert metres == layout.compensated_sum(rows)
    assert metres == pytest.approx(math.fsum(inside.ravel()), rel=1e-15)
    assert wet == np.count_nonzero(inside >= 1e-3)
    inside[20, 100] = np.nan
    assert math.isnan(layout.volume_and_wet(depth, ny, nx, 1e-3)[0])


def test_a_stretch_is_the_slice_and_writes_through() -> None:
    @njit
    def double(planes, k, r, c):  # type: ignore[no-untyped-def]
        row = layout.stretch(planes, (k, r, c), 5)
        for j in range(5):
            row[j] *= 2.0
        return row.sum(), row.size

    planes = np.arange(2 * 3 * 8, dtype=np.float64).reshape(2, 3, 8)
    wanted = planes.copy()
    wanted[1, 2, 3:] *= 2.0
    assert double(planes, 1, 2, 3) == (wanted[1, 2, 3:].sum(), 5)
    np.testing.assert_array_equal(planes, wanted)
    with pytest.raises(TypingError):  # not in the order of its memory
        double(planes.transpose(2, 1, 0), 0, 0, 0)


@pytest.mark.parametrize(
    ("to", "of"), [(np.float64, np.float64), (np.float64, np.float32), (np.float32, np.float32)]
)
@pytest.mark.parametrize("ahead", [0, 1, 4])
@pytest.mark.parametrize("past", [False, True])
def test_a_row_is_written_where_it_is_asked_for_wherever_it_begins(
    to: type, of: type, ahead: int, past: bool
) -> None:
    @njit
    def write(planes, r, c0, asked, past, source, first):  # type: ignore[no-untyped-def]
        layout.write_row(planes, 1, r, c0, asked, past, source, first)
        layout.all_written()

    half, whole = layout.TILE_COLS, layout.SWEEP_COLS
    source = np.random.default_rng(0).random(whole + 20).astype(of)
    for asked, columns in (
        (layout.WEST_TILE, slice(0, half)),
        (layout.EAST_TILE, slice(half, whole)),
        (layout.BOTH_TILES, slice(0, whole)),
    ):
        planes = aligned((2, 3, whole + 8), to)
        wanted = planes.copy()
        wanted[1, 2, ahead : ahead + whole][columns] = source[7 : 7 + whole][columns]
        write(planes, 2, ahead, asked, past, source, 7)
        np.testing.assert_array_equal(planes, wanted)


STEPS = {"first_order": reference.step, "second_order": reference_second_order.step}


@pytest.mark.parametrize("scheme", STEPS)
@pytest.mark.parametrize("relief", [5.0, 0.5])
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("shape", [(9, 13), (64, 128), (70, 131)])
@pytest.mark.parametrize(("precision", "manning", "error"), [
    ("float64", 0.0, 1e-13),
    ("float64", 0.1, 1e-7),  # h^(-1/3) is good to 2e-8
    ("float32", 0.1, 2e-5),
])  # fmt: skip
def test_one_step_equals_the_reference(
    seed: int,
    shape: tuple[int, int],
    relief: float,
    scheme: str,
    precision: str,
    manning: float,
    error: float,
) -> None:
    ny, nx = shape
    rng = np.random.default_rng(seed)
    bed = hills(ny, nx, seed, relief)
    # Rough land with few neighbours wet, and a rough lake that reconstructs nearly everywhere.
    depth = np.maximum(rng.uniform(-1, 3) + (relief < 1) * 3 - bed, 0)
    depth *= rng.random(shape) < (0.9 if relief > 1 else 0.995)
    depth[rng.random(shape) < (0.05 if relief > 1 else 0.005)] = 5e-7  # films that give no flux
    u, v = rng.normal(0, 1, (2, ny, nx))
    roughness = rng.uniform(0.0, 0.1, shape) * (manning / 0.1)
    crest_x = np.where(rng.random((ny, nx + 1)) < 0.05, rng.uniform(-3, 6, (ny, nx + 1)), -np.inf)
    crest_y = np.where(rng.random((ny + 1, nx)) < 0.05, rng.uniform(-3, 6, (ny + 1, nx)), -np.inf)
    flood = solver(
        bed,
        depth,
        roughness=roughness,
        crest_x=crest_x,
        crest_y=crest_y,
        velocity_x=u,
        velocity_y=-v,
        cell=2.0,
        scheme=scheme,
        precision=precision,
        crests="step",  # the reference has the fluxes of the scheme alone
    )
    wet = depth >= 1e-6
    qx, qy = np.where(wet, depth * u, 0), np.where(wet, depth * v, 0)
    dt = flood.step(0.0, 1e9)
    h1, qx1, qy1, limited = STEPS[scheme](
        depth, qx, qy, flood.bed, roughness, crest_x - flood.datum, crest_y - flood.datum, dt, 2.0, 1e-6
    )
    assert flood.limited == limited
    state = flood.state()["state"]
    for found, wanted in zip(state, (h1, qx1, qy1), strict=True):
        differ = ~np.isclose(found, wanted, rtol=error, atol=error * np.abs(wanted).max())
        # Whether one side of a face is dry may hang on the last bit of single precision.
        assert np.count_nonzero(differ) <= (1e-3 * differ.size if precision == "float32" else 0)
    assert (state[0] >= 0).all()
    assert abs(flood.ledger()["mass_error_m3"]) <= 1e-13 * flood.ledger()["volume_m3"]


@pytest.mark.parametrize("scheme", STEPS)
def test_the_limiter_is_met_and_equals_the_reference(scheme: str) -> None:
    # Columns of water on dry land give to four sides at once: in three times the CFL step, which no run
    # takes, more than they hold.
    depth = np.zeros((40, 150))
    depth[5::7, 3::7] = np.linspace(0.5, 1.0, depth[5::7, 3::7].size).reshape(depth[5::7, 3::7].shape)
    flood = solver(np.zeros_like(depth), depth, cell=1.0, scheme=scheme)
    dt = 3.0 * flood._choose_step(0.0, 1e9)
    flood._choose_step = lambda *_: dt
    assert flood.step(0.0, 1e9) == dt
    zero, none = np.zeros_like(depth), (np.full((40, 151), -np.inf), np.full((41, 150), -np.inf))
    h1, qx1, qy1, limited = STEPS[scheme](depth, zero, zero, zero, 0.0, *none, dt, 1.0, 1e-6)
    assert flood.limited == limited > 10
    for found, wanted in zip(flood.state()["state"], (h1, qx1, qy1), strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-13, atol=1e-13)
    assert (h1 >= 0).all()
    assert abs(flood.ledger()["mass_error_m3"]) < 1e-12 * depth.sum()


def test_record_equals_numpy_over_a_run() -> None:
    rng = np.random.default_rng(5)
    bed = hills(70, 140, 5, relief=1.0)
    depth = np.maximum(1.5 - bed, 0) * (rng.random(bed.shape) < 0.5)
    flood = solver(bed, depth, roughness=0.03, cell=3.0, max_step=2.0)
    want = {name: np.zeros(bed.shape) for name in ("depth", "speed", "time", "people", "vehicles", "ppri")}
    arrival, before, rise = np.full(bed.shape, np.nan), depth.copy(), np.zeros(bed.shape)
    rise_class, window = np.zeros(bed.shape, dtype=np.uint8), 0.0
    t, was_wet = 0.0, depth > 0.05

    def look(dt: float) -> None:
        h = flood.depth.copy()
        q = np.hypot(*flood.state()["state"][1:])
        v = q / np.maximum(h, 1e-300)
        want["depth"] = np.maximum(want["depth"], h)
        want["speed"] = np.maximum(want["speed"], np.where(h > 0.01, v, 0))
        # Wet at the start of a step: wet through it.
        want["time"] += np.where(was_wet, dt, 0)
        was_wet[:] = h > 0.05
        arrival[np.isnan(arrival) & (h > 0.05)] = t
        want["people"] = np.maximum(want["people"], hazards.people_class(h, v))
        want["vehicles"] = np.maximum(want["vehicles"], hazards.vehicles_class(h, v))
        want["ppri"] = np.maximum(want["ppri"], hazards.ppri_class(h, v, rise_class))

    look(0.0)
    while t < 150:
        new = flood.step(t, 150.0)
        dt, t = new - t, new
        look(dt)
        if t - window >= 60:
            rate = (flood.depth - before) / (t - window)
            rise, before, window = np.maximum(rise, rate), flood.depth.copy(), t
            rise_class = ((rate > 1 / 3600).astype(np.uint8) + (rate > 3 / 3600)).astype(np.uint8)
    found = flood.run_fields()
    # Records are single precision.
    np.testing.assert_array_equal(found["max_water_depth"], want["depth"].astype(np.float32))
    np.testing.assert_allclose(found["max_velocity"], want["speed"], rtol=1e-6)
    np.testing.assert_allclose(found["wet_duration"], want["time"], rtol=1e-6, atol=1e-4)
    np.testing.assert_array_equal(found["arrival_time"], arrival.astype(np.float32))
    np.testing.assert_allclose(found["max_rise_rate"], rise, rtol=1e-5, atol=1e-8)
    for name in ("people", "vehicles", "ppri"):
        # The kernel compares squares: a value on a limit to the last bit may fall on either side.
        differ = np.count_nonzero(found[f"max_hazard_{name}"] != want[name])
        assert differ <= 2, name
        assert want[name].max() > 0
    assert rise.max() > 0
    level = found["max_water_level"]
    wet = want["depth"] >= 1e-6
    np.testing.assert_allclose(level[wet], (bed + want["depth"])[wet], rtol=1e-6)
    assert np.isnan(level[~wet]).all()


def test_hazard_tables() -> None:
    h = np.array([0.04, 0.3, 0.3, 0.3, 0.6, 0.6, 1.5, 1.5, 2.5, 2.5])
    v = np.array([5.00, 0.1, 0.3, 0.6, 0.1, 0.6, 0.1, 0.6, 0.0, 1.0])
    slow = np.zeros(h.shape, dtype=np.uint8)
    assert hazards.ppri_class(h, v, slow).tolist() == [0, 1, 2, 3, 2, 3, 3, 4, 4, 4]
    assert hazards.ppri_class(h, v * 0, slow + 2).tolist() == [0, 3, 3, 3, 3, 3, 4, 4, 4, 4]
    h = np.array([0.2, 0.3, 0.51, 0.5, 0.8, 1.3, 0.9, 1.0, 0.06])
    v = np.array([0.5, 1.5, 0.00, 1.3, 0.9, 0.0, 1.0, 1.3, 3.10])
    assert hazards.people_class(h, v).tolist() == [0, 1, 1, 2, 2, 3, 3, 4, 3]
    h = np.array([0.2, 0.31, 0.2, 0.41, 0.51, 0.06, 0.3])
    v = np.array([1.0, 0.00, 1.6, 0.00, 0.00, 3.10, 2.1])
    assert hazards.vehicles_class(h, v).tolist() == [0, 1, 1, 2, 3, 3, 3]


def test_exchange_holds_velocity_to_the_north_and_none_on_dry_land() -> None:
    depth = np.zeros((20, 20))
    depth[:5] = 1.0  # in the north: it flows south
    flood = solver(np.zeros_like(depth), depth, cell=1.0)
    advance(flood, 0.0, 0.5)
    assert flood.fields["velocity_y"].min() < -0.5
    assert (flood.fields["velocity_y"] <= 0).all()
    assert (flood.fields["velocity_x"] == 0).all()
    assert (flood.fields["velocity_y"][flood.fields["water_depth"] < 1e-6] == 0).all()


def test_cached_kernels_are_forgotten_when_any_kernel_file_is_newer(tmp_path: Path) -> None:
    for name in ("kernels.py", "kernels_step.py", "hazards.py"):
        (tmp_path / name).touch()
    cache = tmp_path / "__pycache__"
    cache.mkdir()
    index = cache / "kernels_step.step_tiles-80.py311.nbi"
    index.touch()
    now = index.stat().st_mtime
    os.utime(index, (now + 10, now + 10))
    forget_stale_kernels(tmp_path)
    assert index.exists()
    os.utime(tmp_path / "kernels.py", (now + 20, now + 20))
    forget_stale_kernels(tmp_path)
    assert not index.exists()


def test_two_processes_forget_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "kernels.py").touch()
    cache = tmp_path / "__pycache__"
    cache.mkdir()
    gone, left = (cache / f"kernels.{name}-80.py311.nbi" for name in ("gone", "left"))
    left.touch()
    found = Path.glob
    monkeypatch.setattr(
        Path, "glob", lambda folder, names: [*found(folder, names), *([gone] if "nbi" in names else [])]
    )
    forget_stale_kernels(tmp_path)
    assert not left.exists()
