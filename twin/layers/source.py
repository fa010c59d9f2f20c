"""What a territory file says about one layer: where it is and how to read it."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, field_validator


class LayerSource(BaseModel):
    """One `[layers.NAME]` table of `territory.toml`.

    Attributes
    ----------
    source : a file, a folder, a glob or a list of these; relative to the file that names it;
        ``$NAME`` is an environment variable.
    layer : the layer to read where the file has several (GeoPackage, folder of shapefiles).
    where : keep only the features that satisfy this OGR SQL condition.
    crs : CRS to assign when the file has none (default: the CRS of the territory).
    vertical_datum, edition, licence : what the file itself does not tell (printed in every output).
    vertical_offset : m to add to the heights of the file to bring them to the territory's vertical datum;
        heights of another datum are refused without it.
    nodata : one more value that means "no value" (on top of the usual ones).
    classes : land cover table: ``"ocsge"``, ``"corine"``, ``"oso"`` or a CSV file; default: recognised.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: str | tuple[str, ...]
    layer: str | None = None
    where: str | None = None
    crs: str | None = None
    vertical_datum: str | None = None
    vertical_offset: float | None = None
    edition: str | None = None
    licence: str | None = None
    nodata: float | None = None
    classes: str | None = None

    @field_validator("source")
    @classmethod
    def _not_empty(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        parts = (value,) if isinstance(value, str) else value
        if not parts or any(not part.strip() for part in parts):
            raise ValueError("at least one file, folder or glob")
        return value

    @property
    def sources(self) -> tuple[str, ...]:
        """The entries of `source`, always as a tuple."""
        return (self.source,) if isinstance(self.source, str) else self.source
