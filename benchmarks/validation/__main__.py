"""`python -m benchmarks.validation [--hold | --page] [CASE …]`: run cases, or those that are missing, and
write the table; `--hold`: keep their figures as those that may not slip (see `held`); `--page`: run nothing,
write the table of what was kept.
"""

from __future__ import annotations

import sys
import time

from benchmarks.validation.case import RESULTS, ROOT, run_case
from benchmarks.validation.cases import DATA, all_cases
from benchmarks.validation.held import hold
from benchmarks.validation.page import report


def main(wanted: list[str]) -> int:
    """Exit code: 2 where a case is not known."""
    keep, only_page = "--hold" in wanted, "--page" in wanted
    wanted = [name for name in wanted if name not in ("--hold", "--page")]
    cases = {case.__name__: case for case in all_cases(DATA)}
    if unknown := sorted(set(wanted) - set(cases)):
        print(f"no such case: {', '.join(unknown)}; there are {', '.join(cases)}")
        return 2
    for name, case in cases.items():
        if only_page or (wanted and name not in wanted):
            continue
        began = time.perf_counter()
        rows = [row for family in run_case(case) for row in family.rows]
        if keep:
            hold(rows)
        for row in rows:
            print(f"{row.mark()} {row.case}: {row.norm}: {row.first:.4g} {row.second:.4g}"
                  f" (asked: {row.asked()}; order {row.order})", flush=True)  # fmt: skip
        print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)
    done = [name for name in cases if (RESULTS / f"{name}.json").exists()]
    report(done, ROOT / "benchmarks" / "VALIDATION.md")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
