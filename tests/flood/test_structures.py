"""Structures: the formulas, and that they never make or lose water."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import small
from tests.flood.basins import advance, hills, solver
from twin.errors import InputError
from twin.scenarios import Scenario
from twin.scenarios.structures import BridgeOpening, Culvert, Gate, Pump, Structure, Weir
from twin.simulation import Simulation
from twin.solvers.flood.hydraulics import Barrel, CulvertCurves, opening, weir
from twin.solvers.flood.solver import FloodSolver
from twin.solvers.flood.structures import StructureForcing

G = 9.81
ENDS = {"from": (0.0, 0.0), "to": (1.0, 1.0)}  # the cells are given below; these places are not looked at
NOWHERE = np.zeros(0, dtype=np.int64)


def test_a_weir_is_free_then_drowned_then_still() -> None:
    assert weir(2.0, 0.0, 1.0, 10.0, 1.7) == pytest.approx(17.0)
    assert weir(2.0, 1.5, 1.0, 10.0, 1.7) == pytest.approx(17.0 * (1 - 0.5**1.5) ** 0.385)
    assert weir(2.0, 2.0, 1.0, 10.0, 1.7) == 0.0
    assert weir(0.9, 0.0, 1.0, 10.0, 1.7) == 0.0


def test_an_opening_goes_from_weir_to_jet_to_orifice() -> None:
    low = opening(0.5, 0.0, 0.0, 4.0, 2.0)
    assert low == pytest.approx(1.7 * 4.0 * 0.5**1.5)
    jet = opening(5.0, 0.0, 0.0, 4.0, 1.0)
    assert jet == pytest.approx(4.0 * 0.61 * np.sqrt(2 * G * 5.0 / (1 + 0.61 / 5.0)))
    assert opening(5.0, 4.8, 0.0, 4.0, 1.0) == pytest.approx(4.0 * 0.8 * np.sqrt(2 * G * 0.2))


def test_a_short_pipe_is_under_inlet_control() -> None:
    """HDS-5 equation A.3: HW/D = c (Ku Q / (A √D))² + Y − 0.5 S, and A.1 while it is not submerged."""
    size, length, drop = 1.2, 10.0, 0.3
    pipe = CulvertCurves(Barrel(0.0, size), length, 0.012, "concrete_square_headwall", drop, 0.0)
    area = np.pi * size**2 / 4
    q = 5.0 * area * np.sqrt(size) / 1.811
    head = size * (0.0398 * 25.0 + 0.67 - 0.5 * drop / length)
    assert pipe.discharge(drop + head, -1.0) == pytest.approx(q, rel=1e-3)
    box = CulvertCurves(Barrel(2.0, 1.5), length, 0.012, "box_wingwall_30_75", drop, 0.0)
    q = 2.0 * 2.0 * 1.5 * np.sqrt(1.5) / 1.811
    energy = 1.5 * ((q / 2.0) ** 2 / G) ** (1 / 3)
    head = energy + 1.5 * (0.026 * 2.0 - 0.5 * drop / length)
    assert box.discharge(drop + head, -1.0) == pytest.approx(q, rel=1e-3)


def test_a_long_drowned_pipe_is_under_outlet_control() -> None:
    pipe = CulvertCurves(Barrel(0.0, 1.0), 100.0, 0.024, "metal_projecting", 0.0, 0.0)
    losses = 1 + 0.9 + 2 * G * 0.024**2 * 100.0 / 0.25 ** (4 / 3)
    for up, down in ((3.0, 2.0), (2.0, 1.5)):
        wanted = np.pi / 4 * np.sqrt(2 * G * (up - down) / losses)
        assert pipe.discharge(up, down) == pytest.approx(wanted, rel=1e-6)
    assert pipe.discharge(2.0, 2.0) == 0.0


@pytest.mark.parametrize("bore", [Barrel(0.0, 1.0), Barrel(3.0, 1.5)])
@pytest.mark.parametrize("drop", [0.0, 0.5, -0.5])
def test_more_head_never_gives_less(bore: Barrel, drop: float) -> None:
    inlet = "concrete_square_headwall" if bore.width == 0 else "box_wingwall_0"
    curves = CulvertCurves(bore, 30.0, 0.015, inlet, max(drop, 0.0), max(-drop, 0.0))
    levels = np.linspace(0.0, 8.0, 400)
    for down in (-1.0, 0.4, 1.7):
        q = np.array([curves.discharge(up, down) for up in levels if up >= down])
        assert (np.diff(q) >= -1e-9).all()
        assert np.diff(q).max() < 0.15 * q.max()
    assert curves.discharge(0.4, -1.0) == 0.0 or drop == 0.0


def _basins(*found: StructureForcing, west: float = 3.0, east: float = 0.0, **more: object) -> FloodSolver:
    """Two pools of 10 × 10 cells of 10 m, bed at 0, apart; a structure from the west to the east."""
    wall = np.full((10, 21), -np.inf)
    wall[:, 10] = np.inf
    depth = np.full((10, 20), west)
    depth[:, 10:] = east
    forcing: dict[str, object] = {"structures": found}
    return solver(np.zeros((10, 20)), depth, crest_x=wall, roughness=0.03, forcing=forcing, **more)


def _one(
    event: Structure, start: float = -np.inf, end: float = np.inf, watch: int | None = None
) -> StructureForcing:
    to = NOWHERE if event.to is None else np.array([5 * 20 + 10])
    return StructureForcing(event, np.array([5 * 20 + 9]), to, NOWHERE, start, end, event.kind)


def _closes(flood: FloodSolver) -> None:
    books = flood.ledger()
    scale = max(books["volume_m3"], books["initial_m3"], books["inflow_m3"], books["outflow_m3"])
    assert abs(books["mass_error_m3"]) <= 1e-12 * scale
    assert books["structure_m3"] == 0.0
    assert flood.depth.min() >= 0.0


def test_a_culvert_brings_two_pools_to_one_level() -> None:
    flood = _basins(_one(Culvert(**ENDS, diameter=1.5, length=20.0)))
    advance(flood, 0.0, 60.0)
    passed = flood.summary()["structures"][0]["volume_m3"]
    pipe = CulvertCurves(Barrel(0.0, 1.5), 20.0, 0.012, "concrete_square_headwall", 0.0, 0.0)
    assert passed == pytest.approx(60.0 * pipe.discharge(3.0, 0.3), rel=0.05)
    advance(flood, 60.0, 7200.0)
    np.testing.assert_allclose(flood.depth, 1.5, atol=0.01)
    _closes(flood)


def test_a_flap_lets_nothing_back() -> None:
    for one_way, wanted in ((True, 0.0), (False, 1.0)):
        flood = _basins(_one(Culvert(**ENDS, diameter=1.0, length=20.0, one_way=one_way)), west=0.0, east=2.0)
        advance(flood, 0.0, 300.0)
        assert (flood.depth[:, :10].max() > 0.0) == bool(wanted)
        _closes(flood)


def test_a_gate_opens_by_level_and_by_time() -> None:
    rule = {"width": 2.0, "height": 0.5, "open_above": 1.2, "close_below": 0.9}
    flood = _basins(_one(Gate(**ENDS, **rule)), west=1.0)
    advance(flood, 0.0, 60.0)
    assert flood.depth[:, 10:].max() == 0.0
    flood = _basins(_one(Gate(**ENDS, **rule)), west=1.5)
    advance(flood, 0.0, 7200.0)
    assert flood.depth[:, :10].mean() == pytest.approx(0.9, abs=0.05)
    _closes(flood)
    flood = _basins(_one(Gate(**ENDS, width=2.0, height=0.5), start=100.0))
    advance(flood, 0.0, 100.0)
    assert flood.depth[:, 10:].max() == 0.0
    advance(flood, 100.0, 160.0)
    assert flood.depth[:, 10:].max() > 0.0


def test_a_pump_runs_between_its_levels_and_never_dry() -> None:
    flood = _basins(_one(Pump(**{"from": (0.0, 0.0)}, rate=2.0, on_level=1.0, off_level=0.5)), west=1.2)
    advance(flood, 0.0, 60.0)
    assert flood.ledger()["outflow_m3"] == pytest.approx(
        2.0 * 60.0, rel=1e-9
    )  # its rate, while there is water
    advance(flood, 60.0, 5400.0)
    assert flood.depth[:, :10].mean() == pytest.approx(0.5, abs=0.1)
    _closes(flood)
    greedy = _basins(_one(Pump(**{"from": (0.0, 0.0)}, rate=500.0)), west=0.5)
    advance(greedy, 0.0, 600.0)
    assert greedy.ledger()["outflow_m3"] <= greedy.ledger()["initial_m3"]
    assert greedy.summary()["structures"][0]["limited_steps"] > 0
    _closes(greedy)


MIX = {
    "culvert": Culvert(**ENDS, width=3.0, height=1.0, length=15.0, barrels=3),
    "weir": Weir(**ENDS, crest=0.3, width=30.0),
    "bridge": BridgeOpening(**ENDS, width=8.0, sill=-0.5, soffit=1.0),
    "gate": Gate(**ENDS, width=5.0, height=1.0, sill=-3.0, open_above=0.0, close_below=-1.0),
    "pump": Pump(**ENDS, rate=50.0, on_level=0.0, off_level=-0.5),
    "outfall": Pump(**{"from": (0.0, 0.0)}, rate=5.0),
}


@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 1000),
    kinds=st.lists(st.sampled_from(sorted(MIX)), min_size=1, max_size=5),
    level=st.sampled_from([-50.0, -1.0, 2.0]),
    cell=st.sampled_from([1.0, 20.0]),
)
def test_mass_positivity_and_restart_with_any_structures(
    seed: int, kinds: list[str], level: float, cell: float
) -> None:
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(4, 70)), int(rng.integers(4, 140)))
    bed = hills(*shape, seed, relief=3.0)
    depth = np.maximum(level - bed, 0.0)
    depth[:, shape[1] // 2 :] = 0.0
    found = []
    for kind in kinds:
        cells = rng.permutation(bed.size)[:5]
        event = MIX[kind]
        to = NOWHERE if event.to is None else np.sort(cells[2:4])
        found.append(StructureForcing(event, np.sort(cells[:2]), to, cells[4:], 2.0, 25.0, kind))

    def make() -> FloodSolver:
        return solver(bed, depth, cell=cell, roughness=0.03, forcing={"structures": tuple(found)})

    straight, first, second = make(), make(), make()
    t = 0.0
    for flood in (straight, first):
        t = advance(flood, 0.0, 15.0, 80)
    second.restore(first.state())
    for flood in (straight, second):
        advance(flood, t, 30.0, 80)
    for name, value in straight.state().items():
        np.testing.assert_array_equal(value, second.state()[name], err_msg=name)
    _closes(straight)


def _scenario(folder: Path, event: str) -> Path:
    file = small.make(folder)
    content = file.read_text(encoding="utf-8").replace('["flood", "traffic"]', '["flood"]')
    content = content.replace('[params.traffic]\nevery = "5 min"\n', "")
    file.write_text(content + f"[[events]]\n{event}\n", encoding="utf-8")
    return file


CULVERT = """kind = "culvert"
from = [650255.0, 6860205.0]
to = "middle"
diameter = "1.2 m"
length = "40 m"
"""


def test_a_culvert_in_a_scenario(tmp_path: Path) -> None:
    scenario = Scenario.open(_scenario(tmp_path, CULVERT + 'end = "5 min"'))
    assert scenario.check() == []
    (tmp_path / "away").mkdir()
    (tmp_path / "away" / "s.toml").write_text(scenario.to_toml(), encoding="utf-8")
    assert "\nfrom = [" in scenario.to_toml()
    scenario = Scenario.open(tmp_path / "away" / "s.toml")
    simulation = Simulation(scenario)
    for _ in simulation.steps():
        pass
    flood = simulation.solvers[0]
    books, told = flood.ledger(), flood.summary()["structures"]
    assert told[0]["structure"] == "culvert 4"
    assert told[0]["volume_m3"] < 0.0  # the inflow is at "middle": water goes back
    assert abs(books["mass_error_m3"]) <= 1e-12 * books["inflow_m3"]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (CULVERT.replace('diameter = "1.2 m"', 'width = "1 m"'), "diameter, or width and height"),
        (CULVERT + 'inlet = "box_wingwall_0"', "of another shape"),
        (CULVERT.replace('"middle"', '"midle"'), "middle"),
        (CULVERT.replace("[650255.0, 6860205.0]", '"middle"'), "without a common cell"),
        ('kind = "pump"\nfrom = "middle"\nrate = "1 m3/s"\non_level = "2 m"', "on_level and off_level"),
        ('kind = "gate"\nfrom = "middle"\nto = "pool"\nwidth = 1\nheight = 1\nopen_above = 2', "close_below"),
        ('kind = "weir"\nto = "middle"\ncrest = 2.0\nwidth = 3.0', "from"),
        ('kind = "bridge_opening"\nfrom = "middle"\nto = "pool"\nwidth = 3\nsoffit = "90 m"', "soffit above"),
    ],
)
def test_what_is_wrong_with_a_structure_is_said(tmp_path: Path, event: str, said: str) -> None:
    def use() -> None:
        scenario = Scenario.open(_scenario(tmp_path, event))
        if problems := scenario.check():
            raise InputError(problems)
        Simulation(scenario)

    with pytest.raises(InputError, match=said):
        use()
