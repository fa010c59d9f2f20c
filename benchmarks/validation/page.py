"""The page of what the cases gave: its table and its pictures."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from benchmarks.validation.case import RESULTS, Family, read, sources
from benchmarks.validation.reasons import REASONS


def draw(family: Family, path: Path) -> None:
    """The curves of a family as a small PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    styles = {"exact": "k-", "first order": "C0--", "second order": "C3-"}
    figure, axes = pyplot.subplots(figsize=(5.2, 2.8), layout="constrained")
    for label, (x, y) in family.curves.items():
        axes.plot(x, y, styles.get(label, "-"), label=label, linewidth=0.9 if label == "exact" else 1.1)
    axes.set(title=family.title, xlabel=family.labels[0], ylabel=family.labels[1])
    axes.legend(fontsize=7, frameon=False)
    figure.savefig(path, dpi=90)
    pyplot.close(figure)


HEAD = """# Validation of the flood solver

Written by `make validate`. Errors L1 are relative: against averages of the exact solution over the cells, but
for Thacker's bowls, the MacDonald channels, the steady rain on planes and the dams at 30°, where it is taken
at the middle of each cell. Where there is no exact solution the case names what it is held against. *Asked*
is what the project asks of the second order: a most (≤), a least observed order, or less than the error of
the first order (< first); the books of both runs are asked to close to 1e-12 in any case. *Published* is what
others give or what was measured. *Order* is observed for the second order between the number of cells given
and twice as many. *Mass* is the largest relative closing error of the books of the runs. *Local inertia* is
given where it is a case for that scheme, or to show that it is none (Stoker); nothing is asked of it there.

✓: what is asked is met. ✗: it is not, and the reason stands below the table. ·: nothing is asked, the figure
is only reported. *Worse than first order*: by more than 1 %, whatever is asked, where the figure is an error
(a level, a lag, a speed is none). No figure may become 1.3 times worse than it was (`validation/held.json`).
"""


def key(files: dict[str, str]) -> str:
    """One hash for all sources."""
    return hashlib.sha256(json.dumps(files).encode()).hexdigest()[:16]


def report(names: list[str], path: Path, folder: Path = RESULTS) -> None:
    """Write the table of the named cases out of what `run_case` kept, and its pictures beside it."""
    plots = path.parent / "validation_plots"
    plots.mkdir(exist_ok=True)
    kept = [json.loads((folder / f"{name}.json").read_text(encoding="utf-8")) for name in names]
    families = [read(one) for case in kept for one in case["families"]]
    rows = [row for family in families for row in family.rows]
    missed = [row for row in rows if row.failures()]
    asked, worse = sum(bool(row.asked()) for row in rows), sum(row.worse() for row in rows)
    said = sum(bool(row.asked()) for row in missed)
    now = sources()
    about = (
        f"{len(rows)} figures of {len(names)} cases: of {asked} something is asked, {asked - said} met and"
        f" {said} missed; {len(rows) - asked} only reported. {worse} worse than first order."
        f" {kept[0]['machine']}, {min(c['date'] for c in kept)} to {max(c['date'] for c in kept)} UTC,"
        f" {sum(c['seconds'] for c in kept) / 60:.0f} minutes in all; sources {key(now)}."
    )
    others: dict[str, list[str]] = {}  # cases by the files that changed since they ran
    for name, case in zip(names, kept, strict=True):
        if changed := sorted({file for file, _ in case.get("sources", {}).items() ^ now.items()}):
            few = ", ".join(changed) if len(changed) < 10 else f"{len(changed)} files"
            others.setdefault(few, []).append(name)
    for files, cases in others.items():
        about += f" Run on other sources than these: {', '.join(cases)} ({files})."

    def number(x: float | None) -> str:
        return "" if x is None else f"{x:.3g}"

    lines = [
        *(HEAD + "\n" + about + "\n").split("\n"),
        "| case | norm | first order | second order | local inertia | asked | published | order | mass | |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.case} | {row.norm} | {number(row.first)} | {number(row.second)} |"
        f" {number(row.inertial)} | {row.asked()} | {row.published} | {number(row.order)} |"
        f" {row.mass:.0e} | {row.mark()} |"
        for row in rows
    ]
    if missed:
        lines += ["", "## Missed, and why", ""]
        lines += [
            f"- **{row.case}, {row.norm}**: {'; '.join(row.failures())}."
            f" {known.why if (known := REASONS.get((row.case, row.norm))) else 'Not explained.'}"
            for row in missed
        ]
    for family in families:
        if family.table:
            lines += ["", f"## {family.title}", "", *family.table]
    lines += ["", "## Pictures", ""]
    for family in families:
        if family.curves:
            name = "".join(c if c.isalnum() else "_" for c in family.title.lower()).strip("_") + ".png"
            draw(family, plots / name)
            lines.append(f"![{family.title}](validation_plots/{name})")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
