"""Damage to buildings, by curves that the user brings."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from twin.errors import InputError, listed, told
from twin.files import read_text
from twin.indicators.indicator import Floats, Indicator, Run, make


@dataclass(frozen=True)
class DamageCurve:
    """Damage against depth, linear between its points, held constant beyond them.

    Attributes
    ----------
    depth : metres above the ground, ascending.
    damage : share lost (0 to 1), or €/m² when `euros` is true.
    source : where it comes from; shown with the figure.
    """

    depth: tuple[float, ...]
    damage: tuple[float, ...]
    source: str
    euros: bool = False

    def at(self, depth: Floats) -> Floats:
        """Damage at depths; 0 where the depth is unknown (NaN) or not above zero."""
        known = np.nan_to_num(depth)
        return np.where(known > 0, np.interp(known, self.depth, self.damage), 0.0)

    @classmethod
    def from_csv(
        cls, path: str | Path, *, kind: str, component: str, duration: str, source: str = ""
    ) -> DamageCurve:
        """Read one curve from a table ``type;composante;duree;hauteur_cm;eur_m2``.

        The columns of the national multi-criteria analysis method (AMC, CGDD/Cerema/INRAE 2018);
        the user brings the figures.

        Raises
        ------
        InputError
            The file lacks a column, or has no rows for that kind, component and duration.
        """
        file = Path(path)
        if not file.is_file():
            raise InputError(told(file, "", "damage.no_file"))
        with io.StringIO(read_text(file), newline="") as stream:
            reader = csv.DictReader(stream, delimiter=";")
            needed = ("type", "composante", "duree", "hauteur_cm", "eur_m2")
            missing = [name for name in needed if name not in (reader.fieldnames or ())]
            if missing:
                columns = ";".join(reader.fieldnames or ())
                raise InputError(
                    told(file, listed(missing), "damage.columns", columns=columns, wanted=";".join(needed))
                )
            rows = [
                r for r in reader if (r["type"], r["composante"], r["duree"]) == (kind, component, duration)
            ]
        if not rows:
            wanted = f"{kind};{component};{duration}"
            raise InputError(told(file, "type;composante;duree", "damage.no_row", wanted=wanted))
        try:
            points = sorted(
                (float(r["hauteur_cm"].replace(",", ".")) / 100, float(r["eur_m2"].replace(",", ".")))
                for r in rows
            )
        except ValueError as error:
            raise InputError(told(file, "hauteur_cm, eur_m2", "damage.numbers", found=str(error))) from error
        return cls(tuple(p[0] for p in points), tuple(p[1] for p in points), source or str(file), euros=True)


#: Fallback, for want of French figures: residential buildings in Europe, share of the value lost.
#: Huizinga, de Moel, Szewczyk 2017, Global flood depth-damage functions, JRC105688, doi 10.2760/16510.
JRC_2017_RESIDENTIAL_EUROPE = DamageCurve(
    depth=(0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0),
    damage=(0.0, 0.25, 0.40, 0.50, 0.60, 0.75, 0.85, 0.95, 1.00),
    source="JRC 2017, Europe, résidentiel (repli / fallback)",
)


def damage_figures(run: Run, curve: DamageCurve) -> list[Indicator]:
    """Square metres or € lost in buildings."""
    buildings = run.result.buildings
    if buildings is None or "max_water_depth" not in buildings:
        return []
    solid = buildings
    if "light" in buildings:
        solid = buildings[~buildings["light"].astype(bool)]
    lost = curve.at(solid["max_water_depth"].to_numpy(dtype=np.float64)) * solid.area.to_numpy()
    if curve.euros:
        return [make("damage", float(lost.sum()), "€", source=curve.source)]
    return [make("damage_area", float(lost.sum()), "m²", source=curve.source)]
