"""Shallow-water floods on square cells."""

from pathlib import Path

from twin.solvers.stale import forget_stale_kernels

forget_stale_kernels(Path(__file__).parent, "hazards.py")
