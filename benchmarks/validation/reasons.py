"""Why a figure of the table misses what is asked, by case and norm."""

from __future__ import annotations

REASONS: dict[tuple[str, str], str] = {
    ("MacDonald type, with a jump", "L1 hu, 200 cells"): (
        "The jump stands a fraction of a cell elsewhere in the two schemes and the discharge errs in the cells"
        " beside the five that are left out; on twice as many cells the second order is at 9e-5 (order 2.7)."
    ),
}
