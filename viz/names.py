"""What pictures call things."""

from __future__ import annotations

from typing import TYPE_CHECKING

from twin.messages import text

if TYPE_CHECKING:
    import geopandas as gpd


def facility_names(found: gpd.GeoDataFrame, lang: str | None) -> list[str]:
    """What to write beside facilities: their title, else what they are."""
    kinds = [text(f"map.facility.{kind}", lang) for kind in found["facility"]]
    names = [str(title) or kind for title, kind in zip(found["title"], kinds, strict=True)]
    return [name[:1].upper() + name[1:] for name in names]
