"""BENCH-A of the flood solver: cell-steps per second of the time loop on one and more threads.

2000 × 2000 m, bed z = 1.5 (1 + sin(2πx/400) sin(2πy/400)), water level 10 m within 400 m of the centre,
elsewhere at least 1 m, Manning n = 0.03, walls, 60 s. Maxima, hazards, face crests and the ledger are on. JIT
excluded.

    python benchmarks/bench_flood.py [--cells 500] [--repeat 3] [--threads 1 2] [--assembly]
        [--schemes first_order second_order] [--precisions float64 float32]

`--assembly` compiles the row kernels afresh and counts packed and scalar square roots and divisions in the
code.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
import time

import pytest

DURATION = 60.0
SCHEMES = ("second_order", "first_order", "local_inertial")


def run(cells: int, threads: int, **parameters: object) -> dict[str, float]:
    """One run: rate (cell-steps/s), seconds and steps of the loop, relative mass error."""
    from twin.bench.cases import bench_a
    from twin.solvers.flood.parameters import FloodParameters
    from twin.solvers.flood.solver import FloodSolver

    domain, forcing = bench_a(cells)
    flood = FloodSolver.assemble(domain, forcing, FloodParameters(threads=threads, **parameters))
    t = flood.step(0.0, DURATION)
    start, start_cpu = time.perf_counter(), time.process_time()
    while t < DURATION:
        t, _, _ = flood.advance(t, DURATION)
    seconds, cpu = time.perf_counter() - start, time.process_time() - start_cpu
    books = flood.ledger()
    return {
        "rate": (flood.steps - 1) * cells**2 / seconds,
        "seconds": seconds,
        "cpu_seconds": cpu,
        "steps": flood.steps,
        "mass_error": abs(books["mass_error_m3"]) / books["volume_m3"],
        "limited": flood.limited,
    }


@pytest.mark.parametrize(
    ("scheme", "precision"),
    [(scheme, precision) for scheme in SCHEMES for precision in ("float64", "float32")],
)
def test_bench_a(benchmark, scheme: str, precision: str) -> None:
    """pytest-benchmark: one thread, 250² cells; the rate of the last round is kept beside the seconds."""
    chosen = {"scheme": scheme, "precision": precision}
    result = benchmark.pedantic(run, args=(250, 1), kwargs=chosen, rounds=3, warmup_rounds=1)
    benchmark.extra_info["cell_steps_per_s"] = result["rate"]
    assert result["mass_error"] < (1e-12 if precision == "float64" else 1e-7)


def count_instructions() -> dict[str, dict[str, int]]:
    """Packed and scalar square roots and divisions in the step of the tiles; call with an empty
    NUMBA_CACHE_DIR.
    """
    from twin.solvers.flood import kernels_tile as kernels

    counts = {}
    for precision in ("float64", "float32"):
        run(8, 1, precision=precision)
    for name in ("sweep",):
        for signature in getattr(kernels, name).signatures:
            assembly = getattr(kernels, name).inspect_asm(signature)
            counts[f"{name} {'float64' if 'float64' in str(signature[-6]) else 'float32'}"] = {
                op: len(re.findall(rf"\bv?{op}\b", assembly))
                for op in ("sqrtpd", "sqrtsd", "divpd", "divsd", "sqrtps", "sqrtss", "divps", "divss")
            }
    return counts


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cells", type=int, default=500)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--schemes", nargs="+", default=list(SCHEMES))
    parser.add_argument("--precisions", nargs="+", default=["float64", "float32"])
    parser.add_argument("--assembly", action="store_true")
    options = parser.parse_args()
    if options.assembly:
        with tempfile.TemporaryDirectory() as folder:
            # A cache elsewhere: cached functions keep no assembly.
            os.environ["NUMBA_CACHE_DIR"] = folder
            for name, counts in count_instructions().items():
                print(f"{name:14} " + "  ".join(f"{op} {n}" for op, n in counts.items()))
        return
    cases = [(s, p) for s in options.schemes for p in options.precisions]
    start = time.perf_counter()
    for scheme, precision in cases:
        run(8, 1, scheme=scheme, precision=precision)
    print(f"start-up, JIT included: {time.perf_counter() - start:.1f} s; load {os.getloadavg()[0]:.1f}")
    print(
        "scheme        precision  cells  threads  steps  best s  cpu s   10^6 cell-steps/s"
        "  mass error  limited"
    )
    for scheme, precision in cases:
        for threads in options.threads:
            runs = (
                run(options.cells, threads, scheme=scheme, precision=precision, tiles=False)
                for _ in range(options.repeat)
            )
            best = min(runs, key=lambda r: r["seconds"])
            print(
                f"{scheme:12}  {precision:9}  {options.cells:4d}²  {threads:7d}  {best['steps']:5.0f}"
                f"  {best['seconds']:6.2f} {best['cpu_seconds']:6.2f}  {best['rate'] / 1e6:18.1f}"
                f"  {best['mass_error']:10.1e}  {best['limited']:7.0f}"
            )


if __name__ == "__main__":
    main()
