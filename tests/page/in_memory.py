"""Runs that are in memory only, and their page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import xarray as xr

from twin.grid import Grid
from twin.results import Result
from viz.encode import Blobs
from viz.page import assemble
from viz.page_data import collect


class RunInMemory(Result):
    """A complete run of fields alone; its folder does not exist, so all else is as a run lacks it."""

    def __init__(self, name: str, fields: xr.Dataset, grid: Grid) -> None:
        super().__init__(Path("in-memory") / name)
        self.fields, self.grid = fields, grid
        duration = float(fields["time"].values[-1])
        self.scenario_table = {"name": name, "duration": duration, "solvers": ["flood"]}
        self.provenance = {"status": "complete"}

    @property
    def has_fields(self) -> bool:
        return True


def written(runs: Sequence[RunInMemory], both: Path, path: Path) -> Path:
    """The page of runs that are in memory only; texts are those of another page."""
    blobs = Blobs()
    data = collect(runs, blobs)
    found = both.read_text(encoding="utf-8")
    start = found.index('id="data">') + len('id="data">')
    head = json.loads(found[start : found.index("</script>", start)])
    data |= {key: head[key] for key in ("lang", "languages", "texts", "version", "made", "title")}
    path.write_text(assemble(data, blobs), encoding="utf-8")
    parts = {
        "frames": sum(len(blobs.texts[k]) for s in data["scenarios"] for c in s["chunks"] for k in c),
        "flow": sum(len(blobs.texts[k]) for s in data["scenarios"] if s["flow"] for k in s["flow"]["chunks"]),
        "ground": len(blobs.texts[data["ground"]["blob"]]),
        "terrain": len(blobs.texts[data["bed"]["blob"]]),
        "all": path.stat().st_size,
    }
    print("; ".join(f"{name} {size / 1e6:.2f} MB" for name, size in parts.items()))
    return path
