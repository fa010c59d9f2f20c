"""The texts of shapefiles.

Those of IGN are UTF-8 without .cpg (v3), cp1252 (v2), or both row by row, and a .cpg may lie: the bytes of
every value decide.
"""

from __future__ import annotations

import codecs
from pathlib import Path

import geopandas as gpd
import pandas as pd

from twin.layers.reading import Reading


def decode_texts(reading: Reading, path: Path, frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Decode texts of a shapefile that were read byte by byte (as latin-1): UTF-8, else cp1252."""
    fallback = _declared_encoding(path)
    counts = {"utf-8": 0, fallback: 0}
    memory: dict[str, str] = {}

    def decode(value: object) -> object:
        if not isinstance(value, str) or value.isascii():
            return value
        if value not in memory:
            memory[value], encoding = _decode_bytes(value.encode("latin-1"), fallback)
            counts[encoding] += 1
        return memory[value]

    lost = 0
    for name in frame.columns:
        column = frame[name]
        if name == frame.geometry.name or not (
            pd.api.types.is_string_dtype(column) or column.dtype == object
        ):
            continue
        cells = [decode(value) if ok else None for value, ok in zip(column, column.notna(), strict=True)]
        lost += sum(isinstance(value, str) and "\ufffd" in value for value in cells)
        kind = "str" if pd.api.types.is_string_dtype(column) else object
        frame[name] = pd.Series(cells, index=frame.index, dtype=kind)
    if counts["utf-8"] and counts[fallback]:
        reading.note(
            "mixed_encodings", file=path.name, utf8=counts["utf-8"], other=counts[fallback], name=fallback
        )
    elif counts["utf-8"] or counts[fallback]:
        name = "utf-8" if counts["utf-8"] else fallback
        reading.note("encoding", file=path.name, name=name)
    if lost:
        reading.note("lost_letters", file=path.name, count=lost)
    return frame


def _decode_bytes(raw: bytes, fallback: str) -> tuple[str, str]:
    try:
        return raw.decode("utf-8"), "utf-8"
    except UnicodeDecodeError as error:
        # A text cut at the width of its field may end in the middle of a letter. Bytes C2 to C5 begin the
        # accented letters of UTF-8 and end no French word in cp1252 (Â Ã Ä Å).
        tail = raw[error.start :]
        cut = error.reason == "unexpected end of data"
        if cut and (0xC2 <= tail[0] <= 0xC5 or not raw[: error.start].isascii()):
            return raw[: error.start].decode("utf-8"), "utf-8"
    return raw.decode(fallback, "replace"), fallback


# Language driver of a .dbf (byte 29) → code page (dBASE; the list of Esri's and GDAL's shapefile drivers).
_CODE_PAGES = {
    0x01: "cp437", 0x02: "cp850", 0x03: "cp1252", 0x0D: "cp437", 0x0E: "cp850", 0x10: "cp850", 0x57: "cp1252",
    0x58: "cp1252", 0x59: "cp1252",
}  # fmt: skip


def _declared_encoding(path: Path) -> str:
    """The one-byte encoding to use for what is not UTF-8: the .cpg's, else the .dbf's own, else cp1252."""
    for cpg in path.parent.glob(f"{path.stem}.[cC][pP][gG]"):
        name = cpg.read_text("ascii", "replace").strip()
        name = f"cp{name}" if name.isdigit() else name
        try:
            codec = codecs.lookup(name).name
        except LookupError:
            return "cp1252"
        # iso-8859-1 in a .cpg means Windows' superset of it in practice.
        return "cp1252" if codec in ("utf-8", "iso8859-1", "ascii") else codec
    for dbf in path.parent.glob(f"{path.stem}.[dD][bB][fF]"):
        with dbf.open("rb") as file:
            head = file.read(32)
        return _CODE_PAGES.get(head[29], "cp1252") if len(head) == 32 else "cp1252"
    return "cp1252"
