"""What is asked of which service: ``services.toml``, and a file laid over it."""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from twin.errors import InputError
from twin.territory import read_toml
from twin.units import problems_of


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WfsTable(_Table):
    """``[wfs]``: the address, objects a request, requests a second, the JSON format's name."""

    url: str
    count: int
    per_second: float
    format: str


class WmsTable(_Table):
    """``[wms]``: the address, format, pixels a side of one request, requests a second."""

    url: str
    format: str
    block: int
    per_second: float


class HubeauTable(_Table):
    """``[hubeau]``: the address, observations a page, requests a second, days that are kept."""

    url: str
    size: int
    per_second: float
    days: int


class Zone(_Table):
    """``[zones.NAME]``: CRS, vertical datum, beginnings of INSEE codes."""

    crs: str
    vertical_datum: str
    insee: tuple[str, ...]


class Commune(_Table):
    """``[commune]``: the type of the communes and its properties."""

    type_name: str
    code: str
    name: str


class TerrainTable(_Table):
    """``[terrain]``: the raster's layer, cell (m), value for none, product, licence."""

    layer: str
    cell: float
    nodata: float
    product: str
    licence: str


class FeatureTable(_Table):
    """``[[features]]``: a WFS type, where it is kept, which layer of the territory it serves ("": none).

    Two that serve the same from one file are read together.
    zones : where it is to be had; () everywhere.
    """

    type_name: str
    file: str
    layer: str
    serves: str
    product: str
    licence: str
    key: str = ""
    zones: tuple[str, ...] = ()


class FileTable(_Table):
    """``[[files]]``: a file, or a member of an archive, of which the part within the extent is kept.

    members : zone → pattern of the member's name; {} : the source is the file itself, or the first of its
        GeoPackages and shapefiles.
    """

    source: str
    file: str
    layer: str
    serves: str
    product: str
    licence: str
    source_layer: str | None = None
    members: dict[str, str] = {}


class Services(_Table):
    """All of services.toml."""

    wfs: WfsTable
    wms: WmsTable
    hubeau: HubeauTable
    zones: dict[str, Zone]
    commune: Commune
    terrain: TerrainTable
    features: tuple[FeatureTable, ...]
    files: tuple[FileTable, ...] = ()

    @classmethod
    def read(cls, over: Path | None = None) -> Services:
        """The services that come with Twin, with another file laid over them.

        Raises
        ------
        InputError
            That file is missing, no TOML, or has keys that mean nothing.
        """
        table = tomllib.loads(resources.files("twin.fetch").joinpath("services.toml").read_text("utf-8"))
        where = "services.toml"
        if over is not None:
            where = str(over)
            table = _laid_over(table, read_toml(over, "fetch.no_services"))
        try:
            return cls.model_validate(table)
        except ValidationError as error:
            raise InputError(problems_of(error.errors(), where, cls)) from error

    def zone_of(self, insee: str | None) -> str:
        """The zone of a commune, mainland where none says otherwise."""
        for name, zone in self.zones.items():
            if insee and any(insee.upper().startswith(start) for start in zone.insee):
                return name
        return "FXX"


def _laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    out = dict(below)
    for key, value in above.items():
        both = isinstance(value, dict) and isinstance(out.get(key), dict)
        out[key] = _laid_over(out[key], value) if both else value
    return out
