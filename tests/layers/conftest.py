"""Small files as IGN delivers them, made in the tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from rasterio.transform import Affine

from twin.layers import Layer, LayerSource, read_layer

Read = Callable[..., Layer]


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWIN_LANG", "en")


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """read("roads", "file.gpkg", layer=…, bounds=…, crs="EPSG:2154" of the territory, file_crs=…)."""

    def reader(
        name: str,
        source: str | list[str],
        *,
        territory: str = "EPSG:2154",
        bounds: tuple[float, float, float, float] | None = None,
        **keys: Any,
    ) -> Layer:
        entry = tuple(source) if isinstance(source, list) else source
        return read_layer(
            name, LayerSource(source=entry, **keys), root=tmp_path, crs=territory, bounds=bounds
        )

    return reader


def write_asc(
    path: Path,
    values: NDArray[Any],
    x_west: float,
    y_south: float,
    cell: float,
    *,
    nodata: str | None = "-99999.00",
    fmt: str = "%.2f",
) -> Path:
    """An ASCII grid with the header of RGE ALTI; x_west, y_south are outer edges."""
    path.parent.mkdir(parents=True, exist_ok=True)
    head = [
        f"ncols        {values.shape[1]}",
        f"nrows        {values.shape[0]}",
        f"xllcorner    {x_west:.12f}",
        f"yllcorner    {y_south:.12f}",
        f"cellsize     {cell:.12f}",
    ]
    if nodata is not None:
        head.append(f"NODATA_value  {nodata}")
    body = [" " + " ".join(fmt % v for v in row) for row in values]
    path.write_text("\n".join(head + body) + "\n")
    return path


def write_tif(
    path: Path,
    values: NDArray[Any],
    x_west: float,
    y_north: float,
    cell: float,
    *,
    crs: str | None = "EPSG:2154",
    nodata: float | None = -9999.0,
    driver: str = "GTiff",
    transform: Affine | None = None,
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(
        path,
        "w",
        driver=driver,
        height=values.shape[0],
        width=values.shape[1],
        count=1,
        dtype=values.dtype,
        crs=crs,
        nodata=nodata,
        transform=transform or Affine(cell, 0, x_west, 0, -cell, y_north),
    ) as file:
        file.write(values, 1)
    return path


@pytest.fixture
def field() -> NDArray[np.float64]:
    """20 × 20 heights with two decimals, all different."""
    rows, columns = np.mgrid[0:20, 0:20]
    return np.round(100.0 + rows * 0.25 + columns * 10.01, 2)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data, or a skip that says why."""
    folder = Path(os.environ.get("TWIN_REAL_DATA", Path(__file__).parents[3] / "shared" / "data"))
    if not (folder / "fr").is_dir():
        pytest.skip(f"real data not found in {folder} (set TWIN_REAL_DATA)")
    return folder / "fr"
