"""Scheduled times of a run: regular instants on which the loop lands exactly. The local clock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

# The zone of each part of France, by how EPSG's areas of use of its coordinate systems begin.
ZONES = {
    "France": "Europe/Paris",
    "French Antilles": "America/Martinique",
    "Guadeloupe": "America/Guadeloupe",
    "Martinique": "America/Martinique",
    "French Guiana": "America/Cayenne",
    "Reunion": "Indian/Reunion",
    "Mayotte": "Indian/Mayotte",
    "St Pierre and Miquelon": "America/Miquelon",
    "New Caledonia": "Pacific/Noumea",
}


@lru_cache(maxsize=8)
def zone_of(crs: str) -> ZoneInfo | None:
    """The time zone of a coordinate system, None where it is not one of France alone."""
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    try:
        area = CRS.from_user_input(crs).area_of_use
    except CRSError:
        return None
    said = "" if area is None else area.name
    zone = next((zone for part, zone in ZONES.items() if said.startswith(part)), None)
    return None if zone is None else ZoneInfo(zone)


@dataclass(frozen=True)
class Schedule:
    """Instants 0, every, 2·every … up to and with the end (s)."""

    every: float
    end: float

    def __post_init__(self) -> None:
        if not (self.every > 0 and self.end >= 0):
            raise ValueError(f"a schedule needs every > 0 and end ≥ 0, found {self.every} and {self.end}")

    @property
    def count(self) -> int:
        """Number of instants: the last one is the end, whether or not it is a multiple."""
        return math.ceil(self.end / self.every - 1e-9) + 1

    def time(self, k: int) -> float:
        """The k-th instant (s), to the nanosecond: instants that two schedules share are one number."""
        return min(round(k * self.every, 9), self.end) if k < self.count - 1 else self.end

    def next_after(self, t: float) -> float:
        """The first instant after `t`; inf when there is none."""
        if t >= self.end:
            return math.inf
        k = int(t // self.every)
        while self.time(k) <= t:
            k += 1
        return self.time(k)

    def index(self, t: float) -> int | None:
        """K when `t` is exactly the k-th instant, else None."""
        k = round(t / self.every) if t < self.end else self.count - 1
        return k if 0 <= k < self.count and self.time(k) == t else None
