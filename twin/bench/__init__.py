"""``twin bench``: the flood engine measured on this machine, beside its limits and a peer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numba

from twin.bench import peers, report
from twin.bench.cases import chosen
from twin.bench.measure import Figure, pairs, precisions, run, warm
from twin.bench.roofline import measure


def bench(
    names: Sequence[str] = (),
    *,
    threads: Sequence[int] = (),
    cells: int = 0,
    repeat: int = 3,
    with_peers: bool = True,
    told: Callable[[Figure], None] | None = None,
) -> dict[str, Any]:
    """Measure the cases (all when no name is given) with every scheme and precision.

    Parameters
    ----------
    threads : counts to try; one and all when empty. cells : per side, for the cases that scale; 0: their own.
    with_peers : run ANUGA beside BENCH-A where it is installed.
    told : called with each figure as it comes.

    Returns
    -------
    The record of `twin.bench.report`.

    Raises
    ------
    InputError
        No case has that name.
    """
    cases = chosen(list(names))
    most = int(numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    counts = [n for n in (threads or sorted({1, most})) if 1 <= n <= most]
    compile_seconds = warm(max(counts))
    limits = [measure(precision, n) for precision in precisions() for n in counts]
    figures = []
    for case in cases:
        for scheme, precision in pairs():
            for n in counts:
                figure = run(case, scheme, precision, n, cells=cells if case.cells else 0, repeat=repeat)
                figures.append(figure)
                if told is not None:
                    told(figure)
    beside = []
    if with_peers and any(case.name == "bench_a" for case in cases):
        peer = peers.anuga(min(cells or 250, 250), 60.0)
        if peer is not None:
            beside.append(peer)
    return report.record(figures, limits, beside, compile_seconds)
