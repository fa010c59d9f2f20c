"""A layer: one dataset with its provenance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import xarray as xr

from twin.files import digest

# A shapefile is several files; all of them decide what is read.
SIDECARS = (".dbf", ".shx", ".prj", ".cpg")


class FileHashes(Mapping[str, str]):
    """Path → sha256 of the files of a layer, computed when asked for (tiles are big)."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        files: list[Path] = []
        for path in map(Path, paths):
            files.append(path)
            if path.suffix.lower() == ".shp":
                siblings = {p.name.lower(): p for p in path.parent.glob(f"{path.stem}.*")}
                files += [
                    siblings[name]
                    for suffix in SIDECARS
                    if (name := (path.stem + suffix).lower()) in siblings
                ]
        self._files = {str(file): file for file in files}
        self._known: dict[str, str] = {}

    def __getitem__(self, key: str) -> str:
        if key not in self._known:
            self._known[key] = digest(self._files[key])
        return self._known[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def __repr__(self) -> str:
        return f"<sha256 of {len(self)} files>"


@dataclass(frozen=True)
class Provenance:
    """Where a layer comes from and everything that its reader assumed or repaired.

    Attributes
    ----------
    source : the files that were read (absolute paths).
    sha256 : path → digest of those files (and of the sidecars of shapefiles), computed when asked for.
    edition, licence : as stated in the territory file, else recognised from IGN's file names, else "".
    crs : CRS of the files, or the one that was assigned to them.
    vertical_datum : "" when neither the territory file nor the files tell.
    notes : sentences with counts, in the language of the moment.
    """

    source: tuple[str, ...]
    sha256: Mapping[str, str] = field(default_factory=dict, compare=False)
    edition: str = ""
    licence: str = ""
    crs: str = ""
    vertical_datum: str = ""
    notes: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values for `provenance.json`; computes the digests."""
        return {
            "source": list(self.source),
            "sha256": dict(self.sha256),
            "edition": self.edition,
            "licence": self.licence,
            "crs": self.crs,
            "vertical_datum": self.vertical_datum,
            "notes": list(self.notes),
        }


@dataclass(frozen=True, eq=False)
class Layer:
    """One dataset (a raster or features) with its provenance."""

    name: str
    data: xr.DataArray | gpd.GeoDataFrame
    provenance: Provenance

    def __repr__(self) -> str:
        if isinstance(self.data, xr.DataArray):
            size = " × ".join(str(n) for n in self.data.shape) + f" cells of {self.data.attrs.get('cell')} m"
        else:
            size = f"{len(self.data)} features"
        lines = [f"Layer {self.name}: {size}", f"├ {', '.join(self.provenance.source[:3])}"]
        if len(self.provenance.source) > 3:
            lines[-1] += f" … ({len(self.provenance.source)} files)"
        lines += [f"├ {note}" for note in self.provenance.notes]
        lines[-1] = lines[-1].replace("├", "└", 1)
        return "\n".join(lines)
