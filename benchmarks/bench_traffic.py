"""Static assignment on this machine: seconds to a gap, warm starts, a large network, a shortest-path tree.

    python benchmarks/bench_traffic.py [--large] [--repeat 3] [--out benchmarks/TRAFFIC.md]

Networks are read from TWIN_REAL_DATA (default ../shared/data); JIT and reading are excluded. AequilibraE runs
beside us where it is installed. Peers' figures of other machines are not repeated here.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import platform
import resource
import time
from pathlib import Path

import numpy as np

GAPS = (1e-4, 1e-6, 1e-10, 1e-12)
NETWORKS = {
    "siouxfalls": ("SiouxFalls", 0.0, 0.0, 4231335.28710744),
    "anaheim": ("Anaheim", 0.0, 0.0, 1286032.17109602),
    "barcelona": ("Barcelona", 0.0, 0.0, 1265654.92203176),
    "chicago-sketch": ("ChicagoSketch", 0.02, 0.04, 17313018.7387477),
}
ROOT = Path(os.environ.get("TWIN_REAL_DATA", Path(__file__).parents[2] / "shared" / "data")) / "traffic"


def load(name: str):
    """Network and trips of the real data."""
    from twin.solvers.traffic.tntp import read_network, read_trips

    stem, toll, length, _ = NETWORKS[name]
    net = read_network(ROOT / name / f"{stem}_net.tntp")
    return net.network(toll, length), read_trips(ROOT / name / f"{stem}_trips.tntp")


def large(side: int = 114, zones: int = 1800, edges: int = 19_500, pairs: int = 1_900_000):
    """A town on a broken grid with arterials every sixth street; mean volume / capacity about 0.6."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import minimum_spanning_tree

    from twin.solvers.traffic import AssignmentNetwork, Trips
    from twin.solvers.traffic.assignment import assign

    rng = np.random.default_rng(2026)
    n = side * side
    i, j = np.divmod(np.arange(n), side)
    east, south = np.flatnonzero(j < side - 1), np.flatnonzero(i < side - 1)
    tail, head = np.concatenate([east, south]), np.concatenate([east + 1, south + side])
    arterial = np.concatenate([i[east] % 6 == 0, j[south] % 6 == 0])
    weight = rng.random(tail.size) + np.where(arterial, 1e-6, 1.0)
    tree = minimum_spanning_tree(coo_array((weight, (tail, head)), shape=(n, n)).tocsr()).tocoo()
    kept = np.isin(tail * n + head, tree.row * n + tree.col)
    rest = np.flatnonzero(~kept)
    kept[rest[np.argsort(weight[rest])[: edges - kept.sum()]]] = True
    tail, head, arterial = tail[kept], head[kept], arterial[kept]
    minutes = rng.uniform(0.2, 0.4, tail.size) * np.where(arterial, 0.5, 1.0)
    capacity = np.where(arterial, 3600.0, 900.0)
    zone = rng.choice(n, zones, replace=False)
    origin = np.repeat(np.arange(zones), pairs // zones)
    destination = rng.integers(0, zones, origin.size)
    away = np.hypot(i[zone][origin] - i[zone][destination], j[zone][origin] - j[zone][destination])
    trips = Trips.from_pairs(zones, origin, destination, np.exp(-away / 25.0))
    network = AssignmentNetwork.create(
        n, np.append(tail, head), np.append(head, tail), zone_node=zone, free_time=np.tile(minutes, 2),
        capacity=np.tile(capacity, 2),
    )  # fmt: skip
    for iterations in (1, 4):  # the more it is spread over, the longer the routes: scaled twice
        first = assign(network, trips, max_iterations=iterations, method="bfw")
        trips = trips.times(0.6 / float((first.volume / network.capacity).mean()))
    return network, trips


def aequilibrae_version() -> str | None:
    """Whether AequilibraE can be run beside us."""
    if importlib.util.find_spec("aequilibrae") is None:
        return None
    from importlib.metadata import version

    return version("aequilibrae")


def table_of_gaps(repeat: int) -> list[str]:
    """Best wall seconds to each gap, and the objective at the last."""
    from twin.solvers.traffic import assign

    lines = [
        "| network | " + " | ".join(f"{gap:.0e}" for gap in GAPS) + " | objective − best known (relative) |",
        "|---|" + "---|" * (len(GAPS) + 1),
    ]
    curves = []
    for name, (*_, best) in NETWORKS.items():
        network, trips = load(name)
        assign(network, trips, gap=1e-2)
        cells = []
        for gap in GAPS:
            runs = [assign(network, trips, gap=gap) for _ in range(repeat)]
            found = min(runs, key=lambda run: run.seconds)
            cells.append(f"{found.seconds:.3f} ({found.iterations})")
        curves.append(f"- {name}: " + ", ".join(f"{s:.3f} s {g:.0e}" for s, g in found.history))
        lines.append(f"| {name} | " + " | ".join(cells) + f" | {found.objective / best - 1.0:.1e} |")
    return [*lines, "", "Gap against time (as the solver sees it), one line a network:", "", *curves]


def warm_starts(count: int = 20, gap: float = 1e-10) -> list[str]:
    """Close loaded links of Chicago Sketch, one at a time: warm against cold."""
    from twin.solvers.traffic import assign

    network, trips = load("chicago-sketch")
    base = assign(network, trips, gap=gap, keep_paths=True)
    roads = np.flatnonzero(network.free_time > 0)
    roads = roads[np.argsort(-base.volume[roads])][::10][:count]
    rows = []
    for a in roads:
        closed = network.keep(np.arange(network.links) != a)
        warm, cold = assign(closed, trips, gap=gap, start=base), assign(closed, trips, gap=gap)
        rows.append((warm.seconds, cold.seconds, warm.iterations, cold.iterations))
    warm_s, cold_s, warm_i, cold_i = np.array(rows).T
    share = warm_s / cold_s
    return [
        f"Chicago Sketch, {count} loaded links closed one at a time, both to {gap:.0e}: warm "
        f"{np.median(warm_s):.3f} s ({np.median(warm_i):.0f} iterations), cold {np.median(cold_s):.3f} s "
        f"({np.median(cold_i):.0f}); share of the cold time: median {100 * np.median(share):.0f} %, worst "
        f"{100 * share.max():.0f} %.",
    ]


def large_case() -> list[str]:
    """The large case to 1e-4, its memory, and one tree on it."""
    from twin.solvers.traffic import assign
    from twin.solvers.traffic.trees import grow

    network, trips = large()
    distance, entry = np.empty((1, network.nodes)), np.empty((1, network.nodes), np.int32)
    times = []
    for node in network.zone_node[:200]:
        begun = time.perf_counter()
        grow(network, np.array([node]), network.star.base, distance, entry)
        times.append(time.perf_counter() - begun)
    found = assign(network, trips, gap=1e-4, keep_paths=True)
    used = found.paths.flows.flow.size
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return [
        f"{network.zones} zones, {network.nodes} nodes, {network.links} links, {trips.trips.size} pairs, "
        f"mean volume / capacity {(found.volume / network.capacity).mean():.2f}: gap {found.gap:.1e} in "
        f"{found.seconds:.1f} s ({found.iterations} iterations), peak memory of the process {peak:.2f} GB; "
        f"{used} link flows kept of {found.paths.loading.rows * network.links} possible "
        f"({100 * used / found.paths.loading.rows / network.links:.0f} %). One tree: median "
        f"{1e3 * np.median(times):.2f} ms.",
    ]


def main() -> None:
    """Print the report, or write it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    peer = aequilibrae_version()
    lines = [
        "# Traffic: figures of a run",
        "",
        f"Written by `benchmarks/bench_traffic.py` on {platform.processor() or platform.machine()}, "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the start; wall seconds, best of "
        f"{options.repeat}, iterations in brackets. AequilibraE: {peer or 'not installed, not run'}.",
        "",
        "## Seconds to a relative gap",
        "",
        *table_of_gaps(options.repeat),
        "",
        "## Warm start",
        "",
        *warm_starts(),
    ]
    if options.large:
        lines += ["", "## Large network", "", *large_case()]
    text = "\n".join(lines) + "\n"
    if options.out is None:
        print(text)
    else:
        options.out.write_text(text, encoding="utf-8")


def test_bench_sioux_falls(benchmark) -> None:
    """pytest-benchmark: Sioux Falls to 1e-12."""
    import pytest

    from twin.solvers.traffic import assign

    if not ROOT.is_dir():
        pytest.skip(f"no real data at {ROOT} (TWIN_REAL_DATA)")
    network, trips = load("siouxfalls")
    found = benchmark.pedantic(lambda: assign(network, trips), rounds=5, warmup_rounds=1)
    assert found.gap <= 1e-12


if __name__ == "__main__":
    main()
