"""A synthetic city of the size of a regional model: 1800 zones, 13,000 nodes, 39,000 links, 1.9 million
pairs.

Streets on a broken grid (motorways every twelfth, main roads every fourth, a part of the small streets one
way), zones denser towards the middle with one to four connectors that nobody drives through, cost functions
of several b and powers, gravity demand scaled to a mean volume / capacity of the streets. No real network is
copied.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree

from twin.solvers.traffic import AssignmentNetwork, Trips, assign


def city(
    side: int = 106,
    zones: int = 1800,
    links: int = 39_000,
    pairs: int = 1_900_000,
    saturation: float = 0.6,
    seed: int = 2026,
) -> tuple[AssignmentNetwork, Trips]:
    """Network (minutes, vehicles an hour) and trips; the same for the same arguments."""
    rng = np.random.default_rng(seed)
    n = side * side
    row, column = np.divmod(np.arange(n), side)
    east, south = np.flatnonzero(column < side - 1), np.flatnonzero(row < side - 1)
    tail, head = np.concatenate([east, south]), np.concatenate([east + 1, south + side])
    across = np.concatenate([row[east], column[south]])
    rank = np.select([across % 12 == 5, across % 4 == 1], [0, 1], 2)  # motorway, main road, street

    # A spanning tree both ways keeps all joined; then larger roads first, a part of the streets one way.
    weight = rng.random(tail.size) + rank
    tree = minimum_spanning_tree(coo_array((weight, (tail, head)), shape=(n, n)).tocsr()).tocoo()
    in_tree = np.isin(tail * n + head, tree.row * n + tree.col)
    connectors = rng.choice([1, 2, 3, 4], zones, p=[0.2, 0.4, 0.3, 0.1])
    rest = np.flatnonzero(~in_tree)
    rest = rest[np.argsort(weight[rest])]
    one_way = (rng.random(rest.size) < 0.3) & (rank[rest] == 2)
    room = links - 2 * int(in_tree.sum()) - 2 * int(connectors.sum())
    taken = np.cumsum(np.where(one_way, 1, 2)) <= room
    both = np.concatenate([np.flatnonzero(in_tree), rest[taken & ~one_way]])
    single = rest[taken & one_way]
    turned = rng.random(single.size) < 0.5
    begin = np.concatenate([tail[both], head[both], np.where(turned, head[single], tail[single])])
    end = np.concatenate([head[both], tail[both], np.where(turned, tail[single], head[single])])
    kind = np.concatenate([rank[both], rank[both], rank[single]])
    minutes = 60.0 * rng.uniform(0.15, 0.4, begin.size) / np.array([90.0, 50.0, 30.0])[kind]
    capacity = np.array([4000.0, 1600.0, 600.0])[kind] * rng.uniform(0.8, 1.2, begin.size)
    b = np.array([0.15, 0.5, 0.8])[kind]
    power = rng.choice([4.0, 4.0, 4.0, 2.0, 6.0, 3.5], begin.size)

    density = np.exp(-np.hypot(row - side / 2, column - side / 2) / (side / 3))
    at = rng.choice(n, zones, replace=False, p=density / density.sum())
    owner = np.repeat(np.arange(zones), connectors)
    number = np.concatenate([np.arange(count) for count in connectors])
    street = at[owner] + np.array([0, 1, side, -1])[number]
    street = np.where((street < 0) | (street >= n), at[owner], street)
    access = np.tile(rng.uniform(0.3, 1.0, owner.size), 2)

    def with_access(values: np.ndarray, value: float) -> np.ndarray:
        return np.append(values, np.full(access.size, value))

    network = AssignmentNetwork.create(
        n + zones,
        np.concatenate([begin + zones, owner, street + zones]),
        np.concatenate([end + zones, street + zones, owner]),
        zone_node=np.arange(zones),
        free_time=np.append(minutes, access),
        capacity=with_access(capacity, 1e6),
        b=with_access(b, 0.0),
        power=with_access(power, 0.0),
        through=np.arange(n + zones) >= zones,
        where="city",
    )
    size = rng.lognormal(0.0, 0.7, zones)
    away = np.hypot(row[at][:, None] - row[at], column[at][:, None] - column[at])
    gravity = (size[:, None] * size * np.exp(-away / 20.0)).ravel()
    gravity[:: zones + 1] = 0.0
    chosen = np.argsort(-gravity * rng.exponential(1.0, gravity.size))[:pairs]
    trips = Trips.from_pairs(zones, chosen // zones, chosen % zones, gravity[chosen])
    streets = network.b > 0
    for _ in range(3):  # the more there is, the longer the ways: scaled again
        found = assign(network, trips, gap=1e-9, max_iterations=2)
        trips = trips.times(saturation / float((found.volume / network.capacity)[streets].mean()))
    return network, trips
