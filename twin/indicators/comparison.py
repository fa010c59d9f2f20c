"""Runs side by side: their figures, and the roads that gained and lost traffic."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import pandas as pd

from twin.errors import InputError, told
from twin.indicators.figures import compute, records
from twin.indicators.links import by_road, link_changes
from twin.messages import figure, hours_and_minutes, language, text

if TYPE_CHECKING:
    import geopandas as gpd

    from twin.results import Result


class Comparison(pd.DataFrame):
    """A table of figures that prints whole: ``print(twin.compare(before, after))`` shows every column.

    Attributes
    ----------
    results : the runs compared, in the order of the columns (empty in a part cut out of the table).
    cautions : what keeps their figures from being set side by side: a run that did not end, another duration,
        territory, resolution, hour of the start or time between assignments of the traffic.
    """

    _metadata: ClassVar[list[str]] = ["results", "cautions"]
    results: tuple[Result, ...] = ()
    cautions: tuple[str, ...] = ()

    @property
    def _constructor(self) -> type[Comparison]:
        return Comparison

    def __repr__(self) -> str:
        table = self.to_string(index=False, na_rep="–", float_format=lambda value: figure(value))
        return "\n".join([table, *self.cautions])

    __str__ = __repr__

    @property
    def links(self) -> gpd.GeoDataFrame | None:
        """Links of the first and the last run side by side (see `twin.indicators.links.link_changes`); None
        where one has no traffic.
        """
        return link_changes(self.results[0], self.results[-1]) if self.results else None

    @property
    def roads(self) -> pd.DataFrame | None:
        """The named roads that gained and lost traffic (see `twin.indicators.links.by_road`)."""
        links = self.links
        return None if links is None else by_road(links)


def _cautions(results: tuple[Result, ...], names: list[str], lang: str | None) -> tuple[str, ...]:
    found = [said for n, run in zip(names, results, strict=True) if (said := run.unfinished(n, lang))]
    for key, unit, scale in (("duration", " h", 3600.0), ("territory", "", 1.0), ("resolution", " m", 1.0)):
        values = [run.scenario_table.get(key) for run in results]
        if any(value != values[0] for value in values):
            written = [figure(v / scale, lang) + unit if isinstance(v, float) else str(v) for v in values]
            told = ", ".join(f"{name} {value}" for name, value in zip(names, written, strict=True))
            found.append(text(f"compare.{key}", lang, values=told))
    starts = [(name, run.scenario_table.get("start")) for name, run in zip(names, results, strict=True)]
    clocks = [(name, start) for name, start in starts if isinstance(start, datetime)]
    # The same hour as written, or the same instant of the day though one is written in UTC.
    if (
        len({f"{s:%H:%M}" for _, s in clocks}) > 1
        and len({f"{s.astimezone(UTC):%H:%M}" for _, s in clocks}) > 1
    ):
        told = ", ".join(f"{name} {start:%H:%M%z}" for name, start in clocks)
        found.append(text("compare.start", lang, values=told))
    assigned = [
        (name, float(run.traffic_summary["parameters"]["every"]))
        for name, run in zip(names, results, strict=True)
        if run.traffic_summary and "parameters" in run.traffic_summary
    ]
    if len({every for _, every in assigned}) > 1:
        told = ", ".join(f"{name} {hours_and_minutes(every)}" for name, every in assigned)
        found.append(text("compare.every", lang, values=told))
    return tuple(found)


def compare(*results: Result, lang: str | None = None) -> Comparison:
    """The figures of runs side by side.

    Returns
    -------
    Comparison
        A table (pandas) with a row per figure that any run has, index its key; columns label, unit, one
        column per run named after it (numbered where names are alike), and ``difference`` (last minus first;
        NaN when one lacks it). Its `links` and `roads` compare the traffic of the first and the last run; its
        `cautions` say where runs are not alike.

    Raises
    ------
    InputError
        Fewer than two runs.
    """
    if len(results) < 2:
        raise InputError(told("compare", "", "folder.one_run", count=len(results)))
    figures = [dict(r.indicators) or records(compute(r)) for r in results]
    names = [r.name for r in results]
    if len(set(names)) < len(names):
        names = [f"{name} ({k})" for k, name in enumerate(names, start=1)]
    keys = list(dict.fromkeys(key for of in figures for key in of))
    spoken = f"label_{language(lang)}"
    rows = []
    for key in keys:
        row = next(of[key] for of in figures if key in of)
        values = [float(of[key]["value"]) if key in of else np.nan for of in figures]
        rows.append([row[spoken], row["unit"], *values, values[-1] - values[0]])
    table = Comparison(
        rows, index=pd.Index(keys, name="key"), columns=["label", "unit", *names, "difference"]
    )
    table.results, table.cautions = results, _cautions(results, names, lang)
    return table
