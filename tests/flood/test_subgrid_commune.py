"""Cells that carry the terrain on the flood of the sample commune, against its own cells."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.validation import commune


@pytest.mark.slow
def test_a_commune_at_10_m_is_that_of_its_terrain_at_5_m(tmp_path: Path) -> None:
    """First order; what `benchmarks/SUBGRID.md` shows of it, with a margin."""
    ways = {way.name: way for way in commune.WAYS}
    fine = commune.computed(ways[commune.FIRST], tmp_path)
    bed = np.asarray(fine.fields["bed_elevation"].values, dtype=np.float64)
    ground = fine.fields["building_fraction"].values < 0.5
    reference = commune.depth_on_terrain(fine, ways[commune.FIRST], bed)
    off = {}
    for kind in ("subgrid", "mean terrain"):
        way = ways[f"10 m, {kind}, first order"]
        result = commune.computed(way, tmp_path)
        depth = commune.depth_on_terrain(result, way, bed)
        both = (depth > commune.WET) & (reference > commune.WET) & ground
        assert both.sum() * commune.TERRAIN**2 > 1.4e6
        off[kind] = np.sqrt(((depth - reference)[both] ** 2).mean())
        if kind == "subgrid":
            count = result.indicators["buildings_touched"]["value"]
            assert count == pytest.approx(fine.indicators["buildings_touched"]["value"], rel=0.05)
    assert off["subgrid"] < 0.045
    assert off["mean terrain"] > 2.0 * off["subgrid"]
