"""The ground of the offline page, baked once: land tint, hillshade, and shadows that buildings cast.

Light comes from the north-west at 45°, the cartographic convention; flat ground keeps its tint, so the
picture stays bright where people live. Everything is an image for the eye, not data.
"""

from __future__ import annotations

import io
from pathlib import Path

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

from twin.errors import InputError, listed, told
from twin.grid import Grid
from twin.messages import text

AZIMUTH, ALTITUDE = 315.0, 45.0  # degrees
Array = NDArray[np.float32]  # an image: single precision is plenty

MEADOW = np.array([211, 222, 187], dtype=np.float32)
FIELD = np.array([229, 223, 198], dtype=np.float32)
HIGH = np.array([234, 227, 209], dtype=np.float32)
SCRUB = np.array([194, 209, 167], dtype=np.float32)
FOREST = np.array([146, 174, 130], dtype=np.float32)
TOWN = np.array([224, 218, 209], dtype=np.float32)
SEABED = np.array([214, 213, 199], dtype=np.float32)
SHADOW = np.array([74, 84, 110], dtype=np.float32)  # what shade tends to: bluish, never black


def magnification(shape: tuple[int, int], longest: int = 2304) -> int:
    """Texels per cell (1–6) so that the image's longer side stays under ``longest``."""
    return int(np.clip(longest // max(shape), 1, 6))


def _enlarge(field: NDArray[np.floating], times: int, order: int) -> Array:
    if times == 1:
        return field.astype(np.float32)
    big: Array = ndimage.zoom(field.astype(np.float32), times, order=order, mode="nearest", grid_mode=True)
    return big


def _ramp(values: Array, low: float, high: float) -> Array:
    """0 below ``low``, 1 above ``high``, straight between."""
    share: Array = np.clip((values - np.float32(low)) / np.float32(high - low), 0.0, 1.0)
    return share


def _filled(field: NDArray[np.floating]) -> Array:
    """NaN replaced by the nearest value, so that filters do not spread holes."""
    holes = ~np.isfinite(field)
    if not holes.any():
        return field.astype(np.float32)
    if holes.all():
        return np.zeros(field.shape, dtype=np.float32)
    nearest = ndimage.distance_transform_edt(holes, return_distances=False, return_indices=True)
    filled: Array = field[tuple(nearest)].astype(np.float32)
    return filled


def _hillshade(ground: Array, texel: float) -> Array:
    """Shade (1 on flat ground) from three soft lights; heights stretched so that low relief still reads."""
    down_y, down_x = np.gradient(ground, texel)
    slope = np.hypot(down_x, down_y)
    stretch = float(np.clip(0.42 / max(float(np.quantile(slope, 0.92)), 1e-6), 1.0, 5.0))
    down_x, down_y = down_x * stretch, down_y * stretch
    length = np.sqrt(1.0 + down_x**2 + down_y**2)
    shade = np.zeros_like(ground)
    for azimuth, weight in ((AZIMUTH, 0.62), (AZIMUTH - 60.0, 0.22), (AZIMUTH + 60.0, 0.16)):
        a, h = np.radians(azimuth), np.radians(ALTITUDE)
        east, north, up = np.sin(a) * np.cos(h), np.cos(a) * np.cos(h), np.sin(h)
        # Normal (−dz/dx, −dz/dnorth, 1); rows go south, so dz/dnorth = −down_y.
        shade += weight * np.clip((-down_x * east + down_y * north + up) / length, 0.0, None) / up
    return shade


def building_heights(buildings: gpd.GeoDataFrame | None, west: float, north: float, texel: float,
                     shape: tuple[int, int]) -> Array:  # fmt: skip
    """Heights of buildings (m, 0 elsewhere) burnt on the texels."""
    image = Image.new("F", (shape[1], shape[0]), 0.0)
    if buildings is not None and len(buildings):
        pen = ImageDraw.Draw(image)
        for shape_, height in zip(buildings.geometry, buildings["height"], strict=True):
            for part in getattr(shape_, "geoms", [shape_]):
                ring = np.asarray(part.exterior.coords)[:, :2]
                pixels = np.column_stack([(ring[:, 0] - west) / texel, (north - ring[:, 1]) / texel])
                pen.polygon([tuple(p) for p in pixels], fill=float(height) if np.isfinite(height) else 6.0)
    return np.asarray(image, dtype=np.float32)


def _cast_shadow(ground: Array, height: Array, texel: float) -> Array:
    """Part of each texel in the shade of a building (0–1), light from the north-west at 45°."""
    top = ground + height
    reach = min(int(np.ceil(float(height.max()) / (texel * np.sqrt(2.0)))), 60)
    shade = np.zeros_like(ground)
    for k in range(1, reach + 1):
        fall = k * texel * np.sqrt(2.0) * np.tan(np.radians(ALTITUDE))
        over = top[:-k, :-k] - fall - top[k:, k:]
        over[height[:-k, :-k] <= 0.0] = 0.0
        shade[k:, k:] = np.maximum(shade[k:, k:], np.clip(over / 1.5, 0.0, 1.0))
    softened: Array = ndimage.gaussian_filter(shade, 0.7)
    return softened


def _tint(bed: Array, roughness: Array | None, town: Array, under_sea: Array) -> Array:
    """Land colour (ny, nx, 3) from elevation, roughness (Manning n) and how built-up it is (0–1)."""
    low, middle, high = np.quantile(bed, [0.1, 0.55, 0.97])
    heights = [low, max(middle, low + 0.1), max(high, low + 1.0)]
    rank = np.interp(bed, heights, [0.0, 0.5, 1.0]).astype(np.float32)[..., None]
    colour = np.where(
        rank < 0.5, MEADOW + (FIELD - MEADOW) * rank * 2, FIELD + (HIGH - FIELD) * (rank * 2 - 1)
    )
    if roughness is not None and np.isfinite(roughness).any():
        n = _filled(roughness)
        scrub = _ramp(n, 0.042, 0.07)[..., None]
        forest = _ramp(n, 0.075, 0.11)[..., None] * (1.0 - np.clip(town * 1.6, 0, 1)[..., None])
        colour = colour + (SCRUB - colour) * scrub * 0.8
        colour = colour + (FOREST - colour) * forest
    colour = colour + (TOWN - colour) * np.clip(town, 0.0, 1.0)[..., None]
    tinted: Array = colour + (SEABED - colour) * under_sea[..., None]
    return tinted


def ground_pixels(
    bed: NDArray[np.floating],
    cell: float,
    *,
    roughness: NDArray[np.floating] | None,
    buildings: gpd.GeoDataFrame | None,
    west: float,
    north: float,
) -> NDArray[np.uint8]:
    """The ground as RGBA pixels, row 0 north; alpha is the light that gets past buildings.

    ``bed`` (ny, nx) m, NaN where unknown; ``cell`` m; ``west``, ``north`` the outer corner of the grid.
    """
    times = magnification((bed.shape[0], bed.shape[1]))
    texel = cell / times
    filled = _filled(bed)
    ground = _enlarge(filled, times, 3)
    height = building_heights(buildings, west, north, texel, (ground.shape[0], ground.shape[1]))
    near = max(35.0 / texel, 1.0)
    built = (height > 0).astype(np.float32)
    town = np.clip(ndimage.gaussian_filter(built, near, truncate=2.5) * 3.2, 0.0, 1.0)
    sea = np.zeros(ground.shape, dtype=np.float32)
    if float(filled.min()) < -1.0:
        sea = 1.0 - _ramp(ground, -1.5, 0.2)
    rough = None
    if roughness is not None:
        rough = ndimage.gaussian_filter(_enlarge(_filled(roughness), times, 1), 0.6 * times)
    colour = _tint(ground, rough, town, sea)
    if rough is not None:  # a fine grain under trees, so that woods do not read as flat paint
        noise = np.random.default_rng(7).standard_normal(ground.shape, dtype=np.float32)
        grain = ndimage.gaussian_filter(noise, 0.9)
        trees = _ramp(rough, 0.08, 0.11) * (1.0 - np.clip(town * 1.6, 0, 1))
        colour *= (1.0 + 0.10 * grain * trees)[..., None]
    shade = _hillshade(ground, texel)
    # Hollows a little darker, ridges a little lighter: reads as vertical light.
    local = ground - ndimage.gaussian_filter(ground, max(60.0 / texel, 2.0), truncate=2.5)
    spread = max(float(np.quantile(np.abs(local), 0.95)), 0.05)
    shade = shade * (1.0 + 0.06 * np.clip(local / spread, -1.0, 1.0))
    shade = np.clip(1.0 + (shade - 1.0) * 0.85, 0.48, 1.12)
    foot = ndimage.gaussian_filter(built, 3.0 / texel)
    # Shade of buildings goes into alpha: the page lays it over land and water alike.
    past = (1.0 - 0.25 * foot) * (1.0 - 0.42 * _cast_shadow(ground, height, texel))
    lit = np.clip(shade, 0.0, 1.0)[..., None]
    image = colour * lit + SHADOW * (1.0 - lit) * 0.72
    image *= np.clip(shade, 1.0, None)[..., None]
    seen = np.concatenate([image, 255.0 * past[..., None]], axis=-1)
    pixels: NDArray[np.uint8] = np.clip(np.rint(seen), 0, 255).astype(np.uint8)
    return pixels


def encoded(pixels: NDArray[np.uint8]) -> tuple[bytes, str]:
    """RGBA pixels as the page holds them: bytes and MIME type."""
    out = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(out, format="WEBP", quality=84, method=4, alpha_quality=70)
    return out.getvalue(), "image/webp"


def opaque(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """RGB of RGBA pixels where buildings take the light: over the colour of shade."""
    past = pixels[..., 3:].astype(np.float32) / 255.0
    mixed = pixels[..., :3] * past + SHADOW * (1.0 - past)
    rgb: NDArray[np.uint8] = np.rint(mixed).astype(np.uint8)
    return rgb


def photo_image(source: Path, grid: Grid, longest: int = 2304) -> bytes:
    """An orthophoto over the grid, as WebP with its longer side at most ``longest`` pixels; no alpha shade.

    Raises
    ------
    InputError
        The file cannot be read as a georeferenced image, or does not meet the grid.
    """
    import rasterio
    from rasterio.enums import Resampling
    from rasterio.vrt import WarpedVRT

    try:
        with rasterio.open(source) as raw:
            if raw.crs is None or raw.count not in (1, 3, 4):
                bands = {"count": raw.count, "crs": raw.crs or text("error.nothing")}
                raise InputError(told(source, "orthophoto", "shown.photo_bands", **bands))
            wide, tall = grid.nx * grid.cell, grid.ny * grid.cell
            finest = max(abs(raw.transform.a), 1e-9) if raw.crs.is_projected else grid.cell / 4
            pixel = max(max(wide, tall) / longest, finest)
            shape = max(1, round(tall / pixel)), max(1, round(wide / pixel))
            place = rasterio.transform.from_origin(
                grid.x_west, grid.y_north, wide / shape[1], tall / shape[0]
            )
            with WarpedVRT(
                raw,
                crs=grid.crs,
                transform=place,
                width=shape[1],
                height=shape[0],
                resampling=Resampling.average,
                add_alpha=raw.count != 4,  # tells what lies beyond the image
            ) as seen:
                bands = seen.read(indexes=[1, 1, 1] if raw.count == 1 else [1, 2, 3])
                covered = seen.dataset_mask() > 0
    except rasterio.errors.RasterioError as error:
        raise InputError(told(source, "orthophoto", "shown.photo", reason=error)) from error
    if not covered.any():
        raise InputError(told(source, "orthophoto", "shown.photo_elsewhere", bounds=listed(grid.bounds)))
    pixels = np.moveaxis(bands, 0, -1)
    pixels = pixels if pixels.dtype == np.uint8 else np.clip(pixels / max(pixels.max(), 1) * 255, 0, 255)
    pixels = np.where(covered[..., None], pixels, 236).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels, "RGB").save(out, format="WEBP", quality=78, method=4)
    return out.getvalue()
