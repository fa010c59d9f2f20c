"""Classes and colours, once: maps, 3D scenes, QGIS styles and the page draw the same thing alike.

Depth blues and damage colours are monotone in lightness, so that they can be read without hue
(L* 85, 68, 46, 21); shallow water on pale land has little contrast (1.05:1), hence the dark shoreline.
"""

from __future__ import annotations

from dataclasses import dataclass

from twin.messages import number, text


@dataclass(frozen=True)
class ColourClass:
    """One class of values: above `low` up to `high` (in the unit of the variable), and its colour."""

    low: float
    high: float
    colour: str


INFINITY = float("inf")

#: Water depth (m). The bounds that are published (0.5, 1, 2 m); under 0.05 m is not drawn.
DEPTH = (
    ColourClass(0.05, 0.5, "#bdd7e7"),
    ColourClass(0.5, 1.0, "#6baed6"),
    ColourClass(1.0, 2.0, "#2171b5"),
    ColourClass(2.0, INFINITY, "#08306b"),
)
#: Depth at buildings (m): damage reds, readable on the blues.
BUILDING = (
    ColourClass(0.05, 0.5, "#fee08b"),
    ColourClass(0.5, 1.0, "#fdae61"),
    ColourClass(1.0, 2.0, "#f46d43"),
    ColourClass(2.0, INFINITY, "#a50026"),
)
#: Change of the greatest depth between two runs (m): less is blue-green and light, more brown and dark (told
#: apart in black and white), hardly any grey.
DEPTH_CHANGE = (
    ColourClass(-INFINITY, -0.5, "#1fa694"),
    ColourClass(-0.5, -0.2, "#4cbaab"),
    ColourClass(-0.2, -0.05, "#7bcdbf"),
    ColourClass(-0.05, 0.05, "#ccd3d8"),
    ColourClass(0.05, 0.2, "#b35400"),
    ColourClass(0.2, 0.5, "#7f3300"),
    ColourClass(0.5, INFINITY, "#4d1500"),
)
#: Arrival time (hours since the start): early is dark.
ARRIVAL = (
    ColourClass(-INFINITY, 0.5, "#49006a"),
    ColourClass(0.5, 1.0, "#ae017e"),
    ColourClass(1.0, 2.0, "#f768a1"),
    ColourClass(2.0, 4.0, "#fcc5c0"),
    ColourClass(4.0, INFINITY, "#fff1ee"),
)
#: Hazard of the PPRI table, codes 1 to 4 (faible, modéré, fort, très fort): yellow, orange, red, violet.
HAZARD = (
    ColourClass(0.5, 1.5, "#fff3a0"),
    ColourClass(1.5, 2.5, "#fdae61"),
    ColourClass(2.5, 3.5, "#d7301f"),
    ColourClass(3.5, 4.5, "#6a1b7a"),
)
HAZARD_NAMES = ("low", "moderate", "high", "very_high")
#: The codes of danger to people and to vehicles (`twin.solvers.flood.hazards`), the colours of `HAZARD`.
PEOPLE_NAMES = ("children", "adults", "most", "all")
VEHICLE_NAMES = ("small_cars", "large_cars", "off_road")
#: Bounds of the polygons of COVADIS "Directive inondation" ISO_HT (m); the last class has no upper bound.
ISO_HT = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
ISO_HT_COLOURS = ("#bdd7e7", "#6baed6", "#4292c6", "#2171b5", "#08519c", "#08306b", "#041b3d")
#: Change of traffic, classes -3 to 3: lost is blue, gained is red, none is grey.
CHANGE = {
    -3: "#2166ac",
    -2: "#67a9cf",
    -1: "#bdd7e7",
    0: "#c9c5bd",
    1: "#fdbf8f",
    2: "#ef6548",
    3: "#b2182b",
}
#: Bounds (veh/h) between the classes of change.
CHANGE_BOUNDS = (10.0, 50.0, 200.0)
#: Other fields over the run: from the least to the largest value, continuous.
RAMP = ("#ffffcc", "#a1dab4", "#41b6c4", "#2c7fb8", "#253494")

SHORELINE = "#12304f"
PERMANENT_WATER = "#8fb0b4"
DRY_BUILDING = "#b9b2a6"
ROAD_OPEN = "#ffffff"
ROAD_CASING = "#8a8478"
#: Closed road: black and yellow, so that it is not told by colour alone.
ROAD_CUT = ("#111111", "#ffd400")


def class_label(part: ColourClass, unit: str, lang: str | None = None) -> str:
    """What the legend says of a class: ``0,5 à 1 m``, ``plus de 2 m``, ``moins de 0,5 h``."""
    if part.high == INFINITY:
        return text("style.above", lang, low=number(part.low, lang), unit=unit)
    if part.low == -INFINITY:
        return text("style.below", lang, high=number(part.high, lang), unit=unit)
    return text("style.between", lang, low=number(part.low, lang), high=number(part.high, lang), unit=unit)


def depth_change_label(part: ColourClass, lang: str | None = None) -> str:
    """What the legend says of a class of `DEPTH_CHANGE`: ``− 20 à 50 cm``."""
    if part.low < 0.0 < part.high:
        return text("map.difference_same", lang, cm=number(100 * part.high, lang))
    low, high = sorted((abs(part.low), abs(part.high)))
    sign, a = "+" if part.low > 0.0 else "−", number(100 * low, lang)
    if high == INFINITY:
        return text("map.difference_more", lang, sign=sign, a=a)
    return text("map.difference_between", lang, sign=sign, a=a, b=number(100 * high, lang))


def hazard_label(code: int, lang: str | None = None) -> str:
    """The name of a hazard code (1 to 4)."""
    return text(f"style.hazard.{HAZARD_NAMES[code - 1]}", lang)


def change_label(change: int, lang: str | None = None) -> str:
    """The words of a class of change of traffic: "+50 to 200 veh/h"."""
    if change == 0:
        return text("map.change_none", lang, bound=number(CHANGE_BOUNDS[0], lang))
    sign = "+" if change > 0 else "−"
    low = number(CHANGE_BOUNDS[abs(change) - 1], lang)
    if abs(change) == len(CHANGE_BOUNDS):
        return text("map.change_more", lang, sign=sign, low=low)
    return text("map.change_between", lang, sign=sign, low=low, high=number(CHANGE_BOUNDS[abs(change)], lang))
