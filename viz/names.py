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
    own = [r.name for r in results]
    count, names, parts = Counter(own), own, 0
    if len(count) == len(own):
        return own
    while len(set(names)) < len({r.path for r in results}):  # a run given twice keeps one name
        parts += 1
        names = [
            n if count[n] == 1 else f"{n} ({'/'.join(r.path.parts[-parts:])})"
            for n, r in zip(own, results, strict=True)
        ]
    return names


def facility_names(found: gpd.GeoDataFrame, lang: str | None) -> list[str]:
    """What to write beside facilities: their title, else what they are."""
    kinds = [text(f"map.facility.{kind}", lang) for kind in found["facility"]]
    names = [str(title) or kind for title, kind in zip(found["title"], kinds, strict=True)]
    return [name[:1].upper() + name[1:] for name in names]
