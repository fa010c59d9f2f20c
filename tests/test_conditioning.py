"""Hydraulic conditioning on grounds whose right answer is known."""

from __future__ import annotations

import itertools
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely

from tests import small
from twin.conditioning import (
    burn_streams,
    crests_of_defences,
    longest_descent,
    lowest_along,
    open_culverts,
    streams_on_grid,
)
from twin.errors import InputError
from twin.grid import Grid
from twin.gridding import DomainParameters, build_domain
from twin.layers.ign import raised
from twin.layers.lattice import InMemory, resample
from twin.territory import Territory

GRID = Grid("EPSG:2154", 0.0, 200.0, 10.0, 20, 30)
# One stream, west to east, along the middle of row 10.
LINE = shapely.LineString([(0.0, 95.0), (300.0, 95.0)])


def frame(*shapes: object, **columns: object) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(dict(columns), geometry=list(shapes), crs="EPSG:2154")


def valley() -> np.ndarray:
    """Falls 0.1 m a cell to the east, row 10 is the bed, 2 m under the rest."""
    ground = np.broadcast_to(10.0 - 0.1 * np.arange(GRID.nx), GRID.shape).copy()
    ground[10] -= 2.0
    return ground


def roads(*shapes: object, level: int = 0) -> gpd.GeoDataFrame:
    return frame(*shapes, level=[level] * len(shapes))


ROAD = shapely.LineString([(155.0, 0.0), (155.0, 200.0)])


def test_a_stream_that_descends_is_left_alone() -> None:
    step = burn_streams(GRID, valley(), streams_on_grid(GRID, valley(), frame(LINE)), 0.0, 5.0)
    np.testing.assert_array_equal(step.ground, valley())
    assert step.before == step.after == step.cut == 0.0


def test_a_bar_across_the_bed_is_cut_and_nothing_else() -> None:
    ground = valley()
    ground[10, 12:14] += 3.0
    step = burn_streams(GRID, ground, streams_on_grid(GRID, valley(), frame(LINE)), 0.0, 5.0)
    expected = valley()
    expected[10, 12:14] = expected[10, 11]
    np.testing.assert_array_equal(step.ground[:10], valley()[:10])
    np.testing.assert_array_equal(step.ground[10, 12:14], expected[10, 11])
    np.testing.assert_array_equal(step.ground[10, 14:], valley()[10, 14:])
    assert step.before == pytest.approx(2.9)
    assert step.after == 0.0
    assert step.cut == pytest.approx((ground - expected).sum() * 100.0)
    assert step.deepest == pytest.approx(2.9)
    assert "2.9 m before, 0 m after" in step.note


def test_a_false_pit_digs_no_canyon() -> None:
    ground = valley()
    ground[10, 2] = -50.0
    step = burn_streams(GRID, ground, streams_on_grid(GRID, valley(), frame(LINE)), 0.0, 1.5)
    assert step.deepest == pytest.approx(1.5)
    np.testing.assert_allclose(step.ground[10, 3:], ground[10, 3:] - 1.5)
    assert step.after > 0


def test_a_depth_is_taken_off_once_where_streams_join() -> None:
    tributary = shapely.LineString([(155.0, 200.0), (155.0, 95.0), (300.0, 95.0)])
    step = burn_streams(GRID, valley(), streams_on_grid(GRID, valley(), frame(LINE, tributary)), 0.5, 5.0)
    np.testing.assert_allclose(step.ground[10], valley()[10] - 0.5)
    assert step.ground[5, 15] == pytest.approx(valley()[5, 15] - 0.5)


def test_a_confluence_hands_its_level_on_whatever_the_order() -> None:
    # The upstream part comes last in the layer, and ends lower than the part downstream begins.
    ground = valley()
    ground[10, :15] -= 1.0
    down = shapely.LineString([(145.0, 95.0), (300.0, 95.0)])
    up = shapely.LineString([(0.0, 95.0), (145.0, 95.0)])
    step = burn_streams(GRID, ground, streams_on_grid(GRID, valley(), frame(down, up)), 0.0, 5.0)
    assert (np.diff(step.ground[10]) <= 0).all()


def test_streams_run_as_they_are_said_to() -> None:
    back = shapely.reverse(LINE)
    layer = frame(
        back, back, LINE,
        sens_de_l_ecoulement=["Sens inverse", "Sens direct", None],
        position_par_rapport_au_sol=["0", "Gué ou radier", "-1"],
    )  # fmt: skip
    east, west = streams_on_grid(GRID, valley(), layer)  # the third is under ground
    np.testing.assert_array_equal(east.cells, 10 * GRID.nx + np.arange(GRID.nx))
    np.testing.assert_array_equal(west.cells, east.cells[::-1])


def test_a_stream_through_corners_of_cells_shares_faces() -> None:
    """Water passes no corner: the lower of the two cells beside it is part of the stream."""
    ground = np.full(GRID.shape, 9.0)
    ground[3, 2], ground[5, 6] = 5.0, np.nan
    down = frame(shapely.LineString([(5.0, 195.0), (95.0, 105.0)]))
    up = frame(shapely.LineString([(95.0, 105.0), (5.0, 195.0)]))
    for layer in (down, up):
        (stream,) = streams_on_grid(GRID, ground, layer)
        i, j = np.divmod(stream.cells, GRID.nx)
        assert (np.abs(np.diff(i)) + np.abs(np.diff(j)) == 1).all()
        assert stream.cells.size == 2 * 10 - 1
        assert {(3, 2), (6, 5)} <= set(zip(i.tolist(), j.tolist(), strict=True))
        assert (np.diff(stream.along) > 0).all()
        assert stream.along[[0, -1]] == pytest.approx([2.5 * 2**0.5, 87.5 * 2**0.5])


@pytest.mark.parametrize(("level", "opened"), [(0, True), (1, True), (-1, False)])
def test_an_embankment_is_opened_where_a_road_crosses(level: int, opened: bool) -> None:
    ground = valley()
    ground[:, 14:17] = 12.0  # an embankment over the whole valley, 30 m wide
    streams = streams_on_grid(GRID, valley(), frame(LINE))
    step = open_culverts(GRID, ground, streams, frame(LINE), roads(ROAD, level=level), 50.0)
    others = np.delete(np.arange(GRID.ny), 10)
    np.testing.assert_array_equal(step.ground[others], ground[others])
    if opened:
        np.testing.assert_allclose(step.ground[10], valley()[10], atol=1e-9)
        assert "1 crossings and 0 buried passages, 1 embankments opened" in step.note
        assert (step.before, step.after) == (pytest.approx(12.0 - valley()[10, 13]), 0.0)
    else:
        np.testing.assert_array_equal(step.ground, ground)


def cut(
    *lines: object, over: object = None, buried: float = 0.0, **columns: object
) -> tuple[np.ndarray, str]:
    """Row 10 of a valley with an embankment across it, once opened; and the note. over: bridges, dams."""
    ground = valley()
    ground[:, 14:17] = 12.0
    layer = frame(*lines, **columns)
    streams = streams_on_grid(GRID, valley(), layer, buried=buried)
    step = open_culverts(GRID, ground, streams, layer, None, 50.0, over)  # type: ignore[arg-type]
    return step.ground[10], step.note


def parts(*ends: float) -> list[shapely.LineString]:
    """The stream in parts that follow on, in no order."""
    lines = [shapely.LineString([(a, 95.0), (b, 95.0)]) for a, b in itertools.pairwise(ends)]
    return lines[::-1]


def test_a_railway_bridge_of_the_structures_is_a_passage() -> None:
    """No road says it: the line of nature Pont does."""
    bridge = frame(ROAD, nature=["Pont"])
    row, note = cut(LINE, over=bridge)
    np.testing.assert_allclose(row, valley()[10], atol=1e-9)
    assert "1 crossings and 0 buried passages, 1 embankments opened" in note
    wall = frame(ROAD, nature=["Mur de soutènement"])
    assert "0 crossings" in cut(LINE, over=wall)[1]


def test_what_lies_before_and_after_is_followed_across_lines() -> None:
    """The line under the road ends in the embankment: only its neighbours reach open ground."""
    row, _ = cut(*parts(0.0, 145.0, 165.0, 300.0), over=frame(ROAD, nature=["Pont"]))
    np.testing.assert_allclose(row, valley()[10], atol=1e-9)


@pytest.mark.parametrize(
    ("columns", "limit", "opened"),
    [
        ({"position_par_rapport_au_sol": [0, -1, 0]}, 100.0, True),
        ({"position_par_rapport_au_sol": [0, -1, 0]}, 20.0, False),  # a river under the town
        ({"franchissement": [None, "Tunnel", None]}, 100.0, True),
    ],
)
def test_a_short_buried_part_is_a_culvert(columns: dict[str, object], limit: float, opened: bool) -> None:
    row, note = cut(*parts(0.0, 135.0, 175.0, 300.0), buried=limit, **columns)
    assert ("0 crossings and 1 buried passages, 1 embankments opened" in note) == opened
    if opened:
        np.testing.assert_allclose(row, valley()[10], atol=1e-9)
    else:
        np.testing.assert_array_equal(row[14:17], 12.0)


def test_a_canal_on_a_bridge_is_no_stream_of_the_ground() -> None:
    """The canal passes 6 m over a river: nothing is cut, and it goes on at its own level beyond."""
    ground = np.full(GRID.shape, 20.0)
    ground[:, 14:16] = 14.0
    ends = [(0.0, 135.0), (135.0, 165.0), (165.0, 300.0)]
    lines = [shapely.LineString([(a, 95.0), (b, 95.0)]) for a, b in ends]
    layer = frame(*lines, position_par_rapport_au_sol=["0", "1", "0"])
    streams = streams_on_grid(GRID, valley(), layer)
    assert len(streams) == 2
    np.testing.assert_array_equal(burn_streams(GRID, ground, streams, 0.0, 8.0).ground, ground)
    towpath = frame(shapely.LineString([(145.0, 0.0), (145.0, 200.0)]), nature=["Pont"])
    step = open_culverts(GRID, ground, streams, layer, None, 50.0, towpath)
    np.testing.assert_array_equal(step.ground, ground)
    assert "0 crossings" in step.note
    under = streams_on_grid(
        GRID, valley(), frame(*lines, position_par_rapport_au_sol=[0, -1, 0]), buried=50.0
    )
    assert [stream.buried for stream in under] == [False, True, False]


def test_a_dam_is_never_opened() -> None:
    """A road over a dam: said by a structure, or by the stream itself (v2)."""
    crest = frame(ROAD, ROAD, nature=["Pont", "Barrage"])
    np.testing.assert_array_equal(cut(LINE, over=crest)[0][14:17], 12.0)
    bridge = frame(ROAD, nature=["Pont"])
    row, _ = cut(*parts(0.0, 145.0, 165.0, 300.0), over=bridge, franchissement=[None, "Barrage", None])
    np.testing.assert_array_equal(row[14:17], 12.0)


def test_the_longest_way_down() -> None:
    """Across lines, whatever their order; anew after a step up and in a ring."""
    ground = valley()
    whole = streams_on_grid(GRID, valley(), frame(LINE))
    in_parts = streams_on_grid(GRID, valley(), frame(*parts(0.0, 40.0, 155.0, 230.0, 300.0)))
    assert longest_descent(ground, whole) == pytest.approx(300.0)
    assert longest_descent(ground, in_parts) == pytest.approx(300.0)
    ground[10, 20] += 1.0  # between the centres of cells 19 and 20, then down again
    assert longest_descent(ground, in_parts) == pytest.approx(205.0)
    square = shapely.LineString([(50, 50), (50, 150), (150, 150), (150, 50), (50, 50)])
    assert longest_descent(
        np.zeros(GRID.shape), streams_on_grid(GRID, valley(), frame(square))
    ) == pytest.approx(400.0)


@pytest.mark.real
def test_streams_of_dieppe_pass(real_data: Path, tmp_path: Path) -> None:
    """On the real coast, at 20 m: 47 crossings, the longest way down from 0.8 to 10 km."""
    gpkg = real_data / "fr/dieppe/clean/dieppe.gpkg"
    text = (Path(__file__).parent / "real/dieppe/territory.toml").read_text("utf-8")
    layer = f'[layers.hydrography]\nsource = "{gpkg}"\nlayer = "troncon_hydrographique"\n[places]'
    (tmp_path / "territory.toml").write_text(text.replace("[places]", layer, 1), "utf-8")
    territory = Territory.open(tmp_path)
    steps: dict[str, object] = {"buildings": "ignore", "defences": "ignore"}
    plain = build_domain(territory, parameters=DomainParameters.model_validate(steps))
    opened = build_domain(territory, parameters=DomainParameters.model_validate(steps | {"culverts": "open"}))
    keys = DomainParameters.model_validate(steps | {"culverts": "open", "river_bed": "descend"})
    burnt = build_domain(territory, parameters=keys)
    grid = plain.require_grid("test")
    streams = streams_on_grid(grid, plain.field("ground_elevation"), territory.layer("hydrography").data)
    way = [longest_descent(d.field("ground_elevation"), streams) for d in (plain, opened, burnt)]
    assert way[0] < 900
    assert way[2] > 9_000
    # Only cells of streams are touched, and only lowered; each step says what it did.
    on_streams = np.zeros(grid.shape, dtype=bool)
    on_streams.ravel()[np.concatenate([s.cells for s in streams])] = True
    before, after = plain.field("ground_elevation"), burnt.field("ground_elevation")
    np.testing.assert_array_equal(before[~on_streams], after[~on_streams])
    assert np.nanmax(after - before) <= 0.0
    notes = next(r["notes"] for r in burnt.provenance if r["layer"] == "hydrography")
    assert any("47 crossings and 0 buried passages, 30 embankments opened" in note for note in notes)
    assert any(note.startswith("bed of 136 streams") for note in notes)


def test_no_embankment_or_no_road_nothing_opened() -> None:
    streams = streams_on_grid(GRID, valley(), frame(LINE))
    step = open_culverts(GRID, valley(), streams, frame(LINE), roads(ROAD), 50.0)
    np.testing.assert_array_equal(step.ground, valley())
    far = valley()
    far[10, 25] += 3.0  # a bar without a road
    np.testing.assert_array_equal(
        open_culverts(GRID, far, streams, frame(LINE), roads(ROAD), 50.0).ground, far
    )


def test_defences_are_crests_on_faces() -> None:
    wall = shapely.LineString([(100.0, 0.0), (100.0, 200.0)])
    sloping = shapely.LineString([(200.0, 0.0, 11.0), (200.0, 200.0, 13.0)])
    layer = frame(wall, sloping, shapely.LineString([(250, 0), (250, 50)]), alt=[12.5, np.nan, np.nan])
    crest_x, crest_y, note = crests_of_defences(GRID, layer, valley(), "d.gpkg")
    np.testing.assert_array_equal(crest_x[:, 10], 12.5)
    assert np.isneginf(np.delete(crest_x, [10, 20], axis=1)).all()
    assert np.isneginf(crest_y).all()
    # The crest of a face is the higher end of its stretch: never lower than the wall.
    np.testing.assert_allclose(crest_x[:, 20], 13.0 - 0.1 * np.arange(GRID.ny), atol=0.11)
    assert "2 lines on 40 faces, 40 of them higher than the ground" in note
    assert "1 lines without a crest left out" in note


def test_crests_in_texts_count_and_codes_for_unknown_do_not() -> None:
    """The next column, then the line's own Z, else nothing says the crest; 0 is none on ground at 8 m."""
    walls = [shapely.LineString([(100.0 + 20 * k, 0.0), (100.0 + 20 * k, 200.0)]) for k in range(5)]
    walls[3] = shapely.force_3d(walls[3], z=11.5)
    walls[4] = shapely.force_3d(walls[4], z=0.0)
    layer = frame(*walls, crest=["12,50", "-999", "-9999", "9999", None], alt=[1.0, 12.25, 0.0, -99.0, -1e31])
    crest_x, _, note = crests_of_defences(GRID, layer, valley(), "d.gpkg")
    np.testing.assert_array_equal(
        crest_x[:, [10, 12, 14, 16, 18]], [[12.5, 12.25, -np.inf, 11.5, -np.inf]] * 20
    )
    assert "3 lines" in note or "3 lignes" in note
    # By the sea, where the ground is no higher, 0 m is a height.
    sea, _, _ = crests_of_defences(GRID, frame(walls[0], alt=[0.0]), valley() - 10.0, "d.gpkg")
    np.testing.assert_array_equal(sea[:, 10], 0.0)


def test_crests_in_another_unit_are_refused() -> None:
    """Crests in centimetres were walls of three kilometres."""
    wall = shapely.LineString([(100.0, 0.0), (100.0, 200.0)])
    for crest, said in ((1250.0, "1250"), (-30.0, "-30")):
        layer = frame(wall, shapely.LineString([(200.0, 0.0), (200.0, 200.0)]), alt=[12.5, crest])
        with pytest.raises(InputError, match=f"{said}.* m, where the terrain goes from"):
            crests_of_defences(GRID, layer, valley(), "d.gpkg")


def test_defences_without_any_crest_are_refused() -> None:
    layer = frame(LINE, nature=["Mur"])
    with pytest.raises(InputError, match=r"no elevation of a crest \(columns: nature\)"):
        crests_of_defences(GRID, layer, valley(), "d.gpkg")


def test_through_the_territory(tmp_path: Path) -> None:
    folder = small.make(tmp_path / "town").parent
    x, y = small.X, small.Y
    frame(shapely.LineString([(x + 400, y), (x + 400, y - 400)]), alt=[105.0]).to_file(folder / "d.gpkg")
    frame(shapely.LineString([(x, y - 255), (x + 600, y - 255)]), nom=["Ru"]).to_file(folder / "h.gpkg")
    file = folder / "territory.toml"
    layers = '[layers.defences]\nsource = "d.gpkg"\n[layers.hydrography]\nsource = "h.gpkg"\n[places]'
    file.write_text(file.read_text("utf-8").replace("[places]", layers), "utf-8")
    plain = build_domain(Territory.open(folder), parameters=DomainParameters(defences="ignore"))
    assert np.isneginf(plain.field("crest_x")).all()
    keys = DomainParameters.model_validate({"river_bed": "descend", "river_depth": "20 cm"})
    domain = build_domain(Territory.open(folder), parameters=keys)
    np.testing.assert_array_equal(domain.field("crest_x")[:, 40], 105.0)
    bed = domain.field("bed_elevation")[25]
    assert (np.diff(bed) <= 0).all()
    assert bed[0] == pytest.approx(plain.field("bed_elevation")[25, 0] - 0.2)
    np.testing.assert_array_equal(
        np.delete(domain.field("bed_elevation"), 25, axis=0),
        np.delete(plain.field("bed_elevation"), 25, axis=0),
    )
    notes = {record["layer"]: record["notes"] for record in domain.provenance}
    assert any("crest" in note or "defences" in note for note in notes["defences"])
    assert any(note.startswith("bed of 1 streams") for note in notes["hydrography"])


def test_a_defence_without_a_height_takes_the_top_of_the_fine_terrain() -> None:
    """A dike 2 m wide and 3 m high on a terrain of 1 m cells, gone in the mean of 10 m cells."""
    fine = np.full((200, 300), 4.0)
    fine[100:102, 40:200] = 7.0
    source = InMemory(fine, 0.0, 200.0, 1.0)
    ground = resample(source, GRID)
    assert np.nanmax(ground) < 5.0
    dike = frame(shapely.LineString([(60.0, 98.9), (180.0, 98.9)]))
    _, crest_y, note = crests_of_defences(GRID, dike, ground, "digues.gpkg", source)
    assert np.isfinite(crest_y).any()
    assert crest_y[np.isfinite(crest_y)].tolist() == [7.0] * int(np.isfinite(crest_y).sum())
    assert "1 lignes à la crête du terrain fin" in note or "1 lines at the top" in note
    with pytest.raises(InputError):
        crests_of_defences(GRID, dike, ground, "digues.gpkg")  # nothing to take a height from


@pytest.mark.parametrize("low", [2.0, 4.5])
@pytest.mark.parametrize("offset", [0.0, -0.4])
def test_a_crest_of_zero_on_a_low_coast_is_unknown(low: float, offset: float) -> None:
    """Dikes drawn with Z = 0 (or the column) on ground at 2 to 5 m were lost under it."""
    fine = np.full((200, 300), low)
    fine[100:102, 40:200] = 7.0
    source = InMemory(fine, 0.0, 200.0, 1.0)
    ground = resample(source, GRID)
    flat = shapely.LineString([(60.0, 98.9, 0.0), (180.0, 98.9, 0.0)])
    part = shapely.LineString([(60.0, 98.9, 6.5), (120.0, 98.9, 0.0), (180.0, 98.9, 6.5)])
    said = shapely.LineString([(60.0, 98.9), (180.0, 98.9)])
    for layer, top in ((frame(flat), 7.0), (frame(part), 6.5), (frame(said, crest=[0.0]), 7.0)):
        moved = raised(layer, offset) if offset else layer
        _, crest_y, _ = crests_of_defences(GRID, moved, ground, "d.gpkg", source)
        expected = top + offset if layer.has_z[0] and top == 6.5 else top
        np.testing.assert_allclose(np.unique(crest_y[np.isfinite(crest_y)]), expected)


def test_cells_of_a_stream_take_the_lowest_of_the_fine_terrain() -> None:
    """A bed 2 m wide, 3 m deep under banks: the mean of 10 m cells raises it by 2.4 m."""
    fine = np.broadcast_to(10.0 - 0.01 * np.arange(300), (200, 300)).copy()
    fine[104:106] -= 3.0
    source = InMemory(fine, 0.0, 200.0, 1.0)
    ground, lowest = resample(source, GRID), resample(source, GRID, "min")
    step = lowest_along(GRID, ground, lowest, streams_on_grid(GRID, valley(), frame(LINE)))
    np.testing.assert_array_equal(step.ground[10], lowest[10])
    np.testing.assert_allclose(ground[10] - step.ground[10], 0.8 * 3.0 + 0.045, rtol=1e-12)
    np.testing.assert_array_equal(np.delete(step.ground, 10, 0), np.delete(ground, 10, 0))
    assert step.cut == pytest.approx((ground[10] - lowest[10]).sum() * 100.0)


def test_resampling_is_a_parameter_of_the_domain(tmp_path: Path) -> None:
    territory = Territory.open(small.make(tmp_path / "town").parent)
    cell = territory.mosaic().cell
    made = {
        method: build_domain(
            territory, 2 * cell, DomainParameters(resampling=method, buildings="ignore")
        ).fields["ground_elevation"].values
        for method in ("mean", "max", "min")
    }  # fmt: skip
    assert (made["min"] <= made["mean"]).all()
    assert (made["mean"] <= made["max"]).all()
    assert (made["min"] < made["max"]).any()
