"""Counts on roads: how well an assignment agrees with them, and a trip table corrected by them (ODME).

The correction is the gradient method of Spiess 1990 (A gradient approach for the O-D matrix adjustment
problem, CRT publication 693, Montréal): every pair changes in proportion to its trips, along the steepest
descent of ½ Σ (volume - count)². Pairs without trips stay without. Routes are those of proportionality, and
each round assigns again from where the one before ended.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from twin.errors import Problems, in_line, suggest
from twin.network import Network
from twin.solvers.traffic.assignment import Assignment, assign
from twin.solvers.traffic.paths import select_links
from twin.solvers.traffic.problem import AssignmentNetwork, Floats, Trips
from twin.solvers.traffic.tables import number, read_rows

GEH_GOOD = 5.0  # of hourly volumes: the usual limit (UK DMRB 12.2.1, TAG unit M3.1)


@dataclass(frozen=True)
class Fit:
    """How volumes agree with counts (veh/h): R² (1 - residual / variance of the counts; NaN for one count),
    mean GEH, share of counts with GEH < 5, root mean square error.
    """

    r2: float
    geh: float
    geh_below_5: float
    rmse: float

    @classmethod
    def of(cls, volume: Floats, count: Floats) -> Fit:
        """GEH = sqrt(2 (v - c)² / (v + c)), 0 where both are 0."""
        rest = volume - count
        total = volume + count
        geh = np.sqrt(np.divide(2.0 * rest**2, total, out=np.zeros_like(total), where=total > 0))
        spread = float(((count - count.mean()) ** 2).sum())
        return cls(
            1.0 - float(rest @ rest) / spread if spread > 0 else float("nan"),
            float(geh.mean()),
            float((geh < GEH_GOOD).mean()),
            float(np.sqrt((rest**2).mean())),
        )


@dataclass(frozen=True, eq=False)
class Correction:
    """A corrected trip table, its assignment, the fit before and after, and Σ (volume - count)² / 2 of each
    round.
    """

    trips: Trips
    assignment: Assignment
    before: Fit
    after: Fit
    objective: tuple[float, ...]

    def report(self) -> dict[str, object]:
        """What goes to summary.json."""
        return {
            "method": "gradient (Spiess 1990)",
            **{
                side: {name: None if np.isnan(value) else value for name, value in asdict(fit).items()}
                for side, fit in (("before", self.before), ("after", self.after))
            },
            "objective": list(self.objective),
        }


def read_counts(path: Path, network: Network, key: str) -> tuple[NDArray[np.int64], Floats]:
    """Counts on roads from a CSV with the columns road_id, veh_h and, if wanted, direction (``forward``, as
    the road is drawn, or ``backward``; left empty, a two-way road has half of the count in each direction).

    Raises
    ------
    InputError
        Missing columns, roads that are not in the network or do not have that direction, counts that are
        negative or no number; all at once.
    """
    problems = Problems()
    known: dict[str, list[int]] = {}
    for link, road in enumerate(network.segments["road_id"].astype(str).to_numpy()[network.segment]):
        known.setdefault(road, []).append(link)
    links: list[int] = []
    counts: list[float] = []
    for line, row in read_rows(path, key, ("road_id", "veh_h"), ("direction",)):
        here, road, sense = in_line(path, line), row["road_id"], row["direction"].lower()
        if road not in known:
            problems.tell(here, "road_id", "traffic.count_road", suggest(road, known), found=road)
            continue
        if sense not in ("", "forward", "backward"):
            problems.tell(here, "direction", "traffic.count_direction", found=sense)
            continue
        chosen = [a for a in known[road] if not sense or network.forward[a] == (sense == "forward")]
        if not chosen:
            problems.tell(here, "direction", "traffic.count_one_way", road=road, direction=sense)
            continue
        value = number(row["veh_h"])
        if np.isnan(value):
            problems.tell(here, "veh_h", "traffic.count_value", found=row["veh_h"])
        links += chosen
        counts += [value / len(chosen)] * len(chosen)
    problems.raise_if_any()
    return np.asarray(links, np.int64), np.asarray(counts, np.float64)


def correct(
    network: AssignmentNetwork,
    trips: Trips,
    links: NDArray[np.integer],
    counts: Floats,
    *,
    rounds: int = 20,
    gap: float = 1e-8,
    enough: float = 1e-4,
    pce: Floats | None = None,
) -> Correction:
    """Correct trips by counts on links (numbers, (k,)) in vehicles an hour.

    Trips are passenger cars where a vehicle of each pair weighs `pce` (p,) of them (default 1).

    Stops after `rounds`, or when a round gains less than `enough` of the objective. The best table found is
    returned, so that the objective never ends higher than it began.

    Raises
    ------
    InputError
        No counts, links that do not exist or occur twice, counts that are negative or no number.
    """
    where = np.asarray(links, np.int64)
    wanted = np.asarray(counts, np.float64)
    problems = Problems()
    if not where.size or where.shape != wanted.shape:
        problems.tell("counts", "links", "traffic.counts_length", links=where.size, counts=wanted.size)
    if ((where < 0) | (where >= network.links)).any() or np.unique(where).size < where.size:
        problems.tell("counts", "links", "traffic.counts_links", most=network.links)
    if not (np.isfinite(wanted) & (wanted >= 0)).all():
        problems.tell("counts", "counts", "traffic.not_numbers")
    problems.raise_if_any()
    weight = np.ones(trips.trips.size) if pce is None else pce
    now = assign(network, trips, gap=gap, keep_paths=True)
    use = _use(now, where)
    volume = use @ (trips.trips / weight)
    before = after = Fit.of(volume, wanted)
    best = (trips, now)
    history = [_objective(volume, wanted)]
    for _ in range(rounds):
        gradient = (volume - wanted) @ use
        turn = -(use @ (trips.trips / weight * gradient))  # change of the volumes along the descent
        bend = float(turn @ turn)
        if bend <= 0.0 or not np.abs(gradient).max() > 0.0:
            break
        step = -float((volume - wanted) @ turn) / bend
        if gradient.max() > 0.0:
            step = min(step, 0.9 / float(gradient.max()))  # trips stay above 0
        trips = Trips(trips.zones, trips.origin, trips.destination, trips.trips * (1.0 - step * gradient))
        now = assign(network, trips, gap=gap, start=now, keep_paths=True)
        use = _use(now, where)
        volume = use @ (trips.trips / weight)
        history.append(_objective(volume, wanted))
        if history[-1] < min(history[:-1]):
            best, after = (trips, now), Fit.of(volume, wanted)
        if history[-1] >= history[-2] * (1.0 - enough):
            break
    return Correction(best[0], best[1], before, after, tuple(history))


def _use(found: Assignment, links: NDArray[np.int64]) -> Floats:
    """(k, p) share of each pair that takes each of the links."""
    assert found.paths is not None
    return np.stack([select_links(found.paths, np.array([a])).pair_share for a in links])


def _objective(volume: Floats, counts: Floats) -> float:
    rest = volume - counts
    return 0.5 * float(rest @ rest)
