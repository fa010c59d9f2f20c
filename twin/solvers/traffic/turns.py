"""Turn bans and turn costs: a junction that has some becomes a small network of its own.

The links that enter an affected node end at nodes of their own, those that leave it begin at nodes of their
own, and every turn that is allowed is a link between them with the cost of the turn. Other nodes stay as they
are. Where zones are attached to an affected node, it stays as their node: trips begin and end there, none
passes.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twin.errors import Problems
from twin.solvers.traffic.problem import AssignmentNetwork


def expand(
    network: AssignmentNetwork, from_link: ArrayLike, to_link: ArrayLike, cost: ArrayLike = np.inf
) -> AssignmentNetwork:
    """The network with some turns banned (cost inf) or made dearer; its first m links are those of `network`,
    in their order, then come the turns.

    Parameters
    ----------
    from_link, to_link : (k,) links; the first must end where the second begins.
    cost : (k,) or a number, ≥ 0 in the unit of the link costs.

    Raises
    ------
    InputError
        Links that do not meet, costs that are negative or no number; all at once.
    """
    first, second = np.asarray(from_link, np.int64).ravel(), np.asarray(to_link, np.int64).ravel()
    prices = np.broadcast_to(np.asarray(cost, np.float64), first.shape)
    problems = Problems()
    bad = ~(prices >= 0)
    for k in np.flatnonzero(bad)[:1]:
        problems.tell(network.where, "turns.cost", "traffic.turn_cost", cost=prices[k], count=int(bad.sum()))
    apart = network.link_to[first] != network.link_from[second]
    for k in np.flatnonzero(apart)[:1]:
        links = {"first": first[k], "second": second[k], "count": int(apart.sum())}
        problems.tell(network.where, "turns", "traffic.turn_apart", **links)
    problems.raise_if_any()
    price: dict[tuple[int, int], float] = {}
    for a, b, value in zip(first.tolist(), second.tolist(), prices.tolist(), strict=True):
        price[a, b] = max(price.get((a, b), 0.0), value)
    nodes = np.unique(network.link_to[first])
    nodes = nodes[network.through[nodes]]  # nobody turns where nobody passes
    zones = set(network.zone_node.tolist())
    link_from, link_to, through = network.link_from.copy(), network.link_to.copy(), network.through.copy()
    tails: list[int] = []
    heads: list[int] = []
    fixed: list[float] = []
    count = network.nodes
    for node in nodes.tolist():
        entering = np.flatnonzero(network.link_to == node)
        leaving = np.flatnonzero(network.link_from == node)
        inner = np.arange(count, count + entering.size + leaving.size)
        count += inner.size
        ends, starts = inner[: entering.size], inner[entering.size :]
        link_to[entering], link_from[leaving] = ends, starts
        for a, end in zip(entering.tolist(), ends.tolist(), strict=True):
            for b, start in zip(leaving.tolist(), starts.tolist(), strict=True):
                value = price.get((a, b), 0.0)
                if value < np.inf:
                    tails.append(end)
                    heads.append(start)
                    fixed.append(value)
        if node in zones:
            through[node] = False
            for end in ends.tolist():
                tails.append(end)
                heads.append(node)
                fixed.append(0.0)
            for start in starts.tolist():
                tails.append(node)
                heads.append(start)
                fixed.append(0.0)
    turns = len(tails)
    first_id = int(network.link_id.max(initial=-1)) + 1

    def longer(values: NDArray[np.float64], value: float) -> NDArray[np.float64]:
        return np.append(values, np.full(turns, value))

    return replace(
        network,
        nodes=count,
        through=np.append(through, np.ones(count - network.nodes, bool)),
        link_from=np.append(link_from, np.asarray(tails, np.int32)),
        link_to=np.append(link_to, np.asarray(heads, np.int32)),
        free_time=longer(network.free_time, 0.0),
        capacity=longer(network.capacity, 1.0),
        b=longer(network.b, 0.0),
        power=longer(network.power, 1.0),
        fixed=np.append(network.fixed, fixed),
        conical=longer(network.conical, 0.0),
        link_id=np.append(network.link_id, np.arange(first_id, first_id + turns)),
    )
