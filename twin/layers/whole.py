"""Whether files are whole: GDAL reads what is left of a shapefile or GeoPackage that was cut, with nulls."""

from __future__ import annotations

import struct
from pathlib import Path


def cut(path: Path) -> str:
    """What is missing of a shapefile or a GeoPackage, by the sizes that their headers state; "" if nothing.

    Sources: Esri, "Shapefile technical description" (1998); dBASE III file header; SQLite, "Database file
    format", 1.3.
    """
    suffix = path.suffix.lower()
    if suffix == ".shp":
        return next((said for part in _parts(path) if (said := _cut_part(part))), "")
    if suffix == ".gpkg":
        return _cut_part(path)
    return ""


def _parts(path: Path) -> list[Path]:
    siblings = {p.suffix.lower(): p for p in path.parent.glob(f"{path.stem}.*")}
    return [siblings[suffix] for suffix in (".shp", ".shx", ".dbf") if suffix in siblings]


def _cut_part(path: Path) -> str:
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(100)
    suffix = path.suffix.lower()
    stated = 0
    if suffix in (".shp", ".shx"):
        if len(head) < 100 or head[:4] != b"\0\0\x27\x0a":
            return f"{path.name}: {size} B"
        stated = 2 * struct.unpack(">I", head[24:28])[0]
    elif suffix == ".dbf":
        if len(head) < 32:
            return f"{path.name}: {size} B"
        rows, header, record = struct.unpack("<IHH", head[4:12])
        stated = header + rows * record
    elif suffix == ".gpkg":
        if head[:16] != b"SQLite format 3\0":
            return f"{path.name}: {size} B"
        if len(head) < 100:
            return f"{path.name}: {size} / 100 B"
        page = struct.unpack(">H", head[16:18])[0]
        changes, pages, valid_for = (struct.unpack(">I", head[k : k + 4])[0] for k in (24, 28, 92))
        # The count of pages holds only if the last writer kept it.
        stated = (65536 if page == 1 else page) * pages if changes == valid_for else 0
    return f"{path.name}: {size} / {stated} B" if size < stated else ""
