"""What the subgrid at 10 m is worth against the terrain's own cells: three valleys at 1 m, a commune at 5 m.

    python -m benchmarks.validation.valley_report [--folder FOLDER] [--only local_inertial]

writes ``benchmarks/SUBGRID.md`` and its picture; the 1 m runs are kept in FOLDER, or taken from it.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from benchmarks.stamp import measured
from benchmarks.validation import commune, valley_rain, valley_slant
from benchmarks.validation.valley import (
    REFERENCES,
    VALLEYS,
    WET,
    Comparison,
    Floats,
    compare,
)

ENGINE = ":/twin/solvers/flood"
REPORT = Path(__file__).parents[1] / "SUBGRID.md"
PICTURE = Path(__file__).parents[1] / "validation_plots" / "subgrid_valley.png"
SLANTING = (
    (1, "local_inertial", 0.9),
    (1, "local_inertial", 1.0),
    (1, "first_order", 0.9),
    (1, "second_order", 0.9),
    (10, "local_inertial", 0.9),
    (10, "first_order", 0.9),
)
RUNS = {"subgrid": "10 m, subgrid", "mean": "10 m, mean terrain"}
HEADINGS = {
    "local_inertial": "## Local inertia",
    "first_order": "## Shallow water equations, first order",
    "slanting": "## A river at an angle to the grid",
    "rain": "## Rain on slopes",
    "commune": "## A commune",
}

INTRODUCTION = f"""# Subgrid

Written by `python -m benchmarks.validation.valley_report`. Floods of 30 minutes on three valleys at 1 m and
on cells of 10 m that carry their terrain. The first: 1 × 0.5 km (river, dike with a low stretch, ditches, a
town of streets and houses), on which the rule of the weirs was chosen; on the others nothing was. The second:
0.6 × 0.4 km, a tighter bend, streets at 35° to the grid, a road over the dike. The third: 0.7 × 0.4 km, two
bends in one, streets at 62°, hedges, and a dike with a notch of 3 m.

Highest levels are compared on the 1 m terrain where both runs are wet (over {WET:g} m); overlap is the share
of the cells wet in one of the two that are wet in both. In a cell the level is a plane, whose rises are the
smaller of those to its neighbours (minmod). Seconds are of the processor, on one thread, loops alone."""

PICTURED = f"![Maps](validation_plots/{PICTURE.name})"

# Where the levels differ and why (maps of 22 November 2026)
LOCAL_INERTIA_NOTES = """θ is the weight of a face in its own discharge (de Almeida et al. 2012); the rest
is the mean of the two faces beside it, which is a viscosity of (1 - θ) dx² / 2 dt: 0.7 m²/s at 1 m with the
default of 0.9. The subgrid has none. Where a river runs at an angle to the grid it slows the water at the
banks: at t = 1150 s in the second valley the friction slope in the 1 m run was 0.012 on the edges of the
banks and 0.003 in the middle, the level fell by 0.42 % where Manning's formula over the strips of the
section asks for 0.31 %; in the straight reaches both were the same. So most of what the second valley
differs by is an error of its 1 m run: without the viscosity it is 1.4 cm (95 %). With it, on the same
terrain in cells of 0.5 m (44318 steps; half of the viscosity), the run at 10 m is nearer to that (1.3 cm
RMSE, 1.9 cm at 95 %) than the 1 m run is (2.1 and 3.1; with θ = 1: 0.9 and 1.8). The last table has a
solution that is exact.

Left in the third valley: a notch of 3 m in the dike, in one cell. The sill of a strip is the lowest way to
it, and all ten strips behind the dike are reached through the notch: they conduct as if it was as wide as
they are, and the pool behind it stands 9 to 24 cm too high. With the strips shut by hand to the width of
the notch, 95 % are under 5.8 cm (θ = 1); the rest is the plain behind the south dike, 2 to 5 cm low, where
water squeezes past the ends of hedges. A rule for gaps was considered: the narrowest way through a cell
counts a channel at an angle φ to the face cos² φ too narrow, as noise of the ground narrows it too, so it
is a bound within a factor of 2 only, and 6 of the 10 strips would stay open. What it takes is a level on
either side of a barrier within a cell, so other cells.

What was mended earlier (second valley against θ = 0.9, flat levels in the cells, RMSE / 95 % / overlap):
depth over a sill from the mean of the two levels instead of the higher, 4.2 / 7.2 cm / 91.7 % to 3.1 / 5.6
/ 93.8; velocity along the face from the conveyances around instead of mean discharges, to 3.0 / 5.3 / 93.9.
Planes of level in the cells: 2.8 / 4.7 / 94.2."""
FIRST_ORDER_NOTES = """Own error of the 1 m run of first order: 1.2 cm RMSE, 1.9 cm (95 %) from second
order on the first valley, 0.8 cm too high in the mean. Left there: the strip behind the dike in the north,
filled through its low stretch, stands 6 cm low. The stretch is drowned, with a fall of 5 cm at 1 m and of
10 cm at 10 m: a cell that holds a dike has one velocity, and the water loses what it gains over the crest.
Weirs play no part in it (without them 2.6 / 4.8 cm). In the third valley the notch, as above.

Which scheme to ask for with subgrid: `local_inertial` for slow floods, cheaper; `first_order` where the
water is fast (dam breaks, breaches, rivers near or over the critical speed). In a V at 1 % slope (Froude
1.8) local inertia swings by a third of its depth; the shallow water equations stand still, 2.3 % under
Manning's depth (0.1 % at a slope of 0.1 %). A dam break in a channel of 3 m through cells of 10 m is that
of the plain first order in cells as wide as the channel, to 3e-7 m, 0.7 % from Stoker in 400 cells
(`tests/flood/test_subgrid_waves.py`). What is diffused is the difference of levels from the friction slope.

Second order with subgrid is refused: slopes of level, area and velocity in a cell whose strips are partly
dry have no agreed form. The second-order scheme of Bitsch et al. (2026, arXiv 2601.01895) reconstructs
velocities on triangles and visits all fine cells in each step, which tables cannot."""
SLANTING_NOTES = """What is left at 10 m is the bed of a face, the higher of its two fine cells, as in 1 m
cells of local inertia and first order. With the bed that falls evenly through the face (minmod, as in
second order) it is -0.1 and +0.7 cm here, but the valleys then agree less with their 1 m runs, which are
too high themselves (second valley, local inertia, θ = 0.9 and 1: 5.7 and 1.5 cm at 95 %; first order on the
first: 5.0), and no better with second order (5.5): the higher cell it stays."""
RAIN_NOTES = """Water shallower than the fall of the ground inside its cell is no pool in the low corner, but
a sheet: what it conveys comes from the same fine ground with its fall taken out. Taken for pools the planes
held 2 to 3.5 mm instead of 17 (1 %), half to two thirds of the rain left in the first quarter, and the
valley gave 1.34 m³/s at 12 min. On white noise the 1 m run keeps nearly all of the rain in hollows that are
not joined; a cell of the subgrid knows how much its hollows hold, not that no way leads from one to the
next, and lets it go. So rain on ground that is rough from metre to metre runs off too fast on the subgrid."""
COMMUNE = """The hundred-year flood of Valmont (a river of 20 m, levees, a town; 6 hours), whose terrain has
cells of 5 m: two by two lie in each cell of 10 m. Highest levels are compared on the terrain, off the
buildings, where both runs are wet: with second order, and with the run of the same equations at 5 m. Areas,
buildings and roads are the indicators of each run; those of the subgrid runs are told over the terrain."""
COMMUNE_NOTES = """\
What the subgrid leaves out is small beside what the equations do: on its own equations it is within 3 and 5
cm (RMSE) of the terrain's cells, where averaged terrain is 11 and 18 cm away. But local inertia leaves out
what water loses where streams of different speed mix (over levees, in bends, among houses): it stands 10 cm
low, 12 to 18 cm in the river above the town, and finds 495 to 554 buildings in water where second order
finds 706; first order mixes too much and stands 7 cm high. The viscosity of θ = 0.9 makes up for it in
cells of 5 m by chance: in cells of 2.5 m, with half of it, it finds 637. Second order hardly moves (terrain
made finer by straight lines between its points, cells of 2.5 m, 24 minutes of computing): 2.7 cm RMSE from
its own 5 m run, 675 buildings. So second order where its cells can be paid for; where not, both schemes of
the subgrid, between which it lies here."""
NOTES = {
    "commune": COMMUNE_NOTES,
    "local_inertial": LOCAL_INERTIA_NOTES,
    "first_order": FIRST_ORDER_NOTES,
    "slanting": SLANTING_NOTES,
    "rain": RAIN_NOTES,
}


def name_of(reference: tuple[str, float]) -> str:
    """A 1 m run in words."""
    scheme, theta = reference
    words = scheme.replace("_", " ")
    return f"{words}, θ = {theta:g}" if scheme == "local_inertial" else words


def references_of(valley: str, scheme: str) -> tuple[tuple[str, float], ...]:
    """The 1 m runs of a valley: second order of the first one only."""
    return tuple(one for one in REFERENCES[scheme] if one[0] != "second_order" or valley == "first")


def table(compared: dict[str, Comparison]) -> str:
    """What a scheme does on the valleys, in Markdown."""
    lines = [
        "| valley | run | steps | seconds | × faster | against 1 m of | RMSE (m) | 95 % are under (m) |"
        " mean (m) | overlap | mass error |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for valley, one in compared.items():
        for reference, fine in one.fine.items():
            lines.append(
                f"| {valley} | 1 m, {name_of(reference)} | {fine.steps:.0f} | {_seconds(fine.processor)} |"
                f" | | | | | | {fine.mass:.0e} |"
            )
        for name, title in RUNS.items():
            coarse = one.coarse[name]
            for n, (reference, fine) in enumerate(one.fine.items()):
                rmse, high, overlap = one.agreement(name, reference)
                own = (
                    f"| {valley} | {title} | {coarse.steps} | {coarse.processor:.2f} |"
                    if n == 0
                    else "| | | | |"
                )
                gain = fine.processor / coarse.processor
                lines.append(
                    f"{own} {'' if np.isnan(gain) else f'{gain:.0f}'} | {name_of(reference)} | {rmse:.3f} |"
                    f" {high:.3f} | {one.mean(name, reference):+.3f} | {overlap:.1%} |"
                    f" {f'{coarse.mass:.0e}' if n == 0 else ''} |"
                )
    return "\n".join(lines)


def _seconds(value: float) -> str:
    return "not kept" if np.isnan(value) else f"{value:.0f}"


def draw(compared: Comparison, path: Path) -> None:
    """Bed, the 1 m run, and what the two coarse runs differ by."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(4, 1, figsize=(8, 15), layout="constrained")
    fine = next(iter(compared.fine.values()))
    wet = fine.depth > WET
    level = np.where(wet, fine.level, np.nan)
    maps: list[tuple[str, Floats, str, tuple[float, float]]] = [
        ("Bed (m)", compared.bed, "terrain", (16.0, 24.0)),
        ("1 m: highest depth (m)", np.where(wet, fine.depth, np.nan), "Blues", (0.0, 1.5)),
    ]
    for name, title in RUNS.items():
        depth = compared.depth[name]
        difference = np.where(depth > WET, compared.bed + depth, np.nan) - level
        maps.append((f"{title}, less 1 m: highest level (m)", difference, "RdBu", (-0.2, 0.2)))
    for panel, (title, values, colours, limits) in zip(axes, maps, strict=True):
        drawn = panel.imshow(values, cmap=colours, vmin=limits[0], vmax=limits[1])
        panel.set_title(title, fontsize=9)
        figure.colorbar(drawn, ax=panel, shrink=0.7)
    figure.savefig(path, dpi=70)
    pyplot.close(figure)


def slanting() -> str:
    """How deep a straight river at 27° to the grid is, in Markdown."""
    normal = valley_slant.normal_depth()
    lines = [
        f"Straight, 18 m wide at its banks, {valley_slant.SLOPE:.1%} steep, at 27° to the grid,"
        f" {valley_slant.DISCHARGE:g} m³/s for 15 minutes: Manning's formula asks for {normal:.3f} m.",
        "",
        "| run | deeper by (cm) |",
        "|---|---|",
    ]
    for cell, scheme, theta in SLANTING:
        deeper = 100.0 * (valley_slant.found_depth(cell, scheme, theta) - normal)
        kind = (
            f"10 m, subgrid, {scheme.replace('_', ' ')}" if cell > 1 else f"1 m, {name_of((scheme, theta))}"
        )
        lines.append(f"| {kind} | {deeper:+.1f} |")
    return "\n".join([*lines, "", NOTES["slanting"]])


def kept_parts() -> dict[str, str]:
    """The parts of the report as it stands; one that it lacks is empty."""
    text = REPORT.read_text(encoding="utf-8")
    parts = {}
    for scheme in reversed(HEADINGS):
        text, heading, rest = text.partition(HEADINGS[scheme])
        parts[scheme] = (heading + rest).strip()
    return parts


def main() -> None:
    """Write the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--folder", type=Path, help="where the 1 m runs are kept")
    parser.add_argument("--only", choices=list(HEADINGS), help="replace that part of the report")
    options = parser.parse_args()
    parts = kept_parts() if options.only else {}
    if options.only in (None, "slanting"):
        parts["slanting"] = f"{HEADINGS['slanting']}\n\n{measured(ENGINE)}\n\n{slanting()}"
    if options.only in (None, "rain"):
        pieces = [HEADINGS["rain"], measured(ENGINE), valley_rain.report(), NOTES["rain"]]
        parts["rain"] = "\n\n".join(pieces)
    if options.only in (None, "commune"):
        pieces = [HEADINGS["commune"], measured(ENGINE), COMMUNE, commune.report(), NOTES["commune"]]
        parts["commune"] = "\n\n".join(pieces)
    for scheme in (one for one in REFERENCES if options.only in (None, one)):
        compared = {
            valley: compare(valley, scheme, references_of(valley, scheme), options.folder)
            for valley in VALLEYS
        }
        pieces = [HEADINGS[scheme], measured(ENGINE), table(compared), NOTES[scheme]]
        if scheme == "local_inertial":
            draw(compared["first"], PICTURE)
            pieces.insert(3, PICTURED)
        parts[scheme] = "\n\n".join(piece for piece in pieces if piece)
    whole = "\n\n".join([INTRODUCTION, *(parts[scheme] for scheme in HEADINGS)])
    REPORT.write_text(whole + "\n", encoding="utf-8")
    print(REPORT.read_text(encoding="utf-8"))


if __name__ == "__main__":
    main()
