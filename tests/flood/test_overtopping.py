"""Waves over sea defences: the formulas against published figures, the water behind the line in the books."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from tests import small
from twin.errors import InputError
from twin.scenarios import Scenario
from twin.simulation import Simulation, run
from twin.solvers.flood import overtopping as eurotop

G = 9.81


# Litres per second and metre of the Deltares Coastal Structures Toolbox (its tests of EurOtop 2018, design
# approach, 1:3): Hm0, Tm-1,0, angle, freeboard, γf, γv, q.
DELTARES = [
    (2.0, 5.0, 0.0, 5.0, 1.0, 1.0, 0.8414),
    (2.5, 5.0, 0.0, 5.0, 1.0, 1.0, 2.546),
    (2.0, 7.0, 0.0, 5.0, 1.0, 1.0, 7.097),
    (2.0, 5.0, 30.0, 5.0, 1.0, 1.0, 0.3253),
    (2.0, 5.0, 0.0, 4.5, 1.0, 1.0, 1.946),
    (2.0, 5.0, 0.0, 2.0, 0.45, 1.0, 2.132),
    (2.0, 5.0, 0.0, 5.0, 1.0, 0.8, 0.0929),
    (2.0, 5.0, 30.0, 2.0, 0.45, 1.0, 0.3672),
]


@pytest.mark.parametrize(("height", "period", "angle", "free", "rough", "wall", "litres"), DELTARES)
def test_slopes_as_the_deltares_toolbox(
    height: float, period: float, angle: float, free: float, rough: float, wall: float, litres: float
) -> None:
    found = eurotop.slope_discharge(
        height, period, np.array([free]), 3.0, design=True, roughness=rough, wall=wall, angle=angle
    )
    assert 1000.0 * found[0] == pytest.approx(litres, abs=1e-3 if litres > 0.1 else 1e-4)


def test_the_mean_value_approach_by_hand() -> None:
    """5.10 for breaking waves, 5.11 where they do not break, 5.18 on a steep slope and a vertical face."""
    height, free = 2.0, np.array([3.0])
    breaker = (1 / 4) / math.sqrt(2 * math.pi * height / (G * 36.0))
    wanted = 0.023 / math.sqrt(1 / 4) * breaker * math.exp(-((2.7 * 1.5 / breaker) ** 1.3))
    found = eurotop.slope_discharge(height, 6.0, free, 4.0)[0] / math.sqrt(G * height**3)
    assert found == pytest.approx(wanted, rel=1e-12)
    found = eurotop.slope_discharge(height, 15.0, free, 2.5)[0] / math.sqrt(G * height**3)
    assert found == pytest.approx(0.09 * math.exp(-(2.25**1.3)), rel=1e-12)
    found = eurotop.slope_discharge(height, 8.0, free, 0.0)[0] / math.sqrt(G * height**3)
    wanted = (0.09 - 0.01 * 2**2.1) * math.exp(-((2.35 * 1.5) ** 1.3))
    assert found == pytest.approx(wanted, rel=1e-12)
    steep, gentle = (eurotop.slope_discharge(height, 15.0, free, c)[0] for c in (1.999999, 2.0))
    assert steep == pytest.approx(gentle, rel=1e-4)
    assert eurotop.mound_discharge(height, free, roughness=1.0)[0] == pytest.approx(gentle, rel=1e-12)


def test_walls_follow_the_chart() -> None:
    height, free = 2.0, np.array([1.0, 2.69, 2.71, 6.0])
    scale = math.sqrt(G * height**3)
    deep = eurotop.wall_discharge(height, 8.0, free, 9.0)
    np.testing.assert_allclose(deep, scale * 0.047 * np.exp(-((2.35 * free / height) ** 1.3)), rtol=1e-12)
    still = eurotop.wall_discharge(height, 5.0, free, 7.0)
    np.testing.assert_allclose(still, scale * 0.05 * np.exp(-2.78 * free / height), rtol=1e-12)
    length, depth = G * 100.0 / (2 * math.pi), 4.0
    factor = math.sqrt(height / (depth * height / length))
    breaking = eurotop.wall_discharge(height, 10.0, free, depth)
    low = scale * 0.011 * factor * np.exp(-2.2 * free / height)
    high = scale * 0.0014 * factor / (free / height) ** 3
    np.testing.assert_allclose(breaking, np.where(free / height < 1.35, low, high), rtol=1e-12)
    assert breaking[1] == pytest.approx(breaking[2], rel=0.03), "7.7 and 7.8 meet"
    assert eurotop.wall_discharge(height, 10.0, free, -0.5).max() == 0.0


@pytest.mark.parametrize("design", [False, True])
def test_a_higher_crest_lets_less_over_and_design_lets_more(design: bool) -> None:
    free = np.linspace(0.0, 8.0, 200)
    for found in (
        eurotop.slope_discharge(2.0, 7.0, free, 3.0, design=design),
        eurotop.slope_discharge(2.0, 7.0, free, 1.0, design=design),
        eurotop.wall_discharge(2.0, 7.0, free, 3.0, design=design),
        eurotop.wall_discharge(2.0, 5.0, free, 7.0, design=design),
        eurotop.wall_discharge(2.0, 5.0, free, 9.0, design=design),
        eurotop.mound_discharge(2.0, free, roughness=0.5, design=design),
    ):
        assert (np.diff(found) <= 0.0).all()
    if design:
        mean = eurotop.slope_discharge(2.0, 7.0, free, 3.0)
        assert (eurotop.slope_discharge(2.0, 7.0, free, 3.0, design=True) > mean).all()


LINE = "[[650455.0, 6860400.0], [650455.0, 6860000.0]]"
EVENT = """
[[events]]
kind = "wave_overtopping"
along = [[650455.0, 6860400.0], [650455.0, 6860000.0]]
water_level = "103 m"
wave_height = "1.5 m"
wave_period = "6 s"
crest = "104.5 m"
slope = 3
start = "1 min"
end = "5 min"
"""


def _scenario(folder: Path, event: str = EVENT, extra: str = "") -> Path:
    file = small.make(folder)
    content = file.read_text(encoding="utf-8").replace('["flood", "traffic"]', '["flood"]')
    content = content.replace('[params.traffic]\nevery = "5 min"\n', "")
    head, _, tail = content.partition("[[events]]")
    file.write_text(
        head + event + "[boundaries]" + tail.partition("[boundaries]")[2] + extra, encoding="utf-8"
    )
    return file


def test_the_water_comes_behind_the_defence_and_into_the_books(tmp_path: Path) -> None:
    """The line runs south along x = 650455, so its left is east."""
    result = run(_scenario(tmp_path), tmp_path / "run")
    litres = 1000.0 * eurotop.slope_discharge(1.5, 6.0, np.array([1.5]), 3.0)[0]
    told = json.loads((tmp_path / "run/flood/summary.json").read_text())["wave_overtopping"][0]
    assert told["length_m"] == pytest.approx(400.0)
    assert told["greatest_l_s_m"] == pytest.approx(litres, rel=1e-9)
    assert told["volume_m3"] == pytest.approx(litres / 1000.0 * 400.0 * 240.0, rel=1e-9)
    books = result.diagnostics.iloc[-1]
    assert books["inflow_m3"] == pytest.approx(told["volume_m3"], rel=1e-12)
    assert abs(books["mass_error_m3"]) <= 1e-12 * books["inflow_m3"]
    assert result.indicators["overtopping_volume"]["value"] == pytest.approx(told["volume_m3"])
    assert result.indicators["overtopping_discharge"]["value"] == pytest.approx(litres)
    depth = result.fields["water_depth"].sel(time=120.0).values
    assert depth[:, 46].min() > 0.0
    assert depth[:, 45:].sum() > 0.8 * depth.sum(), "east of the line"


def test_the_other_side_and_the_crests_that_stand_there(tmp_path: Path) -> None:
    dike = f'\n[[measures]]\nkind = "dike"\nalong = {LINE}\ncrest = "104 m"\n'
    event = EVENT.replace('crest = "104.5 m"\n', 'landward = "right"\n')
    simulation = Simulation(Scenario.open(_scenario(tmp_path, event, dike)))
    for step in simulation.steps():
        if step.end >= 120.0:
            break
    depth = simulation.solvers[0].depth  # type: ignore[attr-defined]
    assert depth[:, 46:].max() == 0.0
    assert depth[:, 44:46].sum() > 0.0
    litres = 1000.0 * eurotop.slope_discharge(1.5, 6.0, np.array([1.0]), 3.0)[0]
    told = simulation.solvers[0].summary()["wave_overtopping"][0]
    assert told["greatest_l_s_m"] == pytest.approx(litres, rel=1e-9)


def test_overflow_only_where_it_is_asked_for(tmp_path: Path) -> None:
    record = Scenario.open(_scenario(tmp_path, EVENT)).events[0]
    crest = np.array([102.5])
    without = eurotop.discharge(record, 103.0, 1.5, 6.0, crest)[0]  # type: ignore[arg-type]
    over = record.model_copy(update={"overflow": True})
    with_it = eurotop.discharge(over, 103.0, 1.5, 6.0, crest)[0]  # type: ignore[arg-type]
    assert without == pytest.approx(eurotop.slope_discharge(1.5, 6.0, np.zeros(1), 3.0)[0])
    assert with_it - without == pytest.approx(0.54 * math.sqrt(G * 0.5**3))


def test_every_metre_of_a_slanting_defence_counts_once(tmp_path: Path) -> None:
    for line in (
        "[[650100.0, 6860190.0], [650250.0, 6860040.0]]",
        "[[650101, 6860153], [650333, 6860107], [650580, 6860140]]",
    ):
        event = EVENT.replace(LINE, line)
        simulation = Simulation(Scenario.open(_scenario(tmp_path / line[2:10] / line[-10:-6], event)))
        told = simulation.solvers[0].summary()["wave_overtopping"][0]
        ends = np.array(json.loads(line))
        assert told["length_m"] == pytest.approx(np.hypot(*np.diff(ends, axis=0).T).sum(), rel=1e-9)
    outside = EVENT.replace(LINE, "[[650455.0, 6860900.0], [650455.0, 6860000.0]]")
    simulation = Simulation(Scenario.open(_scenario(tmp_path / "long", outside)))
    assert simulation.solvers[0].summary()["wave_overtopping"][0]["length_m"] == pytest.approx(
        400.0, abs=10.0
    )


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (EVENT.replace("slope = 3\n", ""), "slope"),
        (EVENT + 'toe = "1 m"\n', "toe"),
        (EVENT.replace("slope = 3", 'defence = "wall"\ntoe = 1\nangle = 20'), "belong to slopes"),
        (EVENT.replace(LINE, '"bnk"'), "bank"),
        (EVENT.replace('"6 s"', '"6 m"'), "wave_period"),
        (EVENT.replace('"1.5 m"', '"-1.5 m"'), "0 or more"),
        (EVENT.replace(LINE, '"middle"'), "a line"),
        (EVENT.replace('crest = "104.5 m"\n', ""), "without a crest"),
        (EVENT.replace(LINE, '"west_edge"'), "no cell behind"),
        (EVENT.replace("wave_height", "wave_hight"), "wave_height"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, event: str, said: str) -> None:
    file = _scenario(tmp_path, event)
    with pytest.raises(InputError, match=said):
        _bind(file)


def _bind(file: Path) -> Simulation:
    scenario = Scenario.open(file)
    if problems := scenario.check():
        raise InputError(problems)
    return Simulation(scenario)
