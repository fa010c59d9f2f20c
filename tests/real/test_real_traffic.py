"""The busiest hour of three real towns: demand made from people, assigned, roads that must be busy are."""

from __future__ import annotations

from pathlib import Path

import pytest

from twin.indicators.links import by_road
from twin.simulation import run

HERE = Path(__file__).parent
pytestmark = pytest.mark.real


# Roads that whoever lives there names first, as BD TOPO writes them.
@pytest.mark.parametrize(
    ("place", "length", "busy"),
    [
        (
            "dieppe",
            3000.0,
            {
                "AV DE BREAUTE",
                "AV DES CANADIENS",
                "AV LEON GAMBETTA",
                "D154E",
                "D485",
                "RTE DE BONNE NOUVELLE",
            },
        ),
        ("la_fleche", 2000.0, {"D306", "R NATIONALE", "AV DE CHIPPENHAM"}),
        (
            "marseille_10",
            2000.0,
            {"A50", "BD RABATAU", "AV FLORIAN", "AV DE LA CAPELETTE", "BD SCHLOESING"},
        ),
    ],
)
def test_busiest_hour(real_data: Path, tmp_path: Path, place: str, length: float, busy: set[str]) -> None:
    result = run(HERE / place / "traffic.toml", tmp_path / "run")
    assert result.status == "complete"
    summary, links = result.traffic_summary, result.links
    assert summary is not None
    assert links is not None
    reference = summary["reference"]
    assert reference["relative_gap"] <= 1e-10
    assert reference["node_imbalance"] <= 1e-8
    assert reference["unserved"] <= 0.01 * reference["trips"]
    cars = summary["demand"]["gravity"][0]
    assert cars["mean_length"] == pytest.approx(length, rel=1e-6)
    assert cars["cordon"] >= 8
    loaded = links.assign(volume_1=links["volume_veh_h"], volume_2=0.0, volume_change=0.0)
    assert busy <= set(by_road(loaded).nlargest(20, "vehicle_km_1").index)
    kilometres = reference["vehicle_km"]
    assert 130.0 < result.indicators["co2"]["value"] * 1e6 / kilometres < 260.0  # g/km, lorries among them
    assert (place == "marseille_10") == (summary["network"]["turn_bans"] == {"banned": 3})
    assert result.zones is not None
    assert result.zones["trips_from"].sum() == pytest.approx(reference["trips"])
