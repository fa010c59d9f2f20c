"""Validation of the flood solver: cases with a known answer, first against second order.

`make validate` runs them all through `tests/flood/test_validation.py` and writes `benchmarks/VALIDATION.md`.
"""
