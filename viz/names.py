"""What pictures call things."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from twin.messages import text

if TYPE_CHECKING:
    import geopandas as gpd

    from twin.results import Result


def told_apart(results: Sequence[Result]) -> list[str]:
    """The names of runs; those that others have too with as much of their folders as differs."""
    names = [r.name for r in results]
    for parts in range(1, 1 + max(len(r.path.parts) for r in results)):
        if len(set(names)) == len(names):
            break
        count = Counter(r.name for r in results)
        names = [
            r.name if count[r.name] == 1 else f"{r.name} ({'/'.join(r.path.parts[-parts:])})" for r in results
        ]
    return names


def facility_names(found: gpd.GeoDataFrame, lang: str | None) -> list[str]:
    """What to write beside facilities: their title, else what they are."""
    kinds = [text(f"map.facility.{kind}", lang) for kind in found["facility"]]
    names = [str(title) or kind for title, kind in zip(found["title"], kinds, strict=True)]
    return [name[:1].upper() + name[1:] for name in names]
