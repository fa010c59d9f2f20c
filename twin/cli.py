"""The `twin` command (DESIGN 3.4). Exit codes: 0 done, 1 failed, 2 unusable input, 130 interrupted.

Imports are inside the commands, so that ``twin --help`` answers at once.
"""

from __future__ import annotations

import errno
import gc
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twin import __version__, cli_bench, cli_traffic
from twin.cli_table import print_table
from twin.cli_words import translated, usage_problem
from twin.errors import InputError, TwinError, reason, told
from twin.jit import spare_linear_algebra
from twin.messages import figure, number, power, signed, text

if TYPE_CHECKING:
    from twin.results import Result
    from twin.simulation import Progress
    from twin.territory import Territory

app = typer.Typer(
    name="twin",
    help=text("cli.help"),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

# Refusals of the system that another argument mends: exit code 2.
UNUSABLE = {"ENOENT", "EACCES", "EPERM", "EROFS", "EEXIST", "EISDIR", "ENOTDIR", "ENAMETOOLONG", "ENOTEMPTY"}
FULL = {"ENOSPC", "EDQUOT"}

NEW_OBJECTS = 20_000

RunOption = Annotated[Path | None, typer.Option("-o", "--out", help=text("cli.out"))]
OverwriteOption = Annotated[bool, typer.Option("--overwrite", help=text("cli.overwrite"))]


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help=text("cli.version"))] = False,
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


@app.command(help=text("cli.demo"))
def demo(
    name: Annotated[str, typer.Argument(help=text("cli.sample_name"))] = "valmont",
    out: RunOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Sample territory → run → indicators → page."""
    from twin.layers import samples

    scenario = samples.path(name) / "scenarios" / "demo.toml"
    own = Path("runs") / f"demo-{name}"
    result = _run(scenario, out or own, overwrite=overwrite or out is None)
    _print_indicators(result)
    _page([result], result.path / "page.html")
    _map(result)


@app.command("new", help=text("cli.new"))
def new(directory: Annotated[Path, typer.Argument(help=text("cli.directory"))]) -> None:
    """A territory folder to fill in."""
    from twin import starter

    starter.create(directory)
    typer.echo(text("cli.new_done", path=directory, quoted=shlex.quote(str(directory))))


@app.command("sample", help=text("cli.sample"))
def sample(
    name: Annotated[str, typer.Argument(help=text("cli.sample_name"))],
    directory: Annotated[Path, typer.Argument(help=text("cli.directory"))],
) -> None:
    """A copy of a sample territory."""
    from twin.layers import samples

    samples.copy(name, directory)
    typer.echo(text("cli.sample_done", name=name, path=directory))


@app.command("fetch", help=text("fetch.command"))
def fetch(
    directory: Annotated[Path, typer.Argument(help=text("cli.directory"))],
    commune: Annotated[str | None, typer.Option("--commune", help=text("fetch.commune"))] = None,
    bbox: Annotated[str | None, typer.Option("--bbox", help=text("fetch.bbox"))] = None,
    margin: Annotated[float, typer.Option("--margin", min=0.0, help=text("fetch.margin"))] = 0.0,
    cell: Annotated[float | None, typer.Option("--cell", min=0.1, help=text("fetch.cell"))] = None,
    zone: Annotated[str | None, typer.Option("--zone", help=text("fetch.zone"))] = None,
    only: Annotated[list[str] | None, typer.Option("--only", help=text("fetch.only"))] = None,
    services: Annotated[Path | None, typer.Option("--services", help=text("fetch.services"))] = None,
) -> None:
    """IGN's services and Hub'Eau → a territory folder."""
    from twin.fetch import Services
    from twin.fetch import fetch as start

    bounds = None
    if bbox is not None:
        try:
            x0, y0, x1, y1 = (float(part) for part in bbox.split(","))
        except ValueError:
            raise InputError(told("twin fetch", "--bbox", "fetch.bad_box", found=bbox)) from None
        bounds = (x0, y0, x1, y1)
    start(
        directory, commune=commune, bbox=bounds, services=Services.read(services), zone=zone, margin=margin,
        cell=cell, only=tuple(only or ()), say=typer.echo,
    )  # fmt: skip


@app.command(help=text("cli.check"))
def check(
    file: Annotated[Path, typer.Argument(help=text("cli.check_file"))],
    report: Annotated[Path | None, typer.Option("--report", help=text("health.option"))] = None,
) -> None:
    """Everything wrong with a territory or a scenario, at once."""
    from twin.observed import read_observed
    from twin.scenarios import Scenario
    from twin.simulation import Simulation
    from twin.territory import Territory, read_toml

    target = file / "territory.toml" if file.is_dir() else file
    table = read_toml(target, "scenario.nothing_to_check")
    cautions: tuple[str, ...] = ()
    if "territory" in table or "duration" in table:
        scenario = Scenario.open(target)
        problems = scenario.check()
        if not problems:
            # What only the grid tells: a breach without a dike, an end of a culvert off the terrain …
            cautions = Simulation(scenario).cautions
            for caution in cautions:
                typer.echo(caution, err=True)
            read_observed(scenario.territory)
            if report is not None:
                _health(scenario.territory, report)
    else:
        territory = Territory.open(target)
        problems = territory.check()
        if not problems:
            read_observed(territory)
        for layer in territory.record.layers:
            if not problems:
                for note in territory.provenance(layer).notes:
                    typer.echo(f"{layer}: {note}")
        if not problems:
            _health(territory, report)
            typer.echo(text("health.usable", path=target))
            return
    if problems:
        raise InputError(problems)
    if cautions:
        typer.echo(text("cli.check_cautions", path=target, count=len(cautions)))
    else:
        typer.echo(text("cli.check_ok", path=target))


@app.command(help=text("cli.run"))
def run(
    scenario: Annotated[Path, typer.Argument(help=text("cli.scenario"))],
    out: RunOption = None,
    overwrite: OverwriteOption = False,
) -> None:
    """Run a scenario."""
    _print_indicators(_run(scenario, out, overwrite=overwrite))


@app.command(help=text("cli.resume"))
def resume(path: Annotated[Path, typer.Argument(metavar="RUN", help=text("cli.run_folder"))]) -> None:
    """Go on with an interrupted run."""
    from twin import resume as go_on

    with _progress_bar(path.name) as report:
        result = go_on(path, progress=report)
    typer.echo(text("cli.run_done", path=result.path, seconds=_seconds(result)))
    _print_indicators(result)


@app.command(help=text("cli.compare"))
def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN RUN [RUN …]", help=text("cli.run_folder"))],
    out: Annotated[Path | None, typer.Option("-o", "--out", help=text("cli.compare_out"))] = None,
    most: Annotated[int, typer.Option("--most", min=0, help=text("cli.compare_most"))] = 8,
) -> None:
    """Indicators of runs side by side, and the roads that gained and lost traffic."""
    import pandas as pd

    from twin import side_by_side
    from twin.indicators import compare as table_of
    from twin.results import Result

    frame = table_of(*(Result.open(path) for path in runs))
    rows = [
        [str(row.iloc[0]), str(row.iloc[1]), *("–" if pd.isna(v) else figure(v) for v in row.iloc[2:])]
        for _, row in frame.iterrows()
    ]
    print_table(["", *[str(c) for c in frame.columns[1:]]], rows)
    for caution in frame.cautions:
        typer.echo(caution, err=True)
    roads = frame.roads
    if roads is not None and most:
        changed = {
            "gained": roads[roads["vehicle_km_change"] > 0.5].head(most),
            "lost": roads[roads["vehicle_km_change"] < -0.5].iloc[::-1].head(most),
        }
        for side, part in changed.items():
            if len(part):
                typer.echo()
                print_table(
                    [text(f"cli.compare_{side}"), *(text(f"cli.compare_{c}") for c in ("km", "volume"))],
                    [
                        [
                            str(name),
                            *(signed(row[c], digits=0) for c in ("vehicle_km_change", "volume_change")),
                        ]
                        for name, row in part.iterrows()
                    ],
                )
    if out is not None:
        written = side_by_side.write(frame, out)
        if roads is not None and out.suffix != ".gpkg":
            from viz import roads as maps

            maps.traffic_change(frame, out / "traffic_change.png")
            written.append(out / "traffic_change.png")
        first, last = frame.results[0], frame.results[-1]
        flooded = all(run.has_fields and "max_water_depth" in run.fields for run in (first, last))
        if flooded and first.grid == last.grid and out.suffix != ".gpkg":
            from viz.maps import difference

            difference(first, last, out / "depth_change.png")
            written.append(out / "depth_change.png")
        for file in written:
            typer.echo(file)


@app.command(help=text("cli.show"))
def show(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN [RUN]", help=text("cli.run_folder"))],
    out: Annotated[Path | None, typer.Option("-o", "--out", help=text("cli.page_out"))] = None,
    window: Annotated[bool, typer.Option("--window", help=text("cli.window"))] = False,
    ensemble: Annotated[bool, typer.Option("--ensemble", help=text("cli.ensemble"))] = False,
) -> None:
    """The offline page, or a PyVista window."""
    from twin.results import Result

    if window and (out is not None or ensemble or len(runs) > 1):
        raise InputError(told("twin show", "--window", "cli.window_only"))
    results = [Result.open(path) for path in runs]
    if window:
        import viz

        viz.show(results[0])
        return
    _page(results, out or results[0].path / "page.html", ensemble=ensemble)
    _map(results[0])


@app.command(help=text("cli.movie"))
def movie(
    path: Annotated[Path, typer.Argument(metavar="RUN", help=text("cli.run_folder"))],
    out: Annotated[Path | None, typer.Option("-o", "--out", help=text("cli.movie_out"))] = None,
) -> None:
    """A film of a run."""
    import viz
    from twin.results import Result

    typer.echo(viz.movie(Result.open(path), out or path / "movie.mp4"))


@app.command(help=text("cli.export"))
def export(
    path: Annotated[Path, typer.Argument(metavar="RUN", help=text("cli.run_folder"))],
    to: Annotated[str, typer.Option("--to", help=text("cli.export_to"))],
    out: Annotated[Path | None, typer.Option("-o", "--out", help=text("cli.export_out"))] = None,
    by_cells: Annotated[bool, typer.Option("--by-cells", help=text("cli.export_by_cells"))] = False,
) -> None:
    """Files that QGIS opens."""
    from twin.export import export as write
    from twin.results import Result

    result = Result.open(path)
    for file in write(result, to, out, by_cells=by_cells):
        typer.echo(file)
    if caution := result.unfinished():
        typer.echo(caution, err=True)


cli_bench.add_to(app)
cli_traffic.add_to(app)


# -- what the commands share ---------------------------------------------------------------


def _health(territory: Territory, report: Path | None) -> None:
    from twin import health

    findings = health.examine(territory)
    warnings = sum(finding.severity == "warning" for finding in findings)
    typer.echo(text("health.title", warnings=warnings, information=len(findings) - warnings))
    for finding in findings:
        typer.echo(f"  {finding}")
    if report is not None:
        health.write_report(findings, territory, report)
        typer.echo(text("health.written", path=report.resolve()))


def ready_to_run() -> Callable[..., Result]:
    """`twin.run`, with all that it imports, which stays: it is not looked through for garbage, not once.

    What a run makes after that is looked through every `NEW_OBJECTS`, not every 700: reading layers makes
    many objects and leaves hardly any garbage behind that is not let go of by itself.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        from twin import run

        spare_linear_algebra()
        gc.freeze()
    finally:
        if collecting:
            gc.enable()
    gc.set_threshold(NEW_OBJECTS, *gc.get_threshold()[1:])
    return run


def _run(scenario: Path, out: Path | None, *, overwrite: bool) -> Result:
    start = ready_to_run()
    with _progress_bar(scenario.stem) as report:
        result = start(scenario, out, overwrite=overwrite, progress=report)
    typer.echo(text("cli.run_done", path=result.path, seconds=_seconds(result)))
    return result


def _seconds(result: Result) -> str:
    return number(result.provenance["setup_seconds"] + result.provenance["wall_seconds"], digits=1)


@contextmanager
def _progress_bar(name: str) -> Iterator[Callable[[Progress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[simulated]} / {task.fields[duration]}"),
        TextColumn(text("cli.left") + " {task.fields[left]}"),
        TextColumn(text("cli.mass_error") + " {task.fields[mass_error]}"),
    )
    console = Console(stderr=True)
    fields: dict[str, Any] = {"simulated": "0:00:00", "duration": "?", "left": "?", "mass_error": "–"}
    with Bar(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=1.0, **fields)

        def report(progress: Progress) -> None:
            bar.update(
                task,
                completed=progress.time / progress.duration,
                simulated=_clock(progress.time),
                duration=_clock(progress.duration),
                left=_clock(progress.left) if progress.left < 1e8 else "?",
                mass_error="–" if progress.mass_error != progress.mass_error else power(progress.mass_error),
            )

        yield report


def _clock(seconds: float) -> str:
    whole = round(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _print_indicators(result: Result) -> None:
    from twin.messages import language

    label = f"label_{language()}"
    rows = [[row[label], figure(row["value"]), row["unit"]] for row in result.indicators.values()]
    print_table([text("cli.indicator"), text("cli.value"), text("cli.unit")], rows)


def _page(results: list[Result], path: Path, *, ensemble: bool = False) -> None:
    import viz

    begun = time.perf_counter()
    written = viz.page(results, path, ensemble=ensemble)
    size = written.stat().st_size / 1e6
    typer.echo(
        text(
            "cli.page_done",
            path=written.resolve(),
            size=number(size, digits=1),
            seconds=number(time.perf_counter() - begun, digits=1),
        )
    )


def _map(result: Result) -> None:
    if not result.has_fields or "max_water_depth" not in result.fields:
        return
    from viz import maps

    path = result.path / "max_water_depth.png"
    maps.max_depth(result, path)
    typer.echo(text("cli.map_done", path=path.resolve()))


def main(arguments: list[str] | None = None) -> Any:
    """Run the command line; turn our errors into a message and an exit code."""
    try:
        left_with = translated(typer.main.get_command(app))(arguments, standalone_mode=False)
        if left_with == 130:  # what typer makes of Ctrl-C
            raise KeyboardInterrupt
    except TwinError as error:
        typer.echo(str(error), err=True)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        typer.echo(text("cli.stopped"), err=True)
        sys.exit(130)
    except typer.Exit as leave:
        sys.exit(leave.exit_code)
    except typer.Abort:
        sys.exit(130)
    except OSError as error:
        place = error.filename2 or error.filename
        code = errno.errorcode.get(error.errno or 0)
        if place is None or code not in UNUSABLE | FULL:
            raise
        if Path(place).name.startswith("."):  # a temporary name of ours beside the wanted one
            place = Path(place).parent
        row = "folder.full" if code in FULL else "folder.refused"
        typer.echo(str(told(place, "", row, reason=reason(error))), err=True)
        sys.exit(1 if code in FULL else 2)
    except Exception as error:
        # Usage errors of typer's own click carry a way to show themselves and their code.
        if type(error).__name__ == "NoArgsIsHelpError":
            typer.echo(error.ctx.get_help(), err=True)  # type: ignore[attr-defined]
        elif hasattr(error, "show") and hasattr(error, "exit_code"):
            typer.echo(str(usage_problem(error)), err=True)
        else:
            raise
        sys.exit(error.exit_code)  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
