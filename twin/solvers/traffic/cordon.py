"""Through traffic: what enters and leaves a network where the edge of the data cuts its important roads."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from twin.network import Network
from twin.solvers.traffic.problem import Floats, Ints

APART = 150.0  # m: two ends nearer than this are the two carriageways of one road


@dataclass(frozen=True, eq=False)
class Cordon:
    """Nodes (c,) where roads are cut, their names, and the capacity (veh/h) of the links that lead in (from
    the node) and out (to it); 0 where a carriageway has one direction only.
    """

    node: Ints
    names: tuple[str, ...]
    capacity_in: Floats
    capacity_out: Floats

    @classmethod
    def of(cls, network: Network, importance: int) -> Cordon:
        """The ends of roads of an importance up to `importance` at which no other road begins.

        Cul-de-sacs of such roads inside a territory would count too; important roads have none.
        """
        ends = np.concatenate([network.link_from, network.link_to])
        segment = np.concatenate([network.segment, network.segment])
        pairs = np.unique(np.column_stack([ends, segment]), axis=0)
        roads = np.bincount(pairs[:, 0], minlength=network.nodes)
        rank = network.segments["importance"].fillna(9).to_numpy(np.float64)
        own = np.full(network.nodes, -1)
        own[pairs[:, 0]] = pairs[:, 1]
        node = np.flatnonzero((roads == 1) & (rank[own] <= importance))
        inward, outward = np.zeros(network.nodes), np.zeros(network.nodes)
        np.add.at(inward, network.link_from, network.capacity)
        np.add.at(outward, network.link_to, network.capacity)
        roads_named = network.segments.iloc[own[node]]
        title = roads_named["road_id"].astype(str)
        if "name" in roads_named:
            said = roads_named["name"].fillna("").astype(str)
            title = said.where(said != "", title)
        places = zip(title, network.node_x[node], network.node_y[node], strict=True)
        names = tuple(f"→← {name} ({x:.0f} {y:.0f})" for name, x, y in places)
        return cls(node.astype(np.int32), names, inward[node], outward[node])

    def trips(
        self,
        network: Network,
        share: float,
        through: float,
        times: Floats,
        leaving: Floats,
        attraction: Floats,
    ) -> Floats:
        """Trips (veh/h) that have an end at the cordon, as a table (z + c, z + c) of zones and cordon nodes.

        `share` of the capacity enters and leaves. Of what enters at a node, `through` leaves at the others in
        proportion to their capacity (not beside itself), the rest ends in zones in proportion to
        `attraction`; what leaves and does not pass through begins in zones in proportion to `leaving`. What
        no road joins has no trips.

        Parameters
        ----------
        times : (z + c, z + c), inf where there is no route. leaving, attraction : (z,).
        """
        zones, points = leaving.size, self.node.size
        table = np.zeros((zones + points, zones + points))
        reach = np.isfinite(times)
        place = np.asarray(shapely.points(network.node_x[self.node], network.node_y[self.node]))
        beside = np.asarray(shapely.distance(place[:, None], place[None, :])) < APART
        others = np.where(reach[zones:, zones:] & ~beside, self.capacity_out[None, :], 0.0)
        table[zones:, zones:] = share * through * self.capacity_in[:, None] * _rows(others)
        ends = np.where(reach[zones:, :zones], attraction[None, :], 0.0)
        table[zones:, :zones] = share * (1.0 - through) * self.capacity_in[:, None] * _rows(ends)
        begins = np.where(reach[:zones, zones:], leaving[:, None], 0.0)
        table[:zones, zones:] = share * (1.0 - through) * self.capacity_out[None, :] * _rows(begins.T).T
        return table


def _rows(weights: Floats) -> Floats:
    """Each row divided by its sum; a row of zeros stays."""
    total = weights.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(weights, total, out=np.zeros_like(weights), where=total > 0))
