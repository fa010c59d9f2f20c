"""The commands about traffic alone: `twin assign`, and what a planner asks of the hour of reference.

Imports are inside the commands, so that ``twin --help`` answers at once.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from twin.cli_table import print_table
from twin.errors import TwinError
from twin.messages import figure, number, power, text

Where = Annotated[Path, typer.Argument(metavar="RUN|SCENARIO", help=text("traffic.run_or_scenario"))]


def add_to(app: typer.Typer) -> None:
    """Put the commands into the `twin` command."""
    app.command("assign", help=text("cli.assign"))(assign)
    app.command("criticality", help=text("traffic.criticality"))(criticality)
    app.command("select-link", help=text("traffic.select_link"))(select_link)
    app.command("tolls", help=text("traffic.tolls"))(tolls)
    app.command("skim", help=text("traffic.skim"))(skim)


def assign(
    network: Annotated[Path, typer.Argument(metavar="NET.tntp", help=text("cli.assign_network"))],
    trips: Annotated[Path, typer.Argument(metavar="TRIPS.tntp", help=text("cli.assign_trips"))],
    gap: Annotated[float, typer.Option("--gap", help=text("cli.gap"))] = 1e-12,
    toll_weight: Annotated[float, typer.Option("--toll-weight", help=text("cli.toll_weight"))] = 0.0,
    length_weight: Annotated[float, typer.Option("--length-weight", help=text("cli.length_weight"))] = 0.0,
    out: Annotated[Path | None, typer.Option("-o", "--out", help=text("cli.flows_out"))] = None,
) -> None:
    """Static equilibrium on a TNTP network."""
    from twin.solvers.traffic.tntp import run_assign

    done = run_assign(network, trips, gap, toll_weight, length_weight, out)
    for key, value in (
        ("gap", f"{done.gap:.3e}"),
        ("objective", f"{done.objective:.15g}"),
        ("total_time", f"{done.total_cost:.15g}"),
        ("iterations", str(done.iterations)),
        ("seconds", f"{done.seconds:.3f}"),
        ("unserved", f"{done.unserved:g}"),
        ("intrazonal", f"{done.intrazonal:g}"),
    ):
        typer.echo(f"{text(f'cli.assign_{key}')}{text('error.colon')} {value}")
    if done.gap > gap:
        raise TwinError(text("cli.gap_missed", gap=power(done.gap, digits=3), wanted=power(gap, digits=3)))


def criticality(
    path: Where,
    roads: Annotated[str, typer.Option("--roads", help=text("traffic.which_roads"))] = "bridges",
    most: Annotated[int, typer.Option("--most", min=1, help=text("traffic.most"))] = 50,
    out: Annotated[Path | None, typer.Option("-o", "--out", help=text("traffic.ranking_out"))] = None,
) -> None:
    """Roads by what their loss costs."""
    from twin.solvers.traffic.criticality import run_criticality

    frame = run_criticality(path, roads=roads, most=most, out=out)
    rows = [
        [
            row["name"] or row["road_ids"],
            figure(row["volume_veh_h"], digits=0),
            figure(row["hours_lost"], digits=1),
            figure(row["stranded"], digits=0),
            figure(row["at_edge"], digits=0),
        ]
        for _, row in frame.iterrows()
    ]
    print_table(
        [text(f"traffic.column_{key}") for key in ("road", "volume", "hours", "stranded", "at_edge")], rows
    )
    if out is not None and not out.suffix:
        import geopandas as gpd

        from viz import roads as maps

        maps.criticality(frame, gpd.read_file(out / "links.gpkg"), out / "criticality.png", title=path.stem)


def select_link(
    path: Where,
    road: Annotated[list[str], typer.Option("--road", help=text("traffic.road"))],
    most: Annotated[int, typer.Option("--most", min=0, help=text("traffic.most_pairs"))] = 15,
    out: Annotated[Path | None, typer.Option("-o", "--out", help=text("traffic.users_out"))] = None,
) -> None:
    """Who uses a road."""
    from twin.solvers.traffic.study import open_scenario, users_of

    scenario = open_scenario(path)
    users = users_of(scenario, road)
    through, trips = users.through, max(users.trips, 1e-300)
    typer.echo(
        text(
            "traffic.users",
            roads=", ".join(road),
            through=figure(through, digits=0),
            share=number(100 * through / trips, digits=1),
            pairs=len(users.pairs),
            gap=power(users.gap),
        )
    )
    rows = [
        [f"{row['from']} → {row['to']}", figure(row["through"], digits=1), f"{100 * row['share']:.0f} %"]
        for _, row in users.pairs.head(most).iterrows()
    ]
    print_table([text(f"traffic.column_{key}") for key in ("pair", "through", "share")], rows)
    if out is None:
        return
    written = users.write(out)
    if out.suffix != ".gpkg":
        from viz import roads as maps

        maps.users(users, out / "users.png", title=", ".join(road))
        written.append(out / "users.png")
    for file in written:
        typer.echo(file)


def tolls(
    path: Where,
    most: Annotated[int, typer.Option("--most", min=0, help=text("traffic.most_tolls"))] = 15,
    out: Annotated[Path | None, typer.Option("-o", "--out", help=text("traffic.gpkg_out"))] = None,
) -> None:
    """The system optimum and the tolls that bring it about."""
    from twin.files import replacing
    from twin.solvers.traffic.study import open_scenario, tolls_of

    found = tolls_of(open_scenario(path))
    saved = found.hours - found.optimum_hours
    typer.echo(
        text(
            "traffic.optimum",
            hours=figure(found.hours, digits=1),
            optimum=figure(found.optimum_hours, digits=1),
            saved=number(100 * saved / max(found.hours, 1e-300)),
            gap=power(found.gap),
        )
    )
    rows = [
        [
            row["name"] or row["road_id"],
            figure(row["toll_s"], digits=1),
            figure(row["volume_pcu_h"], digits=0),
            figure(row["optimum_pcu_h"], digits=0),
        ]
        for _, row in found.links.nlargest(most, "toll_s").iterrows()
    ]
    print_table([text(f"traffic.column_{key}") for key in ("road", "toll", "volume_pcu", "optimum")], rows)
    if out is not None:
        with replacing(out) as aside:
            found.links.to_file(aside, layer="tolls", driver="GPKG", engine="pyogrio")
        typer.echo(out)


def skim(
    path: Where,
    out: Annotated[Path, typer.Option("-o", "--out", help=text("traffic.skim_out"))],
) -> None:
    """Minutes and kilometres between all zones."""
    from twin.solvers.traffic.study import open_scenario, skims_of, write_skims

    names, tables = skims_of(open_scenario(path))
    typer.echo(write_skims(names, tables, out))
