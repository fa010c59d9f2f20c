"""How many metres of a dike each face of its staircase stands for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Corner = tuple[int, int]

LONGEST = 64  # faces that one straight piece is looked for along: its length is then known to 1 %


def share_of_faces(axis: Ints, i: Ints, j: Ints) -> Floats:
    """The length of crest that each face stands for, in faces: 1 along the grid, down to √½ at 45° to it.

    A line at an angle to the grid is a staircase of faces longer than the line. The faces are followed from
    corner to corner, as far as the crest does not branch, and cut into pieces that one straight line may have
    left on the grid (a face-connected digital line: no corner of it is as far from the chord as the chord's
    two legs reach across it; Reveillès 1991, thesis, Strasbourg); each piece is as long as its chord (Klette
    and Yip 2000, Machine Graphics and Vision 9: such lengths converge with the grid).

    Parameters
    ----------
    axis, i, j : shape (k,), 0 for the face east of the cell (i, j), 1 for the one south of it.

    Returns
    -------
    share : shape (k,), in [√½, 1].
    """
    share = np.ones(axis.size)
    for faces, corners in _chains(axis, i, j):
        if len(faces) == 1:
            continue
        at = np.array(corners, dtype=np.int64)
        first = 0
        while first < len(faces):
            last = _straight_until(at, first)
            share[faces[first:last]] = np.hypot(*(at[last] - at[first])) / (last - first)
            first = last
    return share


def _chains(axis: Ints, i: Ints, j: Ints) -> list[tuple[list[int], list[Corner]]]:
    """Faces in a row and the corners between and at the ends of them, up to where a crest ends or branches;
    rings begin anywhere.
    """
    ends: list[tuple[Corner, Corner]] = [
        ((r + a, c + 1 - a), (r + 1, c + 1))
        for a, r, c in zip(axis.tolist(), i.tolist(), j.tolist(), strict=True)
    ]
    beside: dict[Corner, list[int]] = {}
    for face, both in enumerate(ends):
        for corner in both:
            beside.setdefault(corner, []).append(face)
    free = [True] * len(ends)
    chains = []

    def follow(face: int, corner: Corner) -> None:
        faces, corners = [], [corner]
        while free[face]:
            free[face] = False
            faces.append(face)
            one, other = ends[face]
            corner = other if corner == one else one
            corners.append(corner)
            if len(beside[corner]) != 2:
                break
            face = sum(beside[corner]) - face
        chains.append((faces, corners))

    for corner, faces in beside.items():
        if len(faces) != 2:
            for face in faces:
                if free[face]:
                    follow(face, corner)
    for face, (corner, _) in enumerate(ends):
        if free[face]:
            follow(face, corner)
    return chains


def _straight_until(at: Ints, first: int) -> int:
    """The last corner up to which the faces from the corner `first` on may be one straight line."""
    ways = at[first + 1 : first + 1 + LONGEST] - at[first]
    off = np.abs(ways[:, None, 0] * ways[None, :, 1] - ways[:, None, 1] * ways[None, :, 0])
    # Of each end (rows) the corner furthest from its chord, among those before it (columns).
    furthest = np.tril(off).max(axis=1)
    straight = furthest < np.abs(ways).sum(axis=1)
    return first + 1 + int(np.flatnonzero(straight)[-1])
