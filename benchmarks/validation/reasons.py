"""Why a figure of the table misses what is asked, by case and norm."""

from __future__ import annotations

REASONS: dict[tuple[str, str], str] = {
    ("MacDonald type, with a jump", "L1 hu, 200 cells"): (
        "Not mended. The discharge errs beside the jump, beyond the five cells that are left out; on twice as"
        " many cells the second order has 9e-5 (order 2.7)."
    ),
}
