"""From what a territory file says to the files there are."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from twin.errors import suggest
from twin.layers import archives
from twin.layers.layer import SIDECARS
from twin.layers.reading import Reading, few

RASTER_SUFFIXES = {
    ".asc", ".tif", ".tiff", ".img", ".bil", ".flt", ".dem", ".grd", ".agr", ".vrt", ".jp2", ".nc",
    ".laz", ".las",
}  # fmt: skip
VECTOR_SUFFIXES = {
    ".shp", ".gpkg", ".geojson", ".json", ".fgb", ".gml", ".kml", ".gdb", ".tab", ".mif", ".sqlite",
    ".parquet", ".osm", ".pbf",
}  # fmt: skip
# Files beside them without which they cannot be placed or read; all of them leave an archive together.
BESIDE_RASTERS = {".tfw", ".tifw", ".tiffw", ".wld", ".j2w", ".igw", ".blw", ".hdr", ".prj", ".xml", ".stx"}
MADE_OF_RASTERS = {".ovr", ".msk", ".aux"}  # pyramids, masks, statistics: some of them TIFF without a place
BESIDE_VECTORS = {*SIDECARS, ".dat", ".map", ".id", ".ind", ".mid"}
# Masks that IGN delivers beside RGE ALTI (source of the data, distance to it): not heights.
_MASKS = re.compile(r"(^|_)(SRC|DST)(_|$)")
# Models of the ground, of its surface (roofs, trees) and of the height above it: LiDAR HD has all three.
_MODELS = re.compile(r"(?:^|_)(MNT|MNS|MNH)(?=_|$)")
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass(frozen=True)
class Found:
    """A file, and whether a folder gave it (then it may be one of many that are not wanted)."""

    path: Path
    from_folder: bool


def is_vector(path: Path) -> bool:
    """Whether the name says features (a GeoPackage is taken for features, never for tiles)."""
    return path.suffix.lower() in VECTOR_SUFFIXES


def is_raster(path: Path) -> bool:
    """Whether the name or, without a telling name (LiDAR HD), the first bytes say raster."""
    if path.suffix.lower() in RASTER_SUFFIXES:
        return True
    if (
        path.suffix.lower() in (*VECTOR_SUFFIXES, *BESIDE_RASTERS, *MADE_OF_RASTERS)
        or path.name.startswith(".")
        or archives.is_later_part(path)
    ):
        return False
    if path.suffix and path.suffix.lower() != ".txt" and not re.search(r"IGN69|IGN78|LAMB93", path.name):
        return False
    with path.open("rb") as file:
        head = file.read(64)
    return head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+") or starts_ascii_grid(head)


def starts_ascii_grid(head: bytes) -> bool:
    """Whether a file begins like an Esri ASCII grid."""
    words = head.removeprefix(b"\xef\xbb\xbf").split(maxsplit=1)
    return bool(words) and words[0].lower() in (b"ncols", b"nrows", b"xllcorner", b"xllcenter", b"cellsize")


def find(reading: Reading, *, rasters: bool) -> list[Found]:
    """All files that the source names, in order, each once. Problems go to `reading`."""
    found: dict[Path, Found] = {}
    for entry in reading.source.sources:
        path = resolve(reading, entry)
        files = [] if path is None else _find_entry(reading, path, rasters=rasters)
        if path is not None and (archives.is_archive(path) or not path.is_file()):
            files = _without_others(reading, path, files)
        for file in files:
            real = file.path.resolve()
            found.setdefault(real, Found(real, file.from_folder))
    return list(found.values())


def resolve(reading: Reading, entry: str) -> Path | None:
    """An entry as a path: variables filled in, relative to the root. None when a variable is not set."""
    missing = [name for pair in _VARIABLE.findall(entry) if (name := pair[0] or pair[1]) not in os.environ]
    if missing:
        reading.problem(entry, "source", "no_variable", name=missing[0])
        return None
    filled = _VARIABLE.sub(lambda match: os.environ[match.group(1) or match.group(2)], entry)
    path = Path(filled).expanduser()
    return path if path.is_absolute() else reading.root / path


def _find_entry(reading: Reading, path: Path, *, rasters: bool) -> list[Found]:
    if archives.is_archive(path):
        folder = _unpacked(reading, path, rasters=rasters)
        return [] if folder is None else _find_entry(reading, folder, rasters=rasters)
    kind = is_raster if rasters else is_vector
    if path.is_dir() and path.suffix.lower() != ".gdb":
        files = [file for file in sorted(path.rglob("*")) if _readable(file, rasters=rasters)]
        packed = [file for file in sorted(path.rglob("*")) if archives.is_archive(file)]
        if not files and packed:
            return [found for file in packed for found in _find_entry(reading, file, rasters=rasters)]
        if not files:
            inside = few(sorted(p.name for p in path.iterdir())) or "–"
            reading.problem(path, "source", "empty_folder", inside=inside)
        return [Found(file, True) for file in files]
    if path.exists():
        return [Found(path, False)]
    if re.search(r"[*?\[]", str(path)):
        fixed = Path(
            *path.parts[: next(k for k, part in enumerate(path.parts) if re.search(r"[*?\[]", part))]
        )
        pattern = str(path.relative_to(fixed))
        matching = [file for file in sorted(fixed.glob(pattern)) if file.is_file()]
        packed = [file for file in matching if archives.is_archive(file)]
        if packed:
            return [found for file in packed for found in _find_entry(reading, file, rasters=rasters)]
        files = [file for file in matching if kind(file)]
        if not files:
            reading.problem(path, "source", "empty_glob", hint=_what_there_is(path, fixed))
        return [Found(file, False) for file in files]
    reading.problem(path, "source", "no_file", hint=_what_there_is(path, path.parent))
    return []


def _unpacked(reading: Reading, path: Path, *, rasters: bool) -> Path | None:
    suffixes = RASTER_SUFFIXES | BESIDE_RASTERS | {""} if rasters else VECTOR_SUFFIXES | BESIDE_VECTORS
    try:
        return archives.unpacked(path, frozenset(suffixes))
    except archives.NoArchiver:
        reading.problem(path, "source", "no_py7zr")
    except archives.ArchiveError as error:
        reading.problem(path, "source", "bad_archive", reason=error)
    return None


def _readable(path: Path, *, rasters: bool) -> bool:
    if rasters:
        # A VRT in a folder of tiles is a second description of the same tiles.
        return path.is_file() and path.suffix.lower() != ".vrt" and is_raster(path)
    return is_vector(path) and (path.is_file() or path.suffix.lower() == ".gdb")


def _without_others(reading: Reading, path: Path, files: list[Found]) -> list[Found]:
    """What a folder, glob or archive holds: without masks; the terrain without models of roofs and trees."""
    files = _without(reading, files, "masks_left_out", _is_mask)
    if reading.name == "terrain":
        files = _without(reading, files, "models_left_out", _is_on_ground)
        if files and _is_on_ground(files[0].path):
            reading.problem(path, "source", "not_ground", inside=few(f.path.name for f in files))
    return files


def _without(reading: Reading, files: list[Found], row: str, other: Callable[[Path], bool]) -> list[Found]:
    """The files that are not others, unless all are."""
    kept = [file for file in files if not other(file.path)]
    if kept and len(kept) < len(files):
        reading.note(row, count=len(files) - len(kept))
    return kept or files


def _is_mask(path: Path) -> bool:
    return bool(_MASKS.search(path.stem) or _MASKS.search(path.parent.name))


def _is_on_ground(path: Path) -> bool:
    said = _MODELS.findall(path.stem) or _MODELS.findall(path.parent.name)
    return bool(said) and "MNT" not in said


def _what_there_is(path: Path, folder: Path) -> str:
    while not folder.is_dir():
        path, folder = folder, folder.parent
    return f"{folder}: {suggest(path.name, [p.name for p in list(folder.iterdir())[:500]])}"
