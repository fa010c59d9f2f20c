"""QGIS styles (.qml), so that what we export opens drawn as our own maps are.

The subset of the format that QGIS 3.20 and later read: discrete and interpolated colour ramps for
rasters; categorised and graduated renderers for vectors.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from twin.messages import number, text
from twin.styles import (
    ARRIVAL,
    BUILDING,
    CHANGE,
    DEPTH,
    DEPTH_CHANGE,
    DRY_BUILDING,
    HAZARD,
    INFINITY,
    ISO_HT,
    ISO_HT_COLOURS,
    PEOPLE_NAMES,
    PERMANENT_WATER,
    RAMP,
    ROAD_CASING,
    ROAD_CUT,
    SHORELINE,
    VEHICLE_NAMES,
    ColourClass,
    change_label,
    class_label,
    depth_change_label,
    hazard_label,
)

_Layers = Sequence[tuple[str, dict[str, str]]]
_Row = tuple[float | str, str, _Layers]  # value, label, symbol layers
HOUSE = "#3a2a20"  # the outline of buildings
_DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_VERSION = "3.28.0"
#: Fields that are 0 on all the land where nothing happens: it stays clear, for the map below.
_NONE_IS_ZERO = ("max_velocity", "max_rise_rate", "wet_duration", "building_fraction")


def _root(categories: str) -> ET.Element:
    return ET.Element("qgis", version=_VERSION, styleCategories=categories)


def _written(root: ET.Element) -> str:
    ET.indent(root)
    return _DOCTYPE + ET.tostring(root, encoding="unicode") + "\n"


# -- rasters ----------------------------------------------------------------------


def raster(name: str, low: float, high: float, lang: str | None = None) -> str:
    """The style of a field over the run.

    Parameters
    ----------
    name : the variable (`twin.variables`).
    low, high : its least and largest value, for fields without classes of their own.
    """
    if name == "max_water_depth":
        items = _steps(DEPTH, 1.0, [class_label(part, "m", lang) for part in DEPTH])
        return _pseudocolour("DISCRETE", items)
    if name == "arrival_time":
        items = _steps(ARRIVAL, 3600.0, [class_label(part, "h", lang) for part in ARRIVAL])
        return _pseudocolour("DISCRETE", items)
    if name == "max_hazard_ppri":
        items = _steps(HAZARD, 1.0, [hazard_label(k + 1, lang) for k in range(len(HAZARD))])
        return _pseudocolour("DISCRETE", items)
    if name == "max_hazard_people":
        return _codes([text(f"style.people.{who}", lang) for who in PEOPLE_NAMES])
    if name == "max_hazard_vehicles":
        return _codes([text(f"style.vehicles.{which}", lang) for which in VEHICLE_NAMES])
    if name == "mapped_water":
        water = (INFINITY, PERMANENT_WATER, 255, text("map.permanent", lang))
        return _pseudocolour("DISCRETE", [(0.5, "#ffffff", 0, ""), water])
    span = high - low if high > low else 1.0
    stops = [low + span * k / (len(RAMP) - 1) for k in range(len(RAMP))]
    digits = max(2, 1 - math.floor(math.log10(span)))  # neighbours read apart
    return _pseudocolour(
        "INTERPOLATED",
        [(stop, colour, 255, number(stop, lang, digits)) for stop, colour in zip(stops, RAMP, strict=True)],
        clear_zero=name in _NONE_IS_ZERO,
    )


def _codes(labels: Sequence[str]) -> str:
    """Codes 1, 2 … in the colours of the hazard; 0 is not drawn."""
    return _pseudocolour("DISCRETE", _steps(HAZARD[: len(labels)], 1.0, labels))


def _steps(
    classes: Sequence[ColourClass], factor: float, labels: Sequence[str]
) -> list[tuple[float, str, int, str]]:
    """Upper bound, colour, opacity, label; what lies below the first class is not drawn."""
    items = [
        (part.high * factor, part.colour, 255, label) for part, label in zip(classes, labels, strict=True)
    ]
    if classes[0].low == -INFINITY:
        return items
    return [(classes[0].low * factor, "#ffffff", 0, ""), *items]


def _pseudocolour(
    kind: str, items: Sequence[tuple[float, str, int, str]], *, clear_zero: bool = False
) -> str:
    root = _root("Symbology")
    pipe = ET.SubElement(root, "pipe")
    finite = [item[0] for item in items if item[0] != INFINITY]
    renderer = ET.SubElement(
        pipe,
        "rasterrenderer",
        type="singlebandpseudocolor",
        band="1",
        opacity="1",
        alphaBand="-1",
        classificationMin=repr(min(finite)),
        classificationMax=repr(max(finite)),
    )
    if clear_zero:
        clear = ET.SubElement(ET.SubElement(renderer, "rasterTransparency"), "singleValuePixelList")
        ET.SubElement(clear, "pixelListEntry", min="0", max="0", percentTransparent="100")
    shader = ET.SubElement(ET.SubElement(renderer, "rastershader"), "colorrampshader")
    shader.set("colorRampType", kind)
    shader.set("classificationMode", "1")
    shader.set("clip", "0")
    for value, colour, alpha, label in items:
        bound = "inf" if value == INFINITY else repr(value)
        ET.SubElement(shader, "item", value=bound, color=colour, alpha=str(alpha), label=label)
    return _written(root)


# -- vectors -------------------------------------------------------------------------


def _rgba(colour: str, alpha: int = 255) -> str:
    return ",".join(str(int(colour[k : k + 2], 16)) for k in (1, 3, 5)) + f",{alpha}"


def _symbol(symbols: ET.Element, name: str, kind: str, layers: Sequence[tuple[str, dict[str, str]]]) -> None:
    symbol = ET.SubElement(symbols, "symbol", name=name, type=kind, alpha="1", clip_to_extent="1")
    for layer_class, properties in layers:
        layer = ET.SubElement(
            symbol, "layer", {"class": layer_class, "enabled": "1", "locked": "0", "pass": "0"}
        )
        options = ET.SubElement(layer, "Option", type="Map")
        for key, value in properties.items():
            ET.SubElement(options, "Option", name=key, type="QString", value=value)


def _fill(colour: str, line: str, width: float) -> list[tuple[str, dict[str, str]]]:
    style = {
        "color": _rgba(colour),
        "style": "solid",
        "outline_color": _rgba(line),
        "outline_style": "solid" if width > 0 else "no",
        "outline_width": repr(width),
        "outline_width_unit": "MM",
    }
    return [("SimpleFill", style)]


def _line(colour: str, width: float, dash: str = "") -> tuple[str, dict[str, str]]:
    style = {
        "line_color": _rgba(colour),
        "line_width": repr(width),
        "line_width_unit": "MM",
        "line_style": "solid",
        "capstyle": "flat",
    }
    if dash:
        style |= {"use_custom_dash": "1", "customdash": dash, "customdash_unit": "MM"}
    return "SimpleLine", style


def _categorised(
    attribute: str,
    kind: str,
    rows: Sequence[_Row],
) -> str:
    """A categorised renderer: (value, label, symbol layers) a row.

    QGIS compares values as Qt writes them (`QgsCategorizedSymbolRenderer`,
    `QVariant::toString`): a real number 1.0 is ``1``; a category ``1.0`` without a type is never met.
    """
    root = _root("Symbology")
    renderer = ET.SubElement(root, "renderer-v2", type="categorizedSymbol", attr=attribute, symbollevels="0")
    categories, symbols = ET.SubElement(renderer, "categories"), ET.SubElement(renderer, "symbols")
    for k, (value, label, layers) in enumerate(rows):
        category = ET.SubElement(categories, "category", label=label, symbol=str(k), render="true")
        if isinstance(value, float):
            category.set("type", "double")
        category.set("value", f"{value:g}" if isinstance(value, float) else value)
        _symbol(symbols, str(k), kind, layers)
    return _written(root)


def flooded(lang: str | None = None) -> str:
    """Polygons of the flood (`inondable_s`): pale blue, dark shoreline."""
    root = _root("Symbology")
    renderer = ET.SubElement(root, "renderer-v2", type="singleSymbol", symbollevels="0")
    _symbol(ET.SubElement(renderer, "symbols"), "0", "fill", _fill(DEPTH[0].colour, SHORELINE, 0.3))
    renderer.set("label", text("map.shoreline", lang))
    return _written(root)


def iso_depth(lang: str | None = None) -> str:
    """Polygons between depth bounds (`iso_ht_s`), by ``ht_min``."""
    rows: list[_Row] = []
    for k, low in enumerate(ISO_HT):
        high = ISO_HT[k + 1] if k + 1 < len(ISO_HT) else INFINITY
        label = class_label(ColourClass(low, high, ISO_HT_COLOURS[k]), "m", lang)
        rows.append((low, label, _fill(ISO_HT_COLOURS[k], SHORELINE, 0.0)))
    return _categorised("ht_min", "fill", rows)


def roads(closure: float, lang: str | None = None) -> str:
    """Road segments (`troncon_de_route_impact`), by ``coupe``: cut ones black and yellow."""
    cut = [_line(ROAD_CUT[0], 1.2), _line(ROAD_CUT[1], 0.8, "2.4;1.6")]
    return _categorised(
        "coupe",
        "line",
        [
            ("true", text("map.road_cut", lang, closure=number(closure, lang)), cut),
            ("false", text("map.road_open", lang), [_line(ROAD_CASING, 0.4)]),
        ],
    )


def traffic_change(lang: str | None = None) -> str:
    """Links of two runs (`troncons_trafic`), by ``change_class``: thicker where more has changed."""
    rows: list[_Row] = [
        (str(k), change_label(k, lang), [_line(colour, 0.3 + 0.4 * abs(k))]) for k, colour in CHANGE.items()
    ]
    return _categorised("change_class", "line", rows)


def buildings(lang: str | None = None) -> str:
    """Buildings (`batiment_impact`), graduated by ``hauteur_eau_max_m``."""
    rows = [(0.0, BUILDING[0].low, text("map.building_dry", lang), _fill(DRY_BUILDING, HOUSE, 0.1))]
    rows += [
        (part.low, part.high, class_label(part, "m", lang), _fill(part.colour, HOUSE, 0.1))
        for part in BUILDING
    ]
    return _graduated("hauteur_eau_max_m", "fill", rows)


def depth_change(kind: str, lang: str | None = None) -> str:
    """Buildings ("fill") or roads ("line") of two runs, graduated by ``depth_change_m``."""
    rows = [
        (
            part.low,
            part.high,
            depth_change_label(part, lang),
            _fill(part.colour, HOUSE, 0.1) if kind == "fill" else [_line(part.colour, 0.8)],
        )
        for part in DEPTH_CHANGE
    ]
    return _graduated("depth_change_m", kind, rows)


def _graduated(attribute: str, kind: str, rows: Sequence[tuple[float, float, str, _Layers]]) -> str:
    """A graduated renderer: (from, to, label, symbol layers) a row."""
    root = _root("Symbology")
    renderer = ET.SubElement(
        root,
        "renderer-v2",
        type="graduatedSymbol",
        attr=attribute,
        graduatedMethod="GraduatedColor",
        symbollevels="0",
    )
    ranges, symbols = ET.SubElement(renderer, "ranges"), ET.SubElement(renderer, "symbols")
    for k, (low, high, label, layers) in enumerate(rows):
        lower, upper = (repr(min(max(bound, -9999.0), 9999.0)) for bound in (low, high))
        ET.SubElement(ranges, "range", lower=lower, upper=upper, symbol=str(k), label=label, render="true")
        _symbol(symbols, str(k), kind, layers)
    return _written(root)
