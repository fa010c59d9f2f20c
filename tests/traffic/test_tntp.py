"""TNTP files: what is read, what is refused, flows.csv; and the five real networks to their known optima."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from tests.test_cli import call
from tests.traffic import slow_traffic as slow
from twin.errors import InputError
from twin.solvers.traffic.tntp import read_flows, read_network, read_trips, run_assign

NET = """<NUMBER OF ZONES> 2
<NUMBER OF NODES> 4
<FIRST THRU NODE> 1
<NUMBER OF LINKS> 5
<ORIGINAL HEADER>~ Init node	Term node	...
<END OF METADATA>

~	init_node	term_node	capacity	length	free_flow_time	b	power	speed	toll	link_type	;
	1	3	1	100	0.00000001	1000000000	1	0	0	1	;
	1	4	1	100	50	0.02	1	0	0	1	;
	3	2	1	100	50	0.02	1	0	0	1	;
	3	4	1	100	10	0.1	1	0	0	1	;
	4	2	1	100	0.00000001	1000000000	1	0	0	1;
"""
TRIPS = """<NUMBER OF ZONES> 2
<TOTAL OD FLOW> 6.0
<END OF METADATA>
~ a comment : 5 ;
Origin  1
  1 : 0.0;   2 :   6.0;
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    net, trips = tmp_path / "net.tntp", tmp_path / "trips.tntp"
    net.write_text(NET)
    trips.write_text(TRIPS)
    return net, trips


def test_reading(files: tuple[Path, Path]) -> None:
    net, trips = read_network(files[0]), read_trips(files[1])
    assert (net.zones, net.nodes, net.first_through_node, net.b.size) == (2, 4, 1, 5)
    assert net.term_node.tolist() == [3, 4, 2, 4, 2]
    assert (trips.origin.tolist(), trips.destination.tolist(), trips.trips.tolist()) == ([0], [1], [6.0])


def test_flows_are_written_in_the_order_of_the_file(files: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "flows.csv"
    found = run_assign(*files, gap=1e-14, out=out)
    with out.open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["from"], row["to"]) for row in rows] == [
        ("1", "3"),
        ("1", "4"),
        ("3", "2"),
        ("3", "4"),
        ("4", "2"),
    ]
    assert [float(row["volume"]) for row in rows] == found.volume.tolist()
    assert [float(row["cost"]) for row in rows] == found.cost.tolist()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["flows.csv", "net.tntp", "trips.tntp"]


def test_toll_and_length_are_part_of_the_cost(files: tuple[Path, Path]) -> None:
    plain, weighted = run_assign(*files, gap=1e-14), run_assign(*files, gap=1e-14, length_weight=0.5)
    # All five links are 100 long, so the route of three links loses its advantage: three trips on each other
    # route.
    np.testing.assert_allclose(plain.volume, [4, 2, 2, 2, 4], atol=1e-6)
    np.testing.assert_allclose(weighted.volume, [3, 3, 3, 0, 3], atol=1e-6)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("<NUMBER OF ZONES> 2\n", "", "NUMBER OF ZONES"),
        ("<NUMBER OF LINKS> 5", "<NUMBER OF LINKS> 6", "6 rows"),
        ("50\t0.02", "fifty\t0.02", "line 10"),
        ("\t1\t4\t1\t100\t50\t0.02\t1\t0\t0\t1\t;", "\t1\t4\t1;", "3 columns"),
        ("\t1\t4\t1", "\t1\t9\t1", "from 1 to 4"),
    ],
)
def test_networks_that_cannot_be_used(files: tuple[Path, Path], old: str, new: str, words: str) -> None:
    assert old in NET
    files[0].write_text(NET.replace(old, new, 1))
    with pytest.raises(InputError, match=words):
        read_network(files[0])


def test_everything_wrong_is_said_at_once(files: tuple[Path, Path], tmp_path: Path) -> None:
    files[1].write_text(TRIPS.replace("2 :   6.0", "2 = 6.0"))
    with pytest.raises(InputError) as caught:
        run_assign(tmp_path / "absent.tntp", files[1], gap=-1.0, out=tmp_path / "no" / "flows.csv")
    assert [problem.key for problem in caught.value.problems] == ["--gap", "--output", "", ""]
    assert caught.value.problems[3].where == f"{files[1]}, line 6"


def test_negative_trips_and_unknown_zones(files: tuple[Path, Path]) -> None:
    files[1].write_text(TRIPS.replace("6.0;", "-6.0; 7 : 1;"))
    with pytest.raises(InputError, match="zone number 7"):
        read_trips(files[1])


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (1, "6.0;", "-6.0;", ["-6.0 from zone 1 to zone 2", "0 or more"]),
        (0, "\t1\t4\t1\t100\t50\t0.02", "\t1\t4\t0\t100\t50\t0.02", ["capacity", "0.0 at row 2", "above 0"]),
        (0, "3\t2\t1\t100\t50\t0.02\t1\t0\t0\t1\t;", "3\t2\t1\t100\t;", ["line 11", "4 columns", "power"]),
        (1, "<NUMBER OF ZONES> 2", "<NUMBER OF ZONES> 3", ["2 zones", "3 zones, as the trips have"]),
    ],
    ids=["negative-demand", "capacity-0", "missing-columns", "other-zones"],
)  # fmt: skip
def test_bad_input_is_one_message_and_2(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str], file: int, old: str, new: str,
    said: list[str],
) -> None:  # fmt: skip
    content = files[file].read_text()
    assert content.count(old) == 1
    files[file].write_text(content.replace(old, new))
    assert call("assign", *files) == 2
    message = capsys.readouterr().err
    for words in (*said, str(files[0].parent), "found", "expected"):
        assert words in message


def test_what_has_no_route_is_counted(files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]) -> None:
    """An origin that nobody can leave, and a zone that nothing joins: unserved, and no error."""
    shut = NET.replace("\t1\t3\t", "\t3\t1\t").replace("\t1\t4\t", "\t4\t1\t")
    files[0].write_text(shut)
    assert call("assign", *files) == 0
    assert "without a route: 6\n" in capsys.readouterr().out
    island = NET.replace("<NUMBER OF ZONES> 2", "<NUMBER OF ZONES> 5").replace("NODES> 4", "NODES> 5")
    files[0].write_text(island)
    files[1].write_text(
        TRIPS.replace("ZONES> 2", "ZONES> 5").replace("FLOW> 6.0", "FLOW> 17")
        + "  5 : 2.5;\nOrigin 5\n 1 : 1.5; 5 : 7;\n"
    )
    assert call("assign", *files) == 0
    said = capsys.readouterr().out
    assert "without a route: 4\n" in said
    assert "within a zone, left out: 7\n" in said


# Best-known optima and total costs: README of the data, and its solutions.
CASES = {
    "braess": ("Braess", 0.0, 0.0, 386.00000008, 6.0, 0.0),
    "siouxfalls": ("SiouxFalls", 0.0, 0.0, 4231335.28710744, 360600.0, 0.0),
    "anaheim": ("Anaheim", 0.0, 0.0, 1286032.17109602, 104694.40, 0.0),
    "barcelona": ("Barcelona", 0.0, 0.0, 1265654.92203176, 184679.561, 0.0),
    "chicago-sketch": ("ChicagoSketch", 0.02, 0.04, 17313018.7387477, 1260907.44, 123414.0),
}


@pytest.mark.real
@pytest.mark.parametrize("name", CASES)
def test_known_equilibria(traffic_data: Path, name: str) -> None:
    stem, toll, length, objective, trips, intrazonal = CASES[name]
    folder = traffic_data / name
    found = run_assign(
        folder / f"{stem}_net.tntp",
        folder / f"{stem}_trips.tntp",
        1e-12,
        toll_weight=toll,
        length_weight=length,
    )
    assert found.gap <= 1e-12
    assert found.objective == pytest.approx(objective, rel=2e-14)
    assert found.trips == pytest.approx(trips, rel=1e-9)
    assert found.intrazonal == pytest.approx(intrazonal, rel=1e-9)
    assert found.unserved == 0.0
    assert found.imbalance <= 1e-9 * trips
    solution = folder / f"{stem}_flow.tntp"
    if not solution.exists():  # Braess: by hand
        np.testing.assert_allclose(found.volume, [4, 2, 2, 2, 4], atol=1e-6)
        return
    net = read_network(folder / f"{stem}_net.tntp")
    tails, heads, volume, cost = read_flows(solution)
    # Both in one order; no parallel links in these files.
    here, there = np.lexsort((net.term_node, net.init_node)), np.lexsort((heads, tails))
    assert np.array_equal(net.init_node[here], tails[there])
    assert np.array_equal(net.term_node[here], heads[there])
    # Volumes are unique where costs depend on them.
    strict = (net.b * net.power * net.free_flow_time > 0)[here]
    scale = np.abs(volume).max()
    np.testing.assert_allclose(found.volume[here][strict], volume[there][strict], atol=2e-4 * scale)
    np.testing.assert_allclose(found.cost[here], cost[there], rtol=1e-6, atol=1e-9)


@pytest.mark.real
@pytest.mark.parametrize(("name", "gap"), [("siouxfalls", 1e-4), ("anaheim", 1e-5), ("barcelona", 1e-4)])
def test_frank_wolfe_comes_near(traffic_data: Path, name: str, gap: float) -> None:
    stem, _, _, objective, _, _ = CASES[name]
    folder = traffic_data / name
    found = run_assign(folder / f"{stem}_net.tntp", folder / f"{stem}_trips.tntp", gap, method="bfw")
    assert found.gap <= gap
    # By convexity the objective is above its least value by no more than the excess cost.
    assert 0.0 <= found.objective - objective <= found.gap * found.total_cost


def test_oddities_of_the_files_that_go_round(tmp_path: Path) -> None:
    """Lower-case tags and origins, a byte-order mark, Windows line ends, tabs, comments, names of columns
    without ~, no toll column, whole numbers with a point, zones without trips, entries over several lines.
    """
    net, trips = tmp_path / "net.tntp", tmp_path / "trips.tntp"
    net.write_bytes(
        "\ufeff<number of zones>2.0\r\n<Number of Nodes>\t3 ;\r\n<NUMBER OF LINKS> 3\r\n"
        "<first thru node> 3\r\n<ANYTHING>\r\n<END OF METADATA>\r\n\r\n~ a comment\r\n"
        "init_node\tterm_node\tcapacity\tlength\tfftt\tb\tpower;\r\n"
        "1 3 10 1 2.0 .15 4\r\n3\t1\t10.\t1\t2\t0\t0\t;\r\n  3 2 1e1 1 3 0.15 4 ;\r\n~ the end\r\n".encode()
    )
    trips.write_text(
        "<NUMBER OF ZONES> 2\n<TOTAL OD FLOW>\n<END OF METADATA>\n\n\norigin\t1\n~ by hand\n\t1:0;2\t:\n"
        "\t1.5e1;\n\nOrigin 2\n"
    )
    table, demand = read_network(net), read_trips(trips)
    assert (table.zones, table.nodes, table.first_through_node) == (2, 3, 3)
    assert table.capacity.tolist() == [10.0, 10.0, 10.0]
    assert table.toll.tolist() == [0.0, 0.0, 0.0]
    assert (demand.origin.tolist(), demand.destination.tolist(), demand.trips.tolist()) == ([0], [1], [15.0])
    assert run_assign(net, trips).volume.tolist() == [15.0, 0.0, 15.0]


@pytest.mark.parametrize("entry", ["3 : 4 5;", "3 : ;", "3 : 1 : 2;", "3.5 : 2;", "3 : two;", ": 3;", "3 4;"])
def test_entries_that_are_none_are_named(files: tuple[Path, Path], entry: str) -> None:
    files[1].write_text(TRIPS + "  " + entry + "\n")
    with pytest.raises(InputError, match="line 7"):
        read_trips(files[1])


def test_a_file_that_was_cut_and_origins_given_twice(files: tuple[Path, Path]) -> None:
    whole = TRIPS.replace("FLOW> 6.0", "FLOW> 10.0") + "Origin 2\n  1 : 4.0004;\n"  # rounded
    files[1].write_text(whole)
    assert read_trips(files[1]).total == pytest.approx(10.0004)
    files[1].write_text(whole.split("Origin 2")[0])
    with pytest.raises(InputError, match=r"6(?s:.)*10") as caught:
        read_trips(files[1])
    assert caught.value.problems[0].key == "<TOTAL OD FLOW>"
    files[1].write_text(TRIPS + "Origin 1\n  2 : 1;\n")
    with pytest.raises(InputError, match="line 7") as caught:
        read_trips(files[1])
    assert "twice" in str(caught.value)


def _regional(seed: int, path: Path) -> None:
    """A region as the large files write it: zones first, joined by connectors without cost or capacity of
    their own, streets with b = 0, power 0 or a steep power, tolls, parallel and one-way links; odd layout.
    """
    rng = np.random.default_rng(seed)
    zones, side = 12, 8
    rows = []
    corner = zones + 1 + np.arange(side * side).reshape(side, side)
    for i in range(side):
        for j in range(side):
            for di, dj in ((0, 1), (1, 0)):
                if i + di < side and j + dj < side:
                    ends = int(corner[i, j]), int(corner[i + di, j + dj])
                    for tail, head in (ends, ends[::-1]):
                        rows += [(tail, head)] * (2 if rng.random() < 0.05 else 1)
    lines = []
    for tail, head in rows:
        b, power = ((0.15, 4), (0.15, 4), (0, 0), (1.2, 0), (0.8, 1), (0.0053, 16.83))[rng.integers(6)]
        capacity, length = rng.integers(200, 900), rng.uniform(0.1, 2.0)
        toll = rng.choice([0, 0, 50])
        lines.append(
            f"\t{tail}\t{head}\t{capacity}.0000\t{length:.3E}\t{length:.4f}\t{b}\t{power}\t25\t{toll}\t1\t;"
        )
    for zone in range(1, zones + 1):
        for node in rng.choice(corner.ravel(), 2, replace=False):
            for tail, head in ((zone, node), (node, zone)):
                lines.append(f"\t{tail}\t{head}\t999999\t0.00\t0\t0\t0\t0\t0\t9 ;")
    rng.shuffle(lines)
    (path / "net.tntp").write_text(
        f"<NUMBER OF ZONES> {zones}\n<NUMBER OF NODES> {zones + side * side}\n"
        f"<FIRST THRU NODE> {zones + 1}\n<NUMBER OF LINKS> {len(lines)}\n<TOLL FACTOR> 0.02\n"
        "<DISTANCE FACTOR> 0.04\n<END OF METADATA>\t\t\n\n\n~ \tInit node \tTerm node \tCapacity \t;\n"
        + "\n".join(lines) + "\n\n",
        encoding="utf-8",
    )  # fmt: skip
    text, total = "", 0.0
    for origin in range(1, zones + 1):
        text += f"\nOrigin  {origin} \n"
        for zone in range(1, zones + 1):
            trips = rng.uniform(0, 90) * (rng.random() < 0.8)
            total += trips
            text += f"{zone:5d} :{trips:12.4f}; " + "\n" * (zone % 5 == 0)
    head = f"<NUMBER OF ZONES>  {zones} \n<TOTAL OD FLOW>   {total:.2f}\n<END OF METADATA>\n\n"
    (path / "trips.tntp").write_text(head + text + "\n", encoding="utf-8")


@pytest.mark.parametrize("seed", range(4))
def test_look_alikes_of_regional_files(tmp_path: Path, seed: int) -> None:
    _regional(seed, tmp_path)
    files = tmp_path / "net.tntp", tmp_path / "trips.tntp"
    found = run_assign(*files, toll_weight=0.02, length_weight=0.04)
    network, trips = read_network(files[0]).network(0.02, 0.04), read_trips(files[1])
    assert found.gap <= 1e-12
    assert found.unserved == 0.0
    assert abs(slow.relative_gap(network, trips, found.volume)) <= 1e-11
    assert found.objective == pytest.approx(slow.beckmann(network, found.volume), rel=1e-12)
    assert found.imbalance <= 1e-9 * trips.total
    coarse = run_assign(*files, 1e-4, 0.02, 0.04, method="bfw")
    assert 0.0 <= coarse.objective - found.objective <= coarse.gap * coarse.total_cost
