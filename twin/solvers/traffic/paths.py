"""Flows by origin that an assignment ended with: to go on from after a change, and to follow routes through
links.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin.solvers.traffic.kernels_paths import repair, select
from twin.solvers.traffic.kernels_trees import carry_trees
from twin.solvers.traffic.pas import Pairs, RowFlows, State

if TYPE_CHECKING:
    from twin.solvers.traffic.problem import AssignmentNetwork, Bools, Floats, Loading, Trips


@dataclass(frozen=True, eq=False)
class Paths:
    """The state of an assignment by paired alternative segments, explicit and never changed.

    ``trips`` are those of an assignment of one class; ``served`` (p,) says which pairs of the loading have a
    route (their trips are in the flows).
    """

    network: AssignmentNetwork
    loading: Loading
    trips: Trips | None
    state: State
    served: Bools

    @property
    def flows(self) -> RowFlows:
        """The flows by row."""
        return self.state.flows


@dataclass(frozen=True, eq=False)
class Selected:
    """Who uses some links: their flow on every link (m,) (passenger cars, network order), and the share of
    each pair of the trips that takes one of them (p,). Routes in proportion, see `kernels_paths`.
    """

    volume: Floats
    pair_share: Floats


def select_links(paths: Paths, links: NDArray[np.integer] | Bools) -> Selected:
    """Routes that use any of the links (numbers or a mask in the network's order)."""
    network, loading = paths.network, paths.loading
    star = network.star
    chosen = np.zeros(network.links, np.bool_)
    chosen[links] = True
    volume, share = np.zeros(network.links), np.zeros(loading.pair_node.size)
    select(
        chosen[star.order], loading.pair_ptr, loading.pair_node,
        np.where(paths.served, loading.pair_trips, 0.0), paths.flows.row_ptr, paths.flows.link,
        paths.flows.flow.copy(), star.tail, star.head, star.out_ptr, star.in_ptr, star.in_link, volume, share,
    )  # fmt: skip
    by_pair = np.zeros(loading.pairs)
    by_pair[loading.pair_index] = share
    return Selected(star.scatter(volume), by_pair)


def carry_over(paths: Paths, network: AssignmentNetwork, loading: Loading) -> tuple[State, Floats]:
    """Flows, pairs and trees of `paths` made to fit another network and other trips, and the trips (p,) of
    `loading` that are not in these flows.

    Links are the same where their `link_id` is. Trips that lose their route, in proportion, and those that
    are new are left out; trips that become more or fewer change on the routes that they have.

    Raises
    ------
    ValueError
        The two networks do not have the same nodes.
    """
    old, before = paths.network, paths.loading
    if network.nodes != old.nodes:
        raise ValueError(f"a start on {old.nodes} nodes for a network of {network.nodes}")
    # Rows and pairs of both, side by side.
    if np.array_equal(before.pair_ptr, loading.pair_ptr) and all(
        np.array_equal(getattr(before, name), getattr(loading, name))
        for name in ("row_class", "origin_node", "pair_node")
    ):
        pair_ptr, pair_node, row_ptr = before.pair_ptr, before.pair_node, paths.flows.row_ptr
        trips = np.asarray(np.where(paths.served, before.pair_trips, 0.0))
        change = loading.pair_trips - trips
        link, flow = paths.flows.link, paths.flows.flow.copy()
        old_row = pair_here = None
        old_class = before.row_class
        tree_row = np.arange(loading.rows)
    else:
        n = np.int64(network.nodes)
        row_before, row_here = (x.row_class * n + x.origin_node for x in (before, loading))
        rows = np.union1d(row_before, row_here)
        key_before, key_here = (
            np.repeat(row, np.diff(x.pair_ptr)) * n + x.pair_node
            for row, x in ((row_before, before), (row_here, loading))
        )
        keys = np.union1d(key_before, key_here)
        pair_ptr = np.append(np.searchsorted(keys, rows * n), keys.size)
        pair_node = (keys % n).astype(np.int32)
        pair_here = np.searchsorted(keys, key_here)
        served = np.where(paths.served, before.pair_trips, 0.0)
        trips = np.zeros(keys.size)
        np.add.at(trips, np.searchsorted(keys, key_before), served)
        change = np.bincount(pair_here, weights=loading.pair_trips, minlength=keys.size) - trips
        old_row = np.searchsorted(rows, row_before)
        old_class = (rows // n).astype(np.int32)
        counts = np.zeros(rows.size, np.int64)
        counts[old_row] = np.diff(paths.flows.row_ptr)
        row_ptr = np.append(0, np.cumsum(counts))
        link, flow = paths.flows.link, paths.flows.flow.copy()
        to_old = np.full(rows.size, -1, np.int64)
        to_old[old_row] = np.arange(row_before.size)
        tree_row = to_old[np.searchsorted(rows, row_here)]
    place = _places(old, network)
    missing = np.zeros(pair_node.size)
    star = old.star
    gone = _gone(place, before.pce.size, loading)
    repair(
        gone, old_class, change, pair_ptr, pair_node, trips, row_ptr, link, flow, star.tail, star.head,
        star.out_ptr, star.in_ptr, star.in_link, missing,
    )  # fmt: skip
    kept = place[link] >= 0  # idle ones too: pairs need them
    row_of = np.repeat(np.arange(row_ptr.size - 1), np.diff(row_ptr))
    pairs = paths.state.pairs
    member_row: NDArray[np.integer] = pairs.member_row
    if old_row is not None and pair_here is not None:
        to_here = np.full(rows.size, -1, np.int64)
        to_here[np.searchsorted(rows, row_here)] = np.arange(row_here.size)
        row_of = to_here[row_of]
        kept &= row_of >= 0
        member_row = to_here[old_row[member_row]]
        # Pairs of trips that share a key (zones on one node): the first takes what is missing.
        of_keys, missing = missing, np.zeros(loading.pair_node.size)
        first, index = np.unique(pair_here, return_index=True)
        missing[index] = of_keys[first]
    here = np.zeros(loading.rows + 1, np.int64)
    np.cumsum(np.bincount(row_of[kept], minlength=loading.rows), out=here[1:])
    link, flow, row_of = place[link[kept]].astype(np.int32), flow[kept], row_of[kept]
    if (np.diff(place[place >= 0]) < 0).any():  # rows are in order in both
        order = np.lexsort((link, row_of))
        link, flow = link[order], flow[order]
    trees = np.empty((loading.rows, network.nodes), np.uint16)
    carry_trees(paths.state.trees, tree_row, star.in_ptr, star.in_link, place, network.star.in_rank, trees)
    return State(RowFlows(here, link, flow), _pairs(pairs, member_row, place, gone), trees), missing


def _places(old: AssignmentNetwork, new: AssignmentNetwork) -> NDArray[np.int64]:
    """(m old,) place in the star of the new network of the link at each place of the old one's; -1: gone."""
    size = int(max(old.link_id.max(initial=-1), new.link_id.max(initial=-1))) + 1
    at = np.full(size, -1, np.int64)
    at[new.link_id[new.star.order]] = np.arange(new.links)
    return np.asarray(at[old.link_id[old.star.order]])


def _gone(place: NDArray[np.int64], classes: int, loading: Loading) -> Bools:
    """(c, m old) whether a link of the old network is gone for a class, or banned to it now."""
    gone = np.tile(place < 0, (max(classes, loading.pce.size), 1))
    for kind, extra in enumerate(loading.extra):
        gone[kind, place >= 0] = np.isinf(extra[place[place >= 0]])
    return gone


def _pairs(pairs: Pairs, member_row: NDArray[np.integer], place: NDArray[np.int64], gone: Bools) -> Pairs:
    """The pairs whose links are still there for their class, and their members whose row is."""
    links = place[pairs.links]
    length = pairs.stop - pairs.start
    kept = np.ones(pairs.kind.size, bool)
    of_pair = np.repeat(np.arange(kept.size), length)
    kept[of_pair[gone[pairs.kind[of_pair], pairs.links]]] = False
    number = np.cumsum(kept) - 1
    there = kept[pairs.member_pair] & (member_row >= 0)
    start = np.cumsum(length[kept]) - length[kept]
    return Pairs(
        kind=pairs.kind[kept],
        start=start,
        middle=start + (pairs.middle - pairs.start)[kept],
        stop=start + length[kept],
        links=links[kept[of_pair]].astype(np.int32),
        member_pair=number[pairs.member_pair[there]].astype(np.int32),
        member_row=member_row[there].astype(np.int32),
    )
