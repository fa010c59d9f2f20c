"""The 3D scene for Python users (PyVista): terrain, water at an instant, buildings, roads.

`scene` gives a plotter to look at, to take pictures of or to add to; `viz.live` lets people move in it.
PyVista is imported only here, after a trial picture has come out in a child process (`viz.rendering`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from numpy.typing import NDArray

from twin.errors import TwinError
from twin.features import WET_DEPTH, cells_touched, deepest_of_cells
from twin.fine_result import for_pictures
from twin.indicators import facilities
from twin.messages import number, text
from twin.results import Result
from twin.water import max_water_depth, permanent_water
from viz import colours as c
from viz import rendering, scene_words, solids
from viz.names import facility_names
from viz.relief import ground_pixels, opaque
from viz.surface import ground_of, roofs_of

if TYPE_CHECKING:
    import geopandas as gpd
    import pyvista as pv

Floats = NDArray[np.float64]

#: The relief is baked into a picture of at most this many pixels a side.
_TEXTURE = 4096
_ROAD_LIFT, _CUT_LIFT = 0.6, 1.0  # metres above the ground, so that lines do not drown in it


def scene(
    result: Result,
    time: float | None = None,
    *,
    exaggeration: float = 1.0,
    lang: str | None = None,
    cells: int = 800,
    window_size: tuple[int, int] = (1280, 720),
    off_screen: bool = True,
) -> pv.Plotter:
    """The scene of a run at an instant.

    Parameters
    ----------
    result : the run; it needs a terrain.
    time : seconds since the start, between frames interpolated; None: the maximum over the run.
    exaggeration : of heights (terrain, water and buildings alike).
    lang : ``fr`` or ``en``.
    cells : the meshes of terrain and water have at most this many points a side; colours stay full.
    window_size : pixels.
    off_screen : False to open a window with `Plotter.show`.

    Raises
    ------
    TwinError
        The run has no terrain, or 3D rendering does not work on this machine.
    """
    drawn = Scene(
        result,
        exaggeration=exaggeration,
        lang=lang,
        cells=cells,
        window_size=window_size,
        off_screen=off_screen,
    )
    drawn.set_time(time)
    plotter: pv.Plotter = drawn.plotter
    return plotter


class Scene:
    """The meshes of one run; `set_time` puts the water, roads and buildings of an instant in place."""

    def __init__(
        self,
        result: Result,
        *,
        exaggeration: float = 1.0,
        lang: str | None = None,
        cells: int = 800,
        window_size: tuple[int, int] = (1280, 720),
        off_screen: bool = True,
        menu: bool = False,
    ) -> None:
        """`menu`: leave the upper left corner to the button of a live view in a notebook."""
        if not result.has_fields or "bed_elevation" not in result.fields:
            raise TwinError(f"{result.path}: {text('scene.no_terrain', lang)}")
        (result,) = for_pictures([result], cells**2)
        self.pv = rendering.pyvista()
        self.result, self.lang, self.scale = result, lang, exaggeration
        self.grid = grid = result.grid
        self.permanent = permanent_water(result)
        self.times = result.times if "water_depth" in result.fields else np.zeros(0)
        self.bed = ground_of(result.fields)  # houses are drawn on it
        self.roofs = roofs_of(result.fields)
        self.step = max(1, -(-max(grid.shape) // cells))
        self.x = grid.x[:: self.step] - grid.bounds[0]
        self.y = grid.y[:: self.step] - grid.bounds[1]
        self.ground = self.bed[:: self.step, :: self.step]
        self.plotter: Any = self.pv.Plotter(off_screen=off_screen, window_size=list(window_size))
        # Several times faster in software rendering; the baked relief hides most of the steps.
        self.plotter.disable_anti_aliasing()
        self.plotter.set_background("#cfdde6", top="#f4f7f9")
        self.menu = menu
        self.pressed: tuple[int, int] | None = None  # where the mouse went down (viz.live)
        self.asked: tuple[float, float] | None = None  # the place that is told
        self._add_terrain()
        self._buildings = self._add_buildings()
        self._roads = self._lay_roads()
        self._add_places()
        scene_words.write(self)
        self._aim()

    # -- what stands still -----------------------------------------------------------

    def _points(self, z: Floats) -> Floats:
        x, y = np.broadcast_arrays(self.x[None, :], self.y[:, None])
        return np.column_stack([x.ravel(), y.ravel(), self.scale * z.ravel()])

    def _textured(self, z: Floats, quads: NDArray[np.int64]) -> Any:
        """A mesh of the lattice whose texture coordinates span the grid."""
        faces = np.column_stack([np.full(len(quads), 4), quads])
        mesh = self.pv.PolyData(self._points(z).astype(np.float32), faces=faces.ravel())
        width, height = (
            self.grid.bounds[2] - self.grid.bounds[0],
            self.grid.bounds[3] - self.grid.bounds[1],
        )
        u, v = np.broadcast_arrays(self.x[None, :] / width, self.y[:, None] / height)
        mesh.active_texture_coordinates = np.column_stack([u.ravel(), v.ravel()]).astype(np.float32)
        return mesh

    def _texture(self, picture: Floats, *, smooth: bool) -> Any:
        stride = max(1, -(-max(picture.shape[:2]) // _TEXTURE))
        pixels = np.round(255 * np.clip(picture[::stride, ::stride], 0, 1)).astype(np.uint8)
        texture = self.pv.Texture(np.ascontiguousarray(pixels))
        texture.interpolate = smooth
        return texture

    def _add_terrain(self) -> None:
        known = np.isfinite(self.ground)
        quads = solids.quads_of(solids.all_corners(known))
        mesh = self._textured(np.where(known, self.ground, 0.0), quads)
        fields, frame = self.result.fields, self.result.buildings
        drawn = opaque(
            ground_pixels(
                self.bed,
                self.grid.cell,
                roughness=np.asarray(fields["roughness"].values) if "roughness" in fields else None,
                buildings=None if frame is None or frame.empty else frame,
                west=self.grid.x_west,
                north=self.grid.y_north,
            )
        )
        relief = self._texture(drawn / 255.0, smooth=True)
        self.plotter.add_mesh(mesh, texture=relief, lighting=False, name="terrain")

    def _elevation(self, x: Floats, y: Floats) -> Floats:
        """Ground under points (local metres): that of their cell; of the nearest cell outside."""
        return self._at(self.bed, x, y)

    def _on_the_grid(self, xy: Floats) -> NDArray[np.bool_]:
        """Which points (n, 2) have ground below them: roads and houses go on beyond the model."""
        i, j = self.grid.index(xy[:, 0] + self.grid.bounds[0], xy[:, 1] + self.grid.bounds[1])
        return self.grid.inside(i, j)

    def _at(self, field: Floats, x: Floats, y: Floats) -> Floats:
        i = np.clip((self.grid.y_north - self.grid.bounds[1] - y) // self.grid.cell, 0, self.grid.ny - 1)
        j = np.clip(x // self.grid.cell, 0, self.grid.nx - 1)
        return np.asarray(field[i.astype(int), j.astype(int)])

    def _local(self, frame: gpd.GeoDataFrame) -> NDArray[Any]:
        """Geometries relative to the local origin (south-west corner of the grid)."""
        x_min, y_min = self.grid.bounds[:2]
        shapes = np.asarray(frame.geometry.array, dtype=object)
        return np.asarray(shapely.transform(shapes, lambda xy: xy - np.array([x_min, y_min])))

    def _add_buildings(self) -> Any:
        frame = self.result.buildings
        if frame is None or frame.empty:
            return None
        inner = shapely.get_coordinates(shapely.point_on_surface(self._local(frame)))
        frame = frame[self._on_the_grid(inner)]
        if frame.empty:
            return None
        shapes = self._local(frame)
        corners, of = shapely.get_coordinates(shapes, return_index=True)
        lowest = np.full(len(frame), np.inf)
        np.minimum.at(lowest, of, np.nan_to_num(self._elevation(*corners.T), nan=np.inf))
        lowest[~np.isfinite(lowest)] = float(np.nanmin(self.bed))
        tall = frame["height"].to_numpy(dtype=float) if "height" in frame else np.full(len(frame), 5.0)
        ground = (
            frame["ground_elevation"].to_numpy(dtype=float)
            if "ground_elevation" in frame
            else np.full(len(frame), np.nan)
        )
        ground = np.where(np.isfinite(ground), ground, lowest)
        points, triangles, owner = solids.extruded(
            shapes, np.minimum(lowest, ground) - 1.0, ground + np.nan_to_num(tall, nan=5.0)
        )
        points[:, 2] *= self.scale
        faces = np.column_stack([np.full(len(triangles), 3), triangles])
        mesh = self.pv.PolyData(points.astype(np.float32), faces=faces.ravel())
        mesh.cell_data["colour"] = np.zeros((len(triangles), 3), np.uint8)
        self.plotter.add_mesh(
            mesh, scalars="colour", rgb=True, name="buildings", ambient=0.35, diffuse=0.7, show_edges=False
        )
        cells = cells_touched(np.asarray(frame.geometry.array, dtype=object), self.grid)
        return mesh, owner, len(frame), cells

    def _lay_roads(self) -> Any:
        """Vertices on the ground (decks straight from end to end), lines, and when each is cut."""
        frame = self.result.roads
        if frame is None or frame.empty:
            return None
        if "drivable" in frame:
            frame = frame[frame["drivable"].astype(bool)]
        frame = frame.explode(index_parts=False)
        xy, line, share = solids.densified(self._local(frame), 2 * self.grid.cell)
        z = self._elevation(xy[:, 0], xy[:, 1])
        first = np.searchsorted(line, np.arange(len(frame)), side="left")
        last = np.searchsorted(line, np.arange(len(frame)), side="right") - 1
        deck = np.asarray(frame["level"] if "level" in frame else np.zeros(len(frame))) > 0
        straight = z[first][line] + share * (z[last] - z[first])[line]
        z = np.where(deck[line], np.fmax(straight, z), z)
        known = np.isfinite(z) & self._on_the_grid(xy)
        depth = np.asarray(frame.get("max_water_depth", np.zeros(len(frame))), dtype=np.float64)
        begin = np.asarray(frame.get("cut_from_s", np.full(len(frame), np.nan)), dtype=np.float64)
        end = np.asarray(frame.get("cut_to_s", np.full(len(frame), np.nan)), dtype=np.float64)
        joined = (line[:-1] == line[1:]) & known[:-1] & known[1:]
        start = np.flatnonzero(joined)
        return np.column_stack([xy, np.nan_to_num(z)]), start, line[:-1][joined], depth, begin, end

    @property
    def has_buildings(self) -> bool:
        """Whether buildings are drawn."""
        return self._buildings is not None

    @property
    def has_roads(self) -> bool:
        """Whether roads are drawn."""
        return self._roads is not None

    def _add_places(self) -> None:
        found = facilities(self.result)
        if found is None or found.empty:
            return
        points = shapely.get_coordinates(shapely.point_on_surface(self._local(found)))
        z = np.nan_to_num(self._elevation(points[:, 0], points[:, 1])) + 25.0
        self.plotter.add_point_labels(
            np.column_stack([points, self.scale * z]),
            facility_names(found, self.lang),
            font_size=13,
            text_color="#22272b",
            shape_color="white",
            shape_opacity=0.75,
            margin=2,
            show_points=False,
            always_visible=True,
            name="places",
        )

    def _aim(self) -> None:
        """From the south, above, the whole territory in view, above what is written at the foot."""
        width, height = (
            self.grid.bounds[2] - self.grid.bounds[0],
            self.grid.bounds[3] - self.grid.bounds[1],
        )
        middle = self.scale * float(np.nanmean(self.ground))
        far = max(width / 1.2, height)
        self.plotter.camera_position = [
            (width / 2, height / 2 - 1.16 * far, middle + 0.9 * far),
            (width / 2, height / 2 - 0.12 * far, middle),
            (0.0, 0.0, 1.0),
        ]
        self.plotter.camera.clipping_range = (far / 100, 10 * far)

    # -- what moves --------------------------------------------------------------------

    def depth_at(self, time: float | None) -> Floats:
        """Depth (ny, nx) at an instant, between frames interpolated; the maximum for None.

        Raises
        ------
        TwinError
            The run has no depth yet.
        """
        if time is None:
            deepest = max_water_depth(self.result)
            if deepest is None:
                raise TwinError(f"{self.result.path}: {text('scene.no_frames', self.lang)}")
            return np.where(self.roofs, 0.0, np.nan_to_num(deepest))
        if self.times.size == 0:
            raise TwinError(f"{self.result.path}: {text('scene.no_frames', self.lang)}")
        depth = self.result.fields["water_depth"]
        after = int(np.clip(np.searchsorted(self.times, time), 0, self.times.size - 1))
        before = max(after - 1, 0)
        span = float(self.times[after] - self.times[before])
        share = 1.0 if span <= 0 else float(np.clip((time - self.times[before]) / span, 0.0, 1.0))
        low = np.nan_to_num(np.asarray(depth.isel(time=before).values, dtype=np.float64))
        high = np.nan_to_num(np.asarray(depth.isel(time=after).values, dtype=np.float64))
        return np.where(self.roofs, 0.0, (1.0 - share) * low + share * high)

    def set_time(self, time: float | None) -> None:
        """Put the water, the cut roads and the touched buildings of an instant in place."""
        depth = self.depth = self.depth_at(time)
        self._pour(depth)
        self._paint_buildings(depth)
        self._draw_roads(time, depth)
        scene_words.instant(self, time)
        if self.asked is not None:
            self.tell(*self.asked)  # its depth is another one now
        self.plotter.render()

    def tell(self, x: float, y: float) -> str:
        """Mark a place (m from the south-west corner); write its ground, depth now and at most beside it."""
        i, j = self.grid.index(np.array([x + self.grid.bounds[0]]), np.array([y + self.grid.bounds[1]]))
        if not self.grid.inside(i, j)[0]:
            return ""
        self.asked = x, y
        cell = int(i[0]), int(j[0])
        deepest = max_water_depth(self.result)
        told = text(
            "scene.told",
            self.lang,
            ground=number(float(self.bed[cell]), self.lang, 2),
            now=number(float(self.depth[cell]), self.lang, 2),
            most=number(float(self.depth[cell] if deepest is None else deepest[cell]), self.lang, 2),
        )
        self.plotter.add_point_labels(
            np.array([[x, y, self.scale * float(np.nan_to_num(self.bed[cell]) + self.depth[cell])]]),
            [told],
            font_size=13,
            text_color="#000091",
            shape_color="white",
            shape_opacity=0.9,
            point_color="#000091",
            point_size=11,
            always_visible=True,
            name="told",
            reset_camera=False,
        )
        return told

    def _pour(self, depth: Floats) -> None:
        wet = depth > WET_DEPTH
        coarse = wet[:: self.step, :: self.step] & np.isfinite(self.ground)
        if not coarse.any():
            self.plotter.remove_actor("water", render=False)
            return
        level = solids.spread(np.nan_to_num(self.ground) + depth[:: self.step, :: self.step], coarse)
        drawn = solids.any_corner(coarse) & solids.all_corners(np.isfinite(level))
        mesh = self._textured(np.nan_to_num(level), solids.quads_of(drawn))
        index = c.class_index(depth, c.DEPTH)
        index[self.permanent & (index >= 0)] = len(c.DEPTH)
        colours = [c.SHORELINE, *(part.colour for part in c.DEPTH), c.PERMANENT_WATER]
        palette = np.array([c.rgb(colour) for colour in colours])
        # Beyond the wet cells the surface runs into the bank: the sliver that shows is the dark shoreline.
        picture = palette[index + 1]
        self.plotter.add_mesh(
            mesh,
            texture=self._texture(picture, smooth=False),
            lighting=False,
            name="water",
            render=False,
            reset_camera=False,
        )

    def _paint_buildings(self, depth: Floats) -> None:
        if self._buildings is None:
            return
        mesh, owner, n, (building, cell) = self._buildings
        index = c.class_index(deepest_of_cells(building, cell, n, depth, self.permanent), c.BUILDING)
        palette = np.array([c.rgb("#e8e2d6"), *(c.rgb(part.colour) for part in c.BUILDING)])
        mesh.cell_data["colour"] = np.round(255 * palette[index + 1][owner]).astype(np.uint8)

    def _draw_roads(self, time: float | None, depth: Floats) -> None:
        if self._roads is None:
            return
        points, start, line, deepest, begin, end = self._roads
        closed = deepest >= self.result.closure_depth
        cut = closed if time is None else (begin <= time) & ~(end <= time)
        # Where a road is cut its line runs on the water, else nobody sees it.
        surface = self._at(np.nan_to_num(self.bed) + depth, points[:, 0], points[:, 1])
        afloat = np.column_stack([points[:, :2], np.maximum(points[:, 2], surface)])
        for name, which, corners, colour, width, lift in (
            ("roads", ~cut, points, "#8f8a80", 2.0, _ROAD_LIFT),
            ("cut_casing", cut, afloat, c.ROAD_CUT[0], 6.0, _ROAD_LIFT),
            ("cut", cut, afloat, c.ROAD_CUT[1], 3.0, _CUT_LIFT),
        ):
            chosen = start[which[line]]
            if chosen.size == 0:
                self.plotter.remove_actor(name, render=False)
                continue
            lifted = corners * np.array([1.0, 1.0, self.scale]) + np.array([0.0, 0.0, lift])
            pieces = np.column_stack([np.full(chosen.size, 2), chosen, chosen + 1])
            mesh = self.pv.PolyData(lifted.astype(np.float32), lines=pieces.ravel())
            self.plotter.add_mesh(
                mesh,
                color=colour,
                line_width=width,
                lighting=False,
                name=name,
                render=False,
                reset_camera=False,
            )
