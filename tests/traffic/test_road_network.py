"""The road network: what is joined, what is not, what is dropped, and what each link is worth."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely.geometry import LineString

from twin.errors import InputError
from twin.grid import Grid
from twin.network import Network, capacity_table

CRS = "EPSG:2154"


def roads(*lines: LineString, **columns: object) -> gpd.GeoDataFrame:
    """Canonical roads: two-way streets at 10 m/s unless a column says otherwise."""
    n = len(lines)
    table: dict[str, object] = {
        "road_id": [f"R{k}" for k in range(n)],
        "name": [f"rue {k}" for k in range(n)],
        "nature": ["Route à 1 chaussée"] * n,
        "importance": [5] * n,
        "lanes": [2] * n,
        "width": [np.nan] * n,
        "direction": ["both"] * n,
        "speed": [10.0] * n,
        "access": ["free"] * n,
        "level": [0] * n,
        "in_service": [True] * n,
        "drivable": [True] * n,
    }
    return gpd.GeoDataFrame({**table, **columns}, geometry=list(lines), crs=CRS)


def line(*xy: tuple[float, ...]) -> LineString:
    return LineString(xy)


def test_roads_are_joined_at_equal_end_points_only() -> None:
    net = Network.from_roads(
        roads(line((0, 0), (10, 0)), line((10, 0), (20, 5)), line((20, 5.0000001), (30, 5)))
    )
    assert net.nodes == 5  # a tenth of a micrometre is another place
    assert sorted(np.bincount(net.weak_component).tolist()) == [2, 3]


@pytest.mark.parametrize("level", [0, 1])
def test_roads_that_only_cross_are_not_joined(level: int) -> None:
    """A bridge over a street, and two lines drawn over each other: neither is a junction."""
    net = Network.from_roads(roads(line((0, 0), (20, 0)), line((10, -10), (10, 10)), level=[0, level]))
    assert net.nodes == 4
    assert net.weak_component.max() == 1


def test_a_vertex_in_the_middle_is_no_junction() -> None:
    net = Network.from_roads(roads(line((0, 0), (10, 0), (20, 0)), line((10, 0), (10, 10))))
    assert net.nodes == 4


def test_z_plays_no_part() -> None:
    net = Network.from_roads(
        roads(LineString([(0, 0, -1000), (10, 0, -1000)]), LineString([(10, 0, 12.5), (20, 0, float("nan"))]))
    )
    assert net.nodes == 3


def test_minus_zero_is_zero() -> None:
    assert Network.from_roads(roads(line((-0.0, 5), (10, 0)), line((0.0, 5), (20, 0)))).nodes == 3


def test_directions() -> None:
    net = Network.from_roads(
        roads(
            line((0, 0), (10, 0)),
            line((10, 0), (20, 0)),
            line((20, 0), (30, 0)),
            line((30, 0), (40, 0)),
            direction=["both", "forward", "backward", "none"],
        )
    )
    x = net.node_x
    ends = [
        (int(s), float(x[a]), float(x[b]))
        for s, a, b in zip(net.segment, net.link_from, net.link_to, strict=True)
    ]
    assert ends == [
        (0, 0.0, 10.0),
        (0, 10.0, 0.0),
        (1, 10.0, 20.0),
        (2, 30.0, 20.0),
        (3, 30.0, 40.0),
        (3, 40.0, 30.0),
    ]
    assert net.forward.tolist() == [True, False, True, False, True, False]
    assert net.report()["segments_without_direction_taken_both_ways"] == 1


def test_geometry_runs_along_the_link() -> None:
    net = Network.from_roads(
        roads(line((0, 0), (5, 3), (10, 0)), line((10, 0), (20, 0)), direction=["both", "backward"])
    )
    for a, shape in enumerate(net.link_geometry()):
        assert shape.coords[0] == (net.node_x[net.link_from[a]], net.node_y[net.link_from[a]])
        assert shape.coords[-1] == (net.node_x[net.link_to[a]], net.node_y[net.link_to[a]])
        assert shapely.length(shape) == pytest.approx(net.length[a])


def test_self_loops_duplicates_and_parallel_links_stay() -> None:
    net = Network.from_roads(
        roads(
            line((0, 0), (10, 0)),
            line((0, 0), (10, 0)),  # drawn twice
            line((0, 0), (5, 5), (10, 0)),  # the other way round the block
            line((0, 0), (3, 3), (-3, 3), (0, 0)),  # a loop
        )
    )
    assert net.links == 8
    report = net.report()
    assert report["self_loops"] == 2
    assert report["parallel_links"] == 8 - 3


def test_stars_list_every_link_once() -> None:
    net = Network.from_roads(roads(*[line((k, 0), ((k * 7) % 13, 1)) for k in range(13)]))
    for ptr, link, end in (
        (net.out_ptr, net.out_link, net.link_from),
        (net.in_ptr, net.in_link, net.link_to),
    ):
        assert sorted(link.tolist()) == list(range(net.links))
        for node in range(net.nodes):
            assert (end[link[ptr[node] : ptr[node + 1]]] == node).all()


def test_what_is_dropped_is_said() -> None:
    kept = line((0, 0), (10, 0))
    net = Network.from_roads(
        roads(
            kept,
            line((10, 0), (20, 0)),
            line((10, 0), (30, 0)),
            line((10, 0), (40, 0)),
            line((10, 0), (50, 0)),
            line((10, 0), (60, 0)),
            line((5, 5), (5, 5)),
            speed=[10.0, np.nan, 1 / 3.6, 10.0, 10.0, 10.0, 10.0],
            drivable=[True, True, True, False, True, True, True],
            access=["free", "free", "free", "free", "impossible", "restricted", "free"],
        )
    )
    assert len(net.segments) == 1
    assert net.report()["dropped"] == {
        "no access": 1,
        "no length": 1,
        "no speed": 2,
        "not drivable": 1,
        "restricted access": 1,
    }


def test_no_road_for_cars() -> None:
    with pytest.raises(InputError, match="not one of 1 roads"):
        Network.from_roads(roads(line((0, 0), (1, 0)), drivable=[False]))


def test_missing_columns_are_named() -> None:
    with pytest.raises(InputError, match="direction, speed"):
        Network.from_roads(roads(line((0, 0), (1, 0))).drop(columns=["direction", "speed"]))


def test_capacity_by_nature_importance_and_lanes() -> None:
    shape = [line((k, 0), (k + 1, 0)) for k in range(7)]
    net = Network.from_roads(
        roads(
            *shape,
            nature=["Type autoroutier", "Bretelle", *["Route à 1 chaussée"] * 4, "inconnue"],
            importance=[1, 3, 1, 4, 4, 4, 0],
            lanes=[3, 0, 2, 1, 3, 4, 0],
            direction=["forward", "forward", *["both"] * 4, "forward"],
        )
    )
    first = [int(np.flatnonzero(net.segment == s)[0]) for s in range(7)]
    assert net.lanes[first].tolist() == [3, 1, 1, 1, 1, 2, 1]
    assert net.capacity[first].tolist() == [5700.0, 1300.0, 1400.0, 400.0, 800.0, 1600.0, 600.0]


def test_every_capacity_has_a_source() -> None:
    table = capacity_table()
    assert table[-1][:2] == ("*", "*")
    assert all(300 <= capacity <= 2400 or nature == "chemin" for nature, _, _, capacity in table)


def test_cells_under_a_segment() -> None:
    grid = Grid(CRS, 0.0, 30.0, 10.0, 3, 4)
    net = Network.from_roads(
        roads(line((5, 25), (25, 25)), line((35, 5), (60, 5)), line((100, 0), (120, 0))), grid
    )
    cells = [net.cell_index[a:b].tolist() for a, b in zip(net.cell_ptr[:-1], net.cell_ptr[1:], strict=True)]
    assert cells == [[0, 1, 2], [11], []]
    assert net.cell_length.tolist() == pytest.approx([5.0, 10.0, 5.0, 5.0])


def test_components_and_anchors() -> None:
    """A ring with a one-way way out, and a far village that no road joins."""
    ring = [line((0, 0), (10, 0)), line((10, 0), (10, 10)), line((10, 10), (0, 0))]
    village = [line((500, 0), (510, 0)), line((510, 0), (520, 0))]
    scrap = [line((300, 0), (301, 0))]
    net = Network.from_roads(
        roads(*ring, line((10, 10), (50, 50)), *village, *scrap, direction=["forward"] * 4 + ["both"] * 3)
    )
    assert net.report()["nodes_in_main_strong_component"] == 3
    assert net.report()["weak_components"] == 3
    node, distance = net.nearest_node([48.0, 505.0], [48.0, 0.0])
    assert (net.node_x[node[0]], net.node_y[node[0]]) == (10.0, 10.0)  # not the end of the way out
    assert net.node_x[node[1]] in (500.0, 510.0)
    assert distance[1] == pytest.approx(5.0)
    assert net.nearest_node([302.0], [0.0], among=np.ones(net.nodes, bool))[1][0] == pytest.approx(1.0)
