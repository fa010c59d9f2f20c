"""``twin bench``: the flood engine measured on this machine, beside its limits and a peer."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numba

from twin.bench import peers, report, roofline
from twin.bench.cases import LEAST_CELLS, Case, chosen
from twin.bench.measure import Figure, Plan, best_of, pairs, precisions, warm
from twin.errors import Problems
from twin.jit import compiling


def bench(
    names: Sequence[str] = (),
    *,
    threads: Sequence[int] = (),
    cells: int = 0,
    repeat: int = 0,
    full: bool = False,
    with_peers: bool = True,
    told: Callable[[Figure, int, int], None] | None = None,
) -> dict[str, Any]:
    """Measure the cases with every scheme and precision. Without names: about a minute of the short cases.

    Parameters
    ----------
    threads : counts to try. repeat : runs of which the best counts. full : all cases. Where nothing is said:
        one run on all threads, or (`full`, or with names) the best of three on one and on all.
    cells : per side, for the cases that scale; 0: their own.
    with_peers : run ANUGA beside BENCH-A where it is installed.
    told : called with each run as it ends, its number and how many there will be.

    Returns
    -------
    The record of `twin.bench.report`.

    Raises
    ------
    InputError
        No case has that name; threads that numba has not; fewer than LEAST_CELLS cells.
    SolverError
        A case stopped.
    """
    cases = chosen(list(names), full=full)
    most = int(numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    problems = Problems()
    for n in threads:
        if not 1 <= n <= most:
            problems.tell("twin bench", "--threads", "bench.bad_threads", found=n, most=most)
    if 0 < cells < LEAST_CELLS:
        problems.tell("twin bench", "--cells", "bench.bad_cells", found=cells, least=LEAST_CELLS)
    problems.raise_if_any()
    short = not names and not full
    counts = list(dict.fromkeys(threads)) or ([most] if short else sorted({1, most}))
    repeat = repeat or (1 if short else 3)
    plans = {case.name: _plans(case, counts) for case in cases}
    number, runs = itertools.count(1), repeat * sum(map(len, plans.values()))

    def tell(figure: Figure) -> None:
        if told is not None:
            told(figure, next(number), runs)

    figures: list[Figure] = []
    with compiling() as compiled:
        warm(max(counts))
        limits = [roofline.measure(precision, n) for precision in precisions() for n in counts]
        for case in cases:
            figures += best_of(
                case, plans[case.name], cells=cells if case.cells else 0, repeat=repeat, told=tell
            )
    beside = []
    if with_peers and any(case.name == "bench_a" for case in cases):
        peer = peers.anuga(min(cells or 250, 250), 60.0)
        if peer is not None:
            beside.append(peer)
    return report.record(figures, limits, beside, compiled.seconds)


def _plans(case: Case, counts: Sequence[int]) -> list[Plan]:
    """Every scheme and precision on so many threads, with own steps too where they are the point."""
    plans = [Plan(scheme, precision, n) for scheme, precision in pairs() for n in counts]
    if case.own_steps:
        own = [plan._replace(local_time_steps=True) for plan in plans]
        plans += [plan for plan in own if plan.scheme != "local_inertial"]
    return plans
