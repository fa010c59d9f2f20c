"""Structures that pass water from one place to another: culverts, weirs, gates, pumps, bridge openings.

Events of the same shape as all others: `start` and `end` say when the structure is there (a gate: when it may
be open; a pump: when it may run). Both ends are places, anywhere in the domain: a point is its cell.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import ConfigDict, Field, model_validator

from twin.errors import listed
from twin.scenarios.events import At, Event
from twin.units import CubicMetresPerSecond, Metres, unusable

# Inlets of FHWA HDS-5 (2012, 3rd edition, FHWA-HIF-12-026), table A.1 (form, K, M, c, Y) and table C.2 (Ke);
# compared with the same rows in EPA SWMM 5 (culvert.c).
INLETS: dict[str, tuple[str, int, float, float, float, float, float, float]] = {
    # name: shape, form, K, M, c, Y, Ks, Ke
    "concrete_square_headwall": ("pipe", 1, 0.0098, 2.0, 0.0398, 0.67, -0.5, 0.5),
    "concrete_groove_headwall": ("pipe", 1, 0.0018, 2.0, 0.0292, 0.74, -0.5, 0.2),
    "concrete_groove_projecting": ("pipe", 1, 0.0045, 2.0, 0.0317, 0.69, -0.5, 0.2),
    "metal_headwall": ("pipe", 1, 0.0078, 2.0, 0.0379, 0.69, -0.5, 0.5),
    "metal_mitered": ("pipe", 1, 0.0210, 1.33, 0.0463, 0.75, 0.7, 0.7),
    "metal_projecting": ("pipe", 1, 0.0340, 1.50, 0.0553, 0.54, -0.5, 0.9),
    "box_wingwall_30_75": ("box", 1, 0.026, 1.0, 0.0347, 0.81, -0.5, 0.4),
    "box_wingwall_15_90": ("box", 1, 0.061, 0.75, 0.0400, 0.80, -0.5, 0.5),
    "box_wingwall_0": ("box", 1, 0.061, 0.75, 0.0423, 0.82, -0.5, 0.7),
    "box_headwall_chamfer": ("box", 2, 0.515, 0.667, 0.0375, 0.79, -0.5, 0.5),
    "box_headwall_bevel": ("box", 2, 0.495, 0.667, 0.0314, 0.82, -0.5, 0.2),
}


class Structure(Event):
    """Base: water goes from `from` to `to`, and back where the level there is higher, unless `one_way`."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    from_: At = Field(alias="from")
    to: At | None
    places_in: ClassVar[tuple[str, ...]] = ("from_", "to")


class Culvert(Structure):
    """A pipe (`diameter`) or a box (`width`, `height`), by inlet and outlet control (FHWA HDS-5).

    Attributes
    ----------
    length : m. manning : n of the barrel. barrels : how many, side by side.
    inlet_level, outlet_level : inverts at both ends (m); the lowest bed of the end unless said.
    inlet : one of `INLETS`; by default a square edge in a headwall, or wing walls of 30 to 75°.
    one_way : a flap lets nothing back.
    """

    kind: Literal["culvert"] = "culvert"
    to: At
    diameter: Metres | None = Field(None, gt=0, le=50)
    width: Metres | None = Field(None, gt=0, le=50)
    height: Metres | None = Field(None, gt=0, le=50)
    length: Metres = Field(gt=0)
    manning: float = Field(0.012, gt=0, lt=1)
    barrels: int = Field(1, ge=1)
    inlet_level: Metres | None = None
    outlet_level: Metres | None = None
    inlet: Literal[tuple(INLETS)] | None = None  # type: ignore[valid-type]
    one_way: bool = False

    @model_validator(mode="after")
    def _shape(self) -> Culvert:
        box = self.width is not None and self.height is not None
        if (self.diameter is not None) == box or (self.width is None) != (self.height is None):
            raise unusable("structure.size")
        if self.inlet is not None and INLETS[self.inlet][0] != ("box" if box else "pipe"):
            names = [name for name, (shape, *_) in INLETS.items() if shape == ("box" if box else "pipe")]
            raise unusable("structure.inlet", inlet=self.inlet, names=listed(names))
        return self


class Weir(Structure):
    """A weir, Q = coefficient × width × H^1.5, drowned as Villemonte (1947) says."""

    kind: Literal["weir"] = "weir"
    to: At
    crest: Metres
    width: Metres = Field(gt=0)
    coefficient: float = Field(1.70, gt=0, le=2.5)
    one_way: bool = False


class BridgeOpening(Structure):
    """An opening under a deck: a weir while the water is free, an orifice under the soffit."""

    kind: Literal["bridge_opening"] = "bridge_opening"
    to: At
    width: Metres = Field(gt=0)
    sill: Metres | None = None
    soffit: Metres
    one_way: bool = False


class Gate(Structure):
    """A gate `width` wide that is `height` open: always (from `start` to `end`), or by the level at `watch`.

    It opens where the level rises above `open_above` and shuts where it falls under `close_below` (or, with
    `open_below` and `close_above`, the other way round). `watch` is the end `from` unless said.
    """

    kind: Literal["gate"] = "gate"
    to: At
    width: Metres = Field(gt=0)
    height: Metres = Field(gt=0)
    sill: Metres | None = None
    watch: At | None = None
    open_above: Metres | None = None
    close_below: Metres | None = None
    open_below: Metres | None = None
    close_above: Metres | None = None
    one_way: bool = False
    places_in: ClassVar[tuple[str, ...]] = ("from_", "to", "watch")

    @model_validator(mode="after")
    def _rule(self) -> Gate:
        up, down = (self.open_above, self.close_below), (self.open_below, self.close_above)
        if (None in up and up != (None, None)) or (None in down and down != (None, None)):
            raise unusable("structure.gate_pair")
        if None not in up and None not in down:
            raise unusable("structure.gate_rules")
        if (
            self.open_above is not None
            and self.close_below is not None
            and self.close_below > self.open_above
        ):
            raise unusable("structure.close_below")
        if (
            self.open_below is not None
            and self.close_above is not None
            and self.close_above < self.open_below
        ):
            raise unusable("structure.close_above")
        return self


class Pump(Structure):
    """A pump of `rate`, to a place or (without `to`) out of the domain; on and off by the level at `from`."""

    kind: Literal["pump"] = "pump"
    to: At | None = None
    rate: CubicMetresPerSecond = Field(ge=0)
    on_level: Metres | None = None
    off_level: Metres | None = None

    @model_validator(mode="after")
    def _rule(self) -> Pump:
        if (self.on_level is None) != (self.off_level is None):
            raise unusable("structure.pump_pair")
        if self.on_level is not None and self.off_level is not None and self.off_level > self.on_level:
            raise unusable("structure.off_level")
        return self


STRUCTURES: dict[str, type[Structure]] = {
    "culvert": Culvert,
    "weir": Weir,
    "bridge_opening": BridgeOpening,
    "gate": Gate,
    "pump": Pump,
}
