"""A territory folder to start from: a commented territory.toml and a first scenario."""

from __future__ import annotations

from pathlib import Path

from twin.errors import InputError, told
from twin.files import filling, write_text

TERRITORY = """\
# Un territoire : son système de coordonnées, son étendue, ses couches, ses lieux.
# A territory: its coordinate system, its extent, its layers, its places.
# Les chemins partent de ce dossier ; $NOM est une variable d'environnement.
name = "{name}"
crs = "EPSG:2154"
vertical_datum = "NGF-IGN69"
# extent = [650000, 6860000, 654000, 6863000]   # xmin, ymin, xmax, ymax

[layers.terrain]                # RGE ALTI, LiDAR HD, BD ALTI ou tout raster / or any raster
source = "RGEALTI/*.asc"
[layers.roads]                  # BD TOPO
source = "BDTOPO.gpkg"
layer = "troncon_de_route"
[layers.buildings]
source = "BDTOPO.gpkg"
layer = "batiment"
# [layers.land_cover]           # OCS GE, CORINE, OSO
# source = "OCSGE.gpkg"
# layer = "occupation_du_sol"

[places]
# echelle = [651204.0, 6862233.0]
# entree_riviere = {{ line = [[650000.0, 6862200.0], [650000.0, 6862260.0]] }}
"""

SCENARIO = """\
# Une pluie de 50 mm/h pendant deux heures. / A rain of 50 mm/h for two hours.
name = "Pluie forte"
territory = ".."
resolution = "10 m"
start = 2026-10-12T06:00:00+02:00
duration = "3 h"
solvers = ["flood"]

[[events]]
kind = "rainfall"
intensity = "50 mm/h"
duration = "2 h"

[boundaries]
north = "open"
south = "open"
west = "open"
east = "open"

[outputs]
every = "5 min"
"""


def create(directory: Path) -> None:
    """Make the folder.

    Raises
    ------
    InputError
        It exists and is not empty.
    """
    if directory.exists() and any(directory.iterdir()):
        raise InputError(told(directory, "", "folder.not_empty"))
    with filling(directory) as folder:
        folder.mkdir()
        name = directory.resolve().name.replace("\\", "/").replace('"', "'")
        write_text(folder / "territory.toml", TERRITORY.format(name=name))
        write_text(folder / "scenarios" / "pluie.toml", SCENARIO)
