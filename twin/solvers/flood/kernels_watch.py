# mypy: ignore-errors
"""Sections and gauges after each step (numba)."""

from __future__ import annotations

import math

from numba import njit

from twin.solvers.flood.hazards import SPEED_DEPTH
from twin.solvers.flood.kernels import DEPTH, DISCHARGE_X, DISCHARGE_Y

# sections[k]: m³ to its left since the start and since the last reading (each with its compensation), least
# and highest mean discharge of a step since then (m³/s), what crests and structures passed in the step under
# way (m³)
TOTAL, SINCE, LOW, HIGH, PASSED = 0, 2, 4, 5, 6
NUMBERS = 7
NEW_SECTION = (0.0, 0.0, math.inf, -math.inf)  # SINCE to PASSED where an interval begins
# extremes[:, k] of a gauge since the last reading: lowest and highest depth (m), highest speed (m/s)
LOWEST, HIGHEST, FASTEST = 0, 1, 2
NEW_GAUGE = (math.inf, -math.inf, 0.0)
# found[:, k] of a gauge: depth now, extremes of the interval (m, m/s), velocity to the east and north (m/s)
NOW, EXTREMES, EAST, NORTH = 0, 1, 4, 5
FOUND = 6


@njit(error_model="numpy")
def add(numbers, k, x):
    """Add x to the sum numbers[k] with its compensation in numbers[k + 1] (Neumaier 1974)."""
    old = numbers[k]
    new = old + x
    if abs(old) >= abs(x):
        numbers[k + 1] += (old - new) + x
    else:
        numbers[k + 1] += (x - new) + old
    numbers[k] = new


@njit(error_model="numpy")
def look_at_gauges(watch, state, dry):
    """Take in the state at the gauges; watch: as for :func:`look`."""
    rows, columns, extremes = watch[4], watch[5], watch[6]
    for g in range(rows.size):
        depth = state[DEPTH, rows[g], columns[g]]
        extremes[LOWEST, g] = min(extremes[LOWEST, g], depth)
        extremes[HIGHEST, g] = max(extremes[HIGHEST, g], depth)
        if depth >= dry and depth > SPEED_DEPTH:
            u = state[DISCHARGE_X, rows[g], columns[g]] / depth
            v = state[DISCHARGE_Y, rows[g], columns[g]] / depth
            extremes[FASTEST, g] = max(extremes[FASTEST, g], math.hypot(u, v))


@njit(cache=True, error_model="numpy")
def look(watch, edge_flux, dt, cell, state, dry):
    """Take in a step of dt (s) that led to `state`; edge_flux: see `kernels_edges`.

    watch: where the faces of each section begin (n + 1,), these in edge_flux, 1 where that flux goes to the
    left of the section, else -1, the sections (n, NUMBERS), padded rows and columns of the gauges, extremes.
    """
    first, flux, sign, sections = watch[0], watch[1], watch[2], watch[3]
    for k in range(sections.shape[0]):
        passed = 0.0
        for p in range(first[k], first[k + 1]):
            passed += edge_flux[flux[p]] * sign[p]
        volume = passed * dt * cell + sections[k, PASSED]
        sections[k, PASSED] = 0.0
        add(sections[k], TOTAL, volume)
        add(sections[k], SINCE, volume)
        sections[k, LOW] = min(sections[k, LOW], volume / dt)
        sections[k, HIGH] = max(sections[k, HIGH], volume / dt)
    look_at_gauges(watch, state, dry)


@njit(cache=True, error_model="numpy")
def begin_interval(watch, state, dry, found):
    """Put what the gauges saw in the interval that ends and see now into `found`; sections and gauges begin
    the next one with `state`.
    """
    sections, rows, columns, extremes = watch[3], watch[4], watch[5], watch[6]
    look_at_gauges(watch, state, dry)
    for g in range(rows.size):
        depth = state[DEPTH, rows[g], columns[g]]
        east, north = state[DISCHARGE_X, rows[g], columns[g]], -state[DISCHARGE_Y, rows[g], columns[g]]
        found[NOW, g] = depth
        found[EAST, g] = east / depth if depth >= dry else 0.0
        found[NORTH, g] = north / depth if depth >= dry else 0.0
        for k in range(3):
            found[EXTREMES + k, g] = extremes[k, g]
            extremes[k, g] = NEW_GAUGE[k]
    for s in range(sections.shape[0]):
        for k in range(4):
            sections[s, SINCE + k] = NEW_SECTION[k]
    look_at_gauges(watch, state, dry)
