"""Damaged files of every format: a clear error or a right answer, never a crash, never a silent null."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.layers import features
from tests.layers.conftest import write_asc, write_tif
from twin.errors import InputError
from twin.layers import Layer, LayerSource, read_layer

X, Y = features.X, features.Y
# Loaded machines compile and read slowly; the files are made once.
# TWIN_FUZZ=500 looks longer.
fuzzed = settings(
    deadline=None,
    max_examples=int(os.environ.get("TWIN_FUZZ", "8")),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def sound() -> Iterator[Path]:
    """One sound file of each format, in a folder of its own."""
    folder = Path(tempfile.mkdtemp(prefix="twin-fuzz-"))
    heights = np.round(np.random.default_rng(2).normal(100, 5, (16, 16)), 2)
    write_asc(folder / "terrain.asc", heights, X, Y, 5.0)
    write_tif(folder / "terrain.tif", heights.astype(np.float32), X, Y + 80, 5.0)
    roads = features.frame(features.ROADS * 6)
    roads["cleabs"] = [f"TRONROUT{k:02d}" for k in range(len(roads))]
    features.write_gpkg(folder / "roads.gpkg", {"troncon_de_route": roads})
    roads.to_file(folder / "roads.geojson")
    roads.to_file(folder / "roads.fgb")
    features.short(features.ROADS * 6, features.SHORT).to_file(folder / "roads.shp", engine="pyogrio")
    yield folder
    shutil.rmtree(folder)


def read(folder: Path, file: str) -> Layer:
    name = "terrain" if file.startswith("terrain") else "roads"
    source = LayerSource(source=file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what GDAL mumbles about a damaged file
        return read_layer(name, source, root=folder, crs="EPSG:2154")


def damaged(sound: Path, file: str, change: Callable[[bytes], bytes], suffix: str = "") -> Layer | None:
    """The layer of a damaged copy, or None when it is refused as it should be."""
    with tempfile.TemporaryDirectory(prefix="twin-fuzz-") as room:
        for path in sound.glob(f"{Path(file).stem}.*"):
            shutil.copy(path, room)
        target = Path(room) / Path(file).with_suffix(suffix or Path(file).suffix)
        target.write_bytes(change(target.read_bytes()))
        try:
            return read(Path(room), file)
        except InputError as error:
            says_what(error)
            return None


def says_what(error: InputError) -> None:
    """An error that helps: what was found and what was expected."""
    assert all(problem.found and problem.expected for problem in error.problems)


def usable(layer: Layer) -> None:
    """What every reader promises, whatever the file."""
    if layer.name == "terrain":
        values = layer.data.values
        assert np.isfinite(values[~np.isnan(values)]).all()
        assert layer.data.attrs["nodata_cells"] == np.isnan(values).sum()
        return
    roads = layer.data
    assert isinstance(roads, gpd.GeoDataFrame)
    assert roads["road_id"].is_unique
    for column in (
        "road_id",
        "name",
        "nature",
        "importance",
        "lanes",
        "direction",
        "access",
        "level",
        "drivable",
    ):
        assert roads[column].notna().all(), column
    assert (roads["importance"].between(1, 6)).all()
    assert set(roads["direction"]) <= {"both", "forward", "backward", "none"}
    assert not (roads.geometry.isna() | roads.geometry.is_empty).any()
    assert np.isfinite(shapely.get_coordinates(roads.geometry.array)).all()
    assert not (roads["drivable"] & roads["speed"].isna()).any()


FILES = ["terrain.asc", "terrain.tif", "roads.gpkg", "roads.geojson", "roads.fgb", "roads.shp"]


@pytest.mark.parametrize(
    ("file", "suffix"),
    [(file, "") for file in FILES] + [("roads.shp", ".dbf"), ("roads.shp", ".shx")],
)
@given(share=st.floats(0.0, 0.999))
@fuzzed
def test_a_file_that_was_cut_is_refused(sound: Path, file: str, suffix: str, share: float) -> None:
    whole = read(sound, file)
    layer = damaged(sound, file, lambda raw: raw[: int(share * len(raw))], suffix)
    if layer is None:
        return
    # A cut that takes nothing but what may be missing (the last digits, the end of the index).
    usable(layer)
    if file.startswith("terrain"):
        same = layer.data.values == whole.data.values
        assert np.count_nonzero(~same) <= 1
    else:
        assert len(layer.data) == len(whole.data)
        assert layer.data["name"].tolist() == whole.data["name"].tolist()


@pytest.mark.parametrize(
    ("file", "suffix"),
    [(file, "") for file in FILES] + [("roads.shp", ".dbf"), ("roads.shp", ".shx")],
)
@given(data=st.data())
@fuzzed
def test_bytes_that_were_changed(sound: Path, file: str, suffix: str, data: st.DataObject) -> None:
    def change(raw: bytes) -> bytes:
        out = bytearray(raw)
        # Headers are short and decide most: half of the changes go there.
        last = data.draw(st.sampled_from([min(400, len(raw)), len(raw)]))
        for at in data.draw(st.lists(st.integers(0, last - 1), min_size=1, max_size=4)):
            out[at] = data.draw(st.integers(0, 255))
        return bytes(out)

    layer = damaged(sound, file, change, suffix)
    if layer is not None:
        usable(layer)


@pytest.mark.parametrize(
    ("file", "changes"),
    [
        ("terrain.tif", {3: 0, 342: 128, 327: 0}),  # a tag that is no text
        ("roads.fgb", {54: 0}),  # a type of geometry that does not exist
    ],
)
def test_bytes_that_once_crashed(sound: Path, file: str, changes: dict[int, int]) -> None:
    """Found with TWIN_FUZZ=100: each is refused or read, and stays so."""

    def change(raw: bytes) -> bytes:
        out = bytearray(raw)
        for at, value in changes.items():
            out[at] = value
        return bytes(out)

    layer = damaged(sound, file, change)
    if layer is not None:
        usable(layer)


VALUES = st.one_of(
    st.none(), st.text(max_size=12), st.integers(-(2**40), 2**40), st.floats(), st.booleans(),
    st.sampled_from(["Sens direct", "Rond-point", "Oui", "NC", "4", "1,5", "-1000", "Gué", "é\ufffd"]),
)  # fmt: skip
COORDINATES = st.floats(-1e7, 1e7, allow_nan=False)
SHAPES = st.one_of(
    st.none(),
    st.lists(st.tuples(COORDINATES, COORDINATES), min_size=2, max_size=5).map(shapely.LineString),
    st.just(shapely.LineString()),
    st.just(shapely.LineString([(X, Y), (X, Y)])),
    st.just(shapely.LineString([(X, Y, float("nan")), (X + 9, Y, 1.0)])),
    st.just(shapely.MultiLineString([[(X, Y), (X + 9, Y)], [(X + 50, Y), (X + 60, Y)]])),
)


@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {name: VALUES for name in features.ROADS[0] if name != "geometry"} | {"geometry": SHAPES}
        ),
        min_size=1,
        max_size=6,
    ),
    same=st.booleans(),
)
@fuzzed
def test_columns_of_any_type_and_any_geometry(rows: list[dict[str, Any]], same: bool) -> None:
    """Wrong types, nulls, empty and broken lines, keys that come twice."""
    frame = gpd.GeoDataFrame(rows, geometry="geometry", crs="EPSG:2154")
    for name in frame.columns.drop("geometry"):  # one type a column, as files have it
        kinds = {type(v) for v in frame[name] if v is not None}
        if len(kinds) > 1:
            frame[name] = [
                None if v is None or (isinstance(v, float) and np.isnan(v)) else str(v) for v in frame[name]
            ]
    if same:
        frame["cleabs"] = "TRONROUT01"
    with tempfile.TemporaryDirectory(prefix="twin-fuzz-") as room:
        try:
            frame.to_file(
                Path(room) / "roads.gpkg", layer="troncon_de_route", driver="GPKG", engine="pyogrio"
            )
        except (ValueError, RuntimeError, OverflowError, UnicodeEncodeError, pd.errors.OutOfBoundsDatetime):
            return  # not a file that anyone could deliver
        try:
            layer = read(Path(room), "roads.gpkg")
        except InputError as error:
            says_what(error)
            return
    usable(layer)


@given(
    names=st.lists(
        st.one_of(
            st.text("aéèœÉ '’çLR", max_size=12).map(lambda t: t.encode("utf-8")),
            st.text("aéèÉ 'çLR", max_size=12).map(lambda t: t.encode("cp1252")),
            st.binary(max_size=10),
        ),
        min_size=1,
        max_size=8,
    ),
    cpg=st.sampled_from([None, "UTF-8", "1252", "ISO-8859-1", "nonsense", ""]),
)
@fuzzed
def test_mixed_encodings(names: list[bytes], cpg: str | None) -> None:
    """Every text is decoded: UTF-8 where its bytes are that, else the one-byte encoding; none is lost."""
    names = [name.replace(b"\0", b" ") for name in names]
    with tempfile.TemporaryDirectory(prefix="twin-fuzz-") as room:
        count = len(names)
        columns = {
            "ID": [f"TRONROUT{k:02d}".encode() for k in range(count)], "NATURE": [b"Chemin"] * count,
            "VIT_MOY_VL": [b"30"] * count, "NOM_1_G": names, "DATE_CREAT": [b"2020"] * count,
        }  # fmt: skip
        lines = [shapely.LineString([(X + k, Y), (X + k, Y + 5)]) for k in range(count)]
        features.write_shp(Path(room) / "roads.shp", columns, list(lines), cpg=cpg)
        layer = read(Path(room), "roads.shp")
    usable(layer)
    for raw, name in zip(names, layer.data["name"], strict=True):
        if raw.strip(b" ") and raw.isascii() and raw.decode().isprintable():
            assert name == raw.decode().strip() or raw.decode().strip() in ("NC", "NR")


@pytest.mark.skipif(os.name != "posix", reason="named pipes are of POSIX")
def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.gpkg").mkdir()
    (tmp_path / "empty.gpkg").write_bytes(b"")
    (tmp_path / "empty.asc").write_bytes(b"")
    for file in ("folder.gpkg", "empty.gpkg"):
        with pytest.raises(InputError):
            read_layer("roads", LayerSource(source=file), root=tmp_path, crs="EPSG:2154")
    with pytest.raises(InputError):
        read_layer("terrain", LayerSource(source="empty.asc"), root=tmp_path, crs="EPSG:2154")
