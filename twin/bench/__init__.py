"""``twin bench``: the flood engine measured on this machine, beside its limits and a peer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numba

from twin.bench import peers, report
from twin.bench.cases import chosen
from twin.bench.measure import Figure, pairs, precisions, run, warm
from twin.bench.roofline import measure
from twin.jit import compiling


def bench(
    names: Sequence[str] = (),
    *,
    threads: Sequence[int] = (),
    cells: int = 0,
    repeat: int = 0,
    full: bool = False,
    with_peers: bool = True,
    told: Callable[[Figure], None] | None = None,
) -> dict[str, Any]:
    """Measure the cases with every scheme and precision. Without names: about a minute of the short cases.

    Parameters
    ----------
    threads : counts to try. repeat : runs of which the best counts. full : all cases. Where nothing is said:
        one run on all threads, or (`full`, or with names) the best of three on one and on all.
    cells : per side, for the cases that scale; 0: their own.
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
    cases = chosen(list(names), full=full)
    most = int(numba.config.NUMBA_NUM_THREADS)  # type: ignore[attr-defined]
    short = not names and not full
    counts = [n for n in (threads or ([most] if short else sorted({1, most}))) if 1 <= n <= most]
    repeat = repeat or (1 if short else 3)
    with compiling() as compiled:
        warm(max(counts))
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
    return report.record(figures, limits, beside, compiled.seconds)
