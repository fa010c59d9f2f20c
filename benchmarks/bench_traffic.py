"""Static assignment on this machine: seconds to a gap, warm starts, a large network, a shortest-path tree.

    python -m benchmarks.bench_traffic [--large] [--repeat 3] [--out benchmarks/TRAFFIC.md]

Networks are read from TWIN_REAL_DATA (default ../shared/data); JIT and reading are excluded. AequilibraE runs
beside us where it is installed, or where AEQUILIBRAE_PYTHON names an interpreter that has it. Peers' figures
of other machines are not repeated here.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from twin import machine

GAPS = (1e-4, 1e-6, 1e-10, 1e-12)
NETWORKS = {
    "siouxfalls": ("SiouxFalls", 0.0, 0.0, 4231335.28710744),
    "anaheim": ("Anaheim", 0.0, 0.0, 1286032.17109602),
    "barcelona": ("Barcelona", 0.0, 0.0, 1265654.92203176),
    "chicago-sketch": ("ChicagoSketch", 0.02, 0.04, 17313018.7387477),
}
Curve = tuple[tuple[float, float], ...]
ROOT = Path(os.environ.get("TWIN_REAL_DATA", Path(__file__).parents[2] / "shared" / "data")) / "traffic"


def load(name: str):
    """Network and trips of the real data."""
    from twin.solvers.traffic.tntp import read_network, read_trips

    stem, toll, length, _ = NETWORKS[name]
    net = read_network(ROOT / name / f"{stem}_net.tntp")
    return net.network(toll, length), read_trips(ROOT / name / f"{stem}_trips.tntp")


def aequilibrae(names: tuple[str, ...] = ("siouxfalls", "anaheim"), gap: float = 1e-4) -> list[str]:
    """AequilibraE beside us, by the interpreter that AEQUILIBRAE_PYTHON names or by this one if it is
    installed here; networks whose cost is time alone.
    """
    python = os.environ.get("AEQUILIBRAE_PYTHON")
    if python is None:
        if importlib.util.find_spec("aequilibrae") is None:
            return ["AequilibraE: not installed, not run."]
        python = sys.executable
    from twin.solvers.traffic import assign

    lines = [
        f"| network | to {gap:.0e}, version | AequilibraE (bi-conjugate Frank-Wolfe) | Twin |",
        "|---|---|---|---|",
    ]
    for name in names:
        network, trips = load(name)
        with tempfile.TemporaryDirectory() as folder:
            case = Path(folder) / "case.npz"
            np.savez(
                case, a_node=network.link_from + 1, b_node=network.link_to + 1, capacity=network.capacity,
                time=network.free_time, b=network.b, power=network.power, zones=network.zones,
                trips=trips.matrix(), blocked=not network.through[0],
            )  # fmt: skip
            script = Path(__file__).parent / "peer_aequilibrae.py"
            done = subprocess.run(
                [python, str(script), str(case), str(gap)],
                capture_output=True, text=True, check=True, timeout=600,
            )  # fmt: skip
        version, seconds, iterations, reached = done.stdout.split()[-4:]
        assign(network, trips, gap=1e-2)
        ours = assign(network, trips, gap=gap)
        lines.append(
            f"| {name} | {version} | {float(seconds):.2f} s, {iterations} iterations, gap "
            f"{float(reached):.0e} | {ours.seconds:.4f} s, {ours.iterations} iterations, gap {ours.gap:.0e} |"
        )
    return lines


def table_of_gaps(repeat: int, curves: dict[str, Curve]) -> list[str]:
    """Best wall seconds to each gap on one thread and on all, and the objective at the last; the last run of
    each network goes to `curves`.
    """
    import numba

    from twin.solvers.traffic import assign

    lines = [
        "| network | threads | "
        + " | ".join(f"{gap:.0e}" for gap in GAPS)
        + " | objective / best known − 1 |",
        "|---|---|" + "---|" * (len(GAPS) + 1),
    ]
    every = numba.get_num_threads()
    for name, (*_, best) in NETWORKS.items():
        network, trips = load(name)
        for threads in sorted({1, every}):
            numba.set_num_threads(threads)
            assign(network, trips, gap=1e-2)
            cells = []
            for gap in GAPS:
                runs = [assign(network, trips, gap=gap) for _ in range(repeat)]
                found = min(runs, key=lambda run: run.seconds)
                cells.append(f"{found.seconds:.4f} ({found.iterations})")
            curves[name] = found.history
            lines.append(f"| {name} | {threads} | {' | '.join(cells)} | {found.objective / best - 1.0:.1e} |")
        numba.set_num_threads(every)
    return lines


def plot(curves: dict[str, Curve], path: Path) -> None:
    """Gap (as the solver sees it) against wall seconds, both logarithmic."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 4.2), layout="constrained")
    axes = figure.subplots()
    for name, history in curves.items():
        seconds, gaps = np.array(history).T
        axes.loglog(seconds, np.maximum(gaps, 1e-16), marker="o", markersize=3, label=name)
    axes.set_xlabel("wall time (s)")
    axes.set_ylabel("relative gap")
    axes.grid(alpha=0.3)
    axes.legend(frameon=False)
    path.parent.mkdir(exist_ok=True)
    figure.savefig(path, dpi=110)


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


def trees() -> list[str]:
    """One shortest-path tree of the large network: ours from nothing, ours mended after all costs changed a
    little, and SciPy's.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    from benchmarks.traffic_city import city
    from twin.solvers.traffic.kernels_trees import NO_ENTRY
    from twin.solvers.traffic.trees import grow, mend

    network, _ = city(pairs=2000)
    star, n = network.star, network.nodes
    distance, entry = np.empty((1, n)), np.empty((1, n), np.int32)
    rank = np.full((1, n), NO_ENTRY, np.uint16)
    changed = star.base * np.random.default_rng(1).uniform(0.99, 1.01, network.links)
    graph = csr_array((star.base, star.head, star.out_ptr), shape=(n, n))
    seconds: dict[str, list[float]] = {"grown": [], "mended": [], "SciPy": []}
    for zone in network.zone_node[:100]:
        node = np.array([zone])
        rank[:] = NO_ENTRY
        mend(network, node, star.base, rank, distance, entry)
        for name, work in (
            ("grown", lambda node=node: grow(network, node, star.base, distance, entry)),
            ("mended", lambda node=node: mend(network, node, changed, rank, distance, entry)),
            ("SciPy", lambda zone=zone: dijkstra(graph, indices=int(zone), return_predecessors=True)),
        ):
            begun = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - begun)
    told = ", ".join(f"{name} {1e3 * np.median(values):.2f} ms" for name, values in seconds.items())
    return [
        f"{n} nodes, {network.links} links, median of 100 origins: {told} (SciPy drives through "
        "zones; mended: from the tree of costs that differ by up to 1 %)."
    ]


def large_case(curves: dict[str, Curve], gap: float = 1e-4) -> list[str]:
    """The large case, its memory, and what is kept of it."""
    from benchmarks.traffic_city import city
    from twin.solvers.traffic import assign

    network, trips = city()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    found = assign(network, trips, gap=gap, keep_paths=True)
    curves["city"] = found.history
    state = found.paths.state
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    streets = network.b > 0
    ratio = found.volume[streets] / network.capacity[streets]
    possible = found.paths.loading.rows * network.links
    return [
        f"{network.zones} zones, {network.nodes} nodes, {network.links} links, {trips.trips.size} pairs "
        f"(`benchmarks/traffic_city.py`), volume / capacity of the streets {ratio.mean():.2f} in the mean "
        f"and {ratio.max():.2f} at most: gap {found.gap:.1e} in {found.seconds:.1f} s ({found.iterations} "
        f"iterations); peak memory of the process {peak:.2f} GB ({before:.2f} GB before); "
        f"{state.flows.flow.size} link flows kept of {possible} possible "
        f"({100 * state.flows.flow.size / possible:.0f} %), {state.pairs.kind.size} pairs of segments with "
        f"{state.pairs.member_row.size} members."
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
    curves: dict[str, Curve] = {}
    where, versions = machine.record(), machine.versions()
    busy = machine.load()
    lines = [
        "# Traffic: figures of a run",
        "",
        f"Written by `python -m benchmarks.bench_traffic` on {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, "
        f"{where['processor']}, {where['cores']} cores, {where['memory_gib']} GiB, numba {versions['numba']}"
        f", NumPy {versions['numpy']}; load {busy} at the start. Wall seconds of the algorithm (compilation "
        f"and reading apart), best of {options.repeat}, iterations in brackets.",
        "",
        "## Seconds to a relative gap",
        "",
        *table_of_gaps(options.repeat, curves),
        "",
        "![gap against time](traffic_plots/gap.png)",
        "",
        "## Beside AequilibraE",
        "",
        *aequilibrae(),
        "",
        "## Warm start",
        "",
        *warm_starts(),
        "",
        "## Shortest-path tree",
        "",
        *trees(),
    ]
    if options.large:
        lines += ["", "## Large network", "", *large_case(curves)]
    lines += ["", "## Gap against time", "", "As the solver sees it, one line a network:", ""]
    lines += [f"- {name}: " + ", ".join(f"{s:.3f} s {g:.0e}" for s, g in run) for name, run in curves.items()]
    text = "\n".join(lines) + "\n"
    if options.out is None:
        print(text)
    else:
        options.out.write_text(text, encoding="utf-8")
        plot(curves, options.out.parent / "traffic_plots" / "gap.png")


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
