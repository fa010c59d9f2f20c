"""One assignment by AequilibraE, for `bench_traffic`: run by the interpreter that has it installed.

    python benchmarks/peer_aequilibrae.py CASE.npz GAP

CASE.npz holds the links (columns of equal length), ``zones`` and the table of ``trips``; prints the version,
the wall seconds of the assignment, its iterations and the gap that it reports.
"""

from __future__ import annotations

import sys
import time
from importlib.metadata import version

import numpy as np
import pandas as pd
from aequilibrae.matrix import AequilibraeMatrix
from aequilibrae.paths import Graph, TrafficAssignment, TrafficClass


def main(path: str, gap: float) -> None:
    """Bi-conjugate Frank-Wolfe with BPR costs."""
    case = np.load(path)
    zones = int(case["zones"])
    links = pd.DataFrame(
        {name: case[name] for name in ("a_node", "b_node", "capacity", "time", "b", "power")}
    )
    links.insert(0, "link_id", np.arange(1, len(links) + 1))
    links.insert(1, "direction", 1)
    graph = Graph()
    graph.network = links
    graph.cost = links["time"].to_numpy()
    graph.capacity = links["capacity"].to_numpy()
    graph.free_flow_time = links["time"].to_numpy()
    graph.prepare_graph(np.arange(1, zones + 1))
    graph.set_graph("time")
    graph.set_skimming(["time"])
    graph.set_blocked_centroid_flows(bool(case["blocked"]))
    matrix = AequilibraeMatrix()
    matrix.create_empty(zones=zones, matrix_names=["trips"], memory_only=True)
    matrix.index[:] = np.arange(1, zones + 1)
    matrix.matrix["trips"][:, :] = case["trips"]
    matrix.computational_view(["trips"])
    work = TrafficAssignment()
    work.set_classes([TrafficClass("car", graph, matrix)])
    work.set_vdf("BPR")
    work.set_vdf_parameters({"alpha": "b", "beta": "power"})
    work.set_capacity_field("capacity")
    work.set_time_field("time")
    work.set_algorithm("bfw")
    work.max_iter = 300
    work.rgap_target = gap
    begun = time.perf_counter()
    work.execute(log_specification=False)
    seconds = time.perf_counter() - begun
    report = work.report()
    print(version("aequilibrae"), seconds, int(report["iteration"].iloc[-1]), float(report["rgap"].iloc[-1]))


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
