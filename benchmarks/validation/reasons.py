"""Why a figure of the table misses what is asked, by case and norm."""

from __future__ import annotations

REASONS: dict[tuple[str, str], str] = {}
