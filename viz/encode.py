"""Packs a result for the offline page: depths to one byte, geometry to small integers, gzip, base64.

Depth code: one byte per cell and frame on a piecewise curve. Code 0 is dry (below ``DRY``); codes
1–51 are the centres of bins of 2 cm up to 1 m, one of them cut in two at ``WET_DEPTH``, so the error is
at most 1 cm there whatever the greatest depth; the other codes grow geometrically from 2 cm steps up to
the greatest depth (or stay at 2 cm when that is enough). The bin edges fall on 5 cm, 0.5 m and 1 m
exactly: water is never drawn or left out, nor in the class below or above, because of the encoding at
those bounds.

Frames are cut in tiles of cells and chunks of instants, each a gzip member of its own: the page decodes those
that it needs, in any order. Inside a chunk a frame is stored as differences to the frame before (modulo 256),
and the first one as differences from cell to cell.
"""

from __future__ import annotations

import base64
import gzip
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from twin.features import WET_DEPTH

DRY = 0.005  # m: below, a cell is stored as dry (error below 5 mm)
STEP = 0.02  # m: width of a bin below 1 m
SHALLOW = np.union1d(np.arange(51) * STEP, WET_DEPTH)  # m: bin edges up to 1 m
LINEAR = len(SHALLOW) - 1  # bins below 1 m
CODES = 255  # wet codes
TILE = 256  # cells a side of a square that is decoded by itself


@dataclass(frozen=True, eq=False)
class DepthCurve:
    """The piecewise curve: ``edges`` (256,) m between codes, ``values`` (256,) m that codes mean."""

    edges: NDArray[np.float64]
    values: NDArray[np.float64]

    @classmethod
    def up_to(cls, greatest: float) -> DepthCurve:
        """The curve that reaches ``greatest`` (m)."""
        powers = np.arange(1, CODES - LINEAR + 1)
        missing, growth = greatest - float(SHALLOW[-1]), 1.0
        if missing > STEP * powers.size:
            low, growth = 1.0, 2.0
            for _ in range(80):  # growth r with STEP·(r + r² + … ) = greatest − 1 m, by bisection
                middle = 0.5 * (low + growth)
                reach = STEP * float(np.sum(middle**powers))
                low, growth = (low, middle) if reach > missing else (middle, growth)
        edges = np.concatenate([SHALLOW, SHALLOW[-1] + np.cumsum(STEP * growth**powers)])
        edges[-1] = max(edges[-1], greatest)  # the bisection stops a hair short or beyond
        values = np.concatenate([[0.0], 0.5 * (edges[:-1] + edges[1:])])
        return cls(edges, values)

    def encode(self, depth: NDArray[np.floating]) -> NDArray[np.uint8]:
        """Codes of depths in m, same shape; NaN and less than ``DRY`` give 0."""
        code = np.searchsorted(self.edges[1:-1], np.nan_to_num(depth, nan=0.0), side="right") + 1
        return np.where(np.nan_to_num(depth, nan=0.0) < DRY, 0, code).astype(np.uint8)

    def decode(self, code: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Depths in m of codes."""
        decoded: NDArray[np.float64] = self.values[code]
        return decoded

    @property
    def errors(self) -> tuple[float, float]:
        """Greatest error (m) below 1 m, and anywhere."""
        half = 0.5 * np.diff(self.edges)
        return float(half[:LINEAR].max()), float(half.max())


def pack(raw: bytes, level: int = 9) -> str:
    """Gzip (reproducible: no time stamp) and base64."""
    return base64.b64encode(gzip.compress(raw, compresslevel=level, mtime=0)).decode("ascii")


@dataclass(eq=False)
class Blobs:
    """Packed byte blocks, by number; the page finds them as elements ``blob-<n>``."""

    texts: list[str] = field(default_factory=list)

    def add(self, packed: str) -> int:
        """Keep a packed block, return its number."""
        self.texts.append(packed)
        return len(self.texts) - 1

    def raw(self, data: bytes) -> int:
        """Pack and keep."""
        return self.add(pack(data))


def by_column(codes: NDArray[np.uint8]) -> bytes:
    """Series one after the other (n, frames): neighbours in time side by side, differences, for gzip."""
    series = np.ascontiguousarray(codes.T)
    delta = series.copy()
    delta[:, 1:] = series[:, 1:] - series[:, :-1]  # modulo 256
    return delta.tobytes()


def delta_chunks(codes: NDArray[np.uint8], per_chunk: int) -> list[str]:
    """Packed chunks of ``per_chunk`` frames of ``codes`` (frames, cells), each readable without the others.

    The first frame of a chunk is stored as differences from cell to cell, the next ones as differences to
    the frame before; all modulo 256.
    """
    packed = []
    for first in range(0, len(codes), per_chunk):
        chunk = codes[first : first + per_chunk]
        delta = chunk.copy()
        delta[1:] = chunk[1:] - chunk[:-1]
        delta[0, 1:] = chunk[0, 1:] - chunk[0, :-1]
        packed.append(pack(delta.tobytes(), 7))
    return packed


def undelta_chunk(delta: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Frames (frames, cells) of what `delta_chunks` packed in one chunk."""
    codes = delta.copy()
    codes[0] = np.cumsum(delta[0], dtype=np.uint8)
    frames: NDArray[np.uint8] = np.cumsum(codes, axis=0, dtype=np.uint8)
    return frames


@dataclass(frozen=True, eq=False)
class Tiles:
    """The cells that are ever wet, square after square of the lattice.

    ``cells``: flat places (int64), squares row by row from the north-west, cells row by row in a square;
    ``starts``: (squares + 1,) where each square's cells begin among them.
    """

    cells: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, wet: NDArray[np.bool_], side: int = TILE) -> Tiles:
        """The squares of ``side`` cells of a mask (ny, nx)."""
        ny, nx = wet.shape
        across, down = -(-nx // side), -(-ny // side)
        flat = np.flatnonzero(wet)
        row, column = np.divmod(flat, nx)
        square = (row // side) * across + column // side
        counts = np.bincount(square, minlength=across * down)
        return cls(flat[np.argsort(square, kind="stable")], np.concatenate([[0], np.cumsum(counts)]))

    def chunks(self, codes: NDArray[np.uint8], per_chunk: int, blobs: Blobs) -> list[list[int]]:
        """Pack ``codes`` (frames, len(cells)): each square's blobs over time, none where it stays dry."""
        return [
            [blobs.add(text) for text in delta_chunks(codes[:, a:b], per_chunk)] if b > a else []
            for a, b in zip(self.starts[:-1], self.starts[1:], strict=True)
        ]


def varint(values: NDArray[np.integer]) -> bytes:
    """Zigzag variable-length bytes of signed integers, 7 bits a byte, lowest first."""
    numbers = np.asarray(values, dtype=np.int64).ravel()
    rest = ((numbers << 1) ^ (numbers >> 63)).astype(np.uint64)
    parts = np.empty((rest.size, 10), dtype=np.uint8)
    used = np.zeros((rest.size, 10), dtype=bool)
    alive = np.ones(rest.size, dtype=bool)
    for place in range(10):
        parts[:, place] = rest & np.uint64(0x7F)
        used[:, place] = alive
        rest = rest >> np.uint64(7)
        more = alive & (rest > 0)
        parts[:, place] |= more.astype(np.uint8) << 7
        alive = more
        if not alive.any():
            break
    return parts[used].tobytes()


def quantised_terrain(bed: NDArray[np.floating]) -> tuple[bytes, float, float]:
    """Terrain (ny, nx) in m as 16-bit steps (65535: no data), its lowest value and the step (m, ≥ 1 cm).

    Rows are stored as differences along x, which gzip likes better; low and high bytes apart.
    """
    finite = np.isfinite(bed)
    low = float(bed[finite].min()) if finite.any() else 0.0
    high = float(bed[finite].max()) if finite.any() else 0.0
    step = max(0.01, (high - low) / 65534.0)
    code = np.full(bed.shape, 65535, dtype=np.uint16)
    code[finite] = np.rint((bed[finite] - low) / step).astype(np.uint16)
    delta = code.copy()
    delta[:, 1:] = code[:, 1:] - code[:, :-1]  # modulo 65536
    return (delta & 0xFF).astype(np.uint8).tobytes() + (delta >> 8).astype(np.uint8).tobytes(), low, step
