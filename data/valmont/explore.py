"""What does raising the levee change? The planner's script: `python explore.py` in this folder.

Runs the hundred-year flood twice, with the levee as it is and raised to 213.5 m, compares the two and writes
one page that shows both. On 10 m cells it takes a few minutes; give "5 m" for figures to decide on.
"""

from pathlib import Path

import twin
import viz
from twin.scenarios import Demand, Dike, Inflow, InitialWater, Scenario

HERE = Path(__file__).resolve().parent


def main(resolution: str = "10 m", duration: str = "4 h", runs: Path = HERE / "runs") -> Path:
    """Run, compare, write the page; returns its path."""
    valmont = twin.Territory.open(HERE)
    today = Scenario(
        name="Crue centennale",
        territory=valmont,
        resolution=resolution,
        start="2026-10-12T06:00+02:00",
        duration=duration,
        solvers=["flood", "traffic"],
        params={"traffic": {"every": "1 h"}},
        events=[
            InitialWater(depth="scenarios/etiage.tif"),
            Inflow(at="river_in", discharge="scenarios/crue_centennale.csv"),
            Demand(zones="quarters", weight="population", trips_per_person=0.25, mean_time="6 min"),
        ],
        boundaries={"east": "normal_depth", "slope": 0.00125},
        outputs={"every": "10 min", "gauges": ["mill_gauge"], "sections": ["old_bridge", "new_bridge"]},
    )
    dike = today.with_measures(Dike(along="left_bank", crest="213.5 m"), name="Crue centennale, digue")
    before = twin.run(today, runs / "before", overwrite=True)
    after = twin.run(dike, runs / "after", overwrite=True)
    print(twin.compare(before, after))
    return Path(viz.page([before, after], runs / "digue.html"))


if __name__ == "__main__":
    print(main())
