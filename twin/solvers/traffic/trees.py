"""Shortest-path trees of many origins, on all threads where that is worth it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.solvers.traffic.kernels import grow_trees, grow_trees_alone

if TYPE_CHECKING:
    from twin.solvers.traffic.problem import AssignmentNetwork, Floats, Ints

BLOCKS = 16  # of origins; fixed, so that nothing depends on the number of threads
ALONE = 30_000  # origins × links: fewer are done by one thread (same answer) sooner than the others wake


def grow(network: AssignmentNetwork, origin_node: Ints, cost: Floats, distance: Floats, entry: Ints) -> None:
    """Trees from nodes (o,) at costs (m,) in star order: fills `distance` and `entry`, both (o, n)."""
    star = network.star
    trees = (origin_node, star.out_ptr, star.head, cost, network.through, distance, entry)
    if origin_node.size * network.links < ALONE:
        grow_trees_alone(*trees)
    else:
        grow_trees(*trees, min(BLOCKS, origin_node.size))
