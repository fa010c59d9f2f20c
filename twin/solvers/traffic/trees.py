"""Shortest-path trees of many origins, on all threads where that is worth it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.solvers.traffic.kernels_trees import grow_trees, grow_trees_alone, mend_trees, mend_trees_alone

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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


def mend(
    network: AssignmentNetwork,
    origin_node: Ints,
    cost: Floats,
    rank: NDArray[np.uint16],
    distance: Floats,
    entry: Ints,
) -> None:
    """The same from the trees of other costs in `rank` (o, n), which become the new ones."""
    star = network.star
    links = (star.out_ptr, star.tail, star.head, star.in_ptr, star.in_link, star.in_rank)
    trees = (origin_node, links, cost, network.through, rank, distance, entry)
    if origin_node.size * network.links < ALONE:
        mend_trees_alone(*trees)
    else:
        mend_trees(*trees, min(BLOCKS, origin_node.size))
