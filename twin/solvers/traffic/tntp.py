"""Networks and trip tables in the TNTP text format (github.com/bstabler/TransportationNetworks), and `twin
assign`.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from twin.errors import InputError, Problems, in_line, listed, reason, told
from twin.solvers.traffic.assignment import Assignment, Method, assign, load_kernels
from twin.solvers.traffic.problem import AssignmentNetwork, Floats, Trips

COLUMNS = (
    "init_node",
    "term_node",
    "capacity",
    "length",
    "free_flow_time",
    "b",
    "power",
    "speed",
    "toll",
    "link_type",
)
ROUNDING = 1e-4  # stated: share of all trips by which rounded entries may miss the total of the header
_TAG = re.compile(r"<([^>]+)>\s*(.*)")
_ENTRY = re.compile(r"^\s*(\S+)\s*:\s*(\S+)\s*$")
_ORIGIN = re.compile(r"^\s*origin\b", re.IGNORECASE | re.MULTILINE)
_NOT_NUMBERS = re.compile(r"[^-+0-9.eE:;\s]")
_BLANKS = str.maketrans(":;", "  ")


@dataclass(frozen=True, eq=False)
class TntpNetwork:
    """A network file as read: node numbers from 1, columns as arrays (m,) in the file's order."""

    path: Path
    zones: int
    nodes: int
    first_through_node: int
    init_node: NDArray[np.int32]
    term_node: NDArray[np.int32]
    capacity: Floats
    length: Floats
    free_flow_time: Floats
    b: Floats
    power: Floats
    toll: Floats

    def network(self, toll_weight: float = 0.0, length_weight: float = 0.0) -> AssignmentNetwork:
        """With generalised cost = time + toll_weight × toll + length_weight × length."""
        return AssignmentNetwork.create(
            self.nodes,
            self.init_node - 1,
            self.term_node - 1,
            zone_node=np.arange(self.zones),
            free_time=self.free_flow_time,
            capacity=self.capacity,
            b=self.b,
            power=self.power,
            fixed=toll_weight * self.toll + length_weight * self.length,
            through=np.arange(1, self.nodes + 1) >= self.first_through_node,
            where=str(self.path),
        )


def read_network(path: str | Path) -> TntpNetwork:
    """Read a ``_net.tntp`` file. InputError: missing file, header or column, values that are no numbers."""
    path = Path(path)
    header, lines = _split(path)
    problems = Problems()
    sizes = {
        key: _header_number(path, header, key, problems)
        for key in ("NUMBER OF ZONES", "NUMBER OF NODES", "NUMBER OF LINKS")
    }
    through = _header_number(path, header, "FIRST THRU NODE", problems) if "FIRST THRU NODE" in header else 1
    rows: list[list[float]] = []
    for number, line in lines:
        words = line.replace(";", " ").split()
        if not words:
            continue
        if len(words) < 7:
            problems.tell(
                in_line(path, number), "", "tntp.columns", count=len(words), wanted=listed(COLUMNS[:7])
            )
            continue
        try:
            rows.append([float(word) for word in [*words, *(["0"] * 3)][:10]])
        except ValueError:
            if rows or any(_is_number(word) for word in words):
                problems.tell(
                    in_line(path, number), "", "tntp.numbers", found=line.strip()
                )  # else column names
    problems.raise_if_any()
    if len(rows) != sizes["NUMBER OF LINKS"]:
        problems.tell(
            path, "<NUMBER OF LINKS>", "tntp.rows", count=len(rows), wanted=sizes["NUMBER OF LINKS"]
        )
    if sizes["NUMBER OF ZONES"] > sizes["NUMBER OF NODES"]:
        problems.tell(path, "<NUMBER OF ZONES>", "tntp.zones", found=sizes["NUMBER OF ZONES"])
    table = np.asarray(rows, np.float64).reshape(-1, 10)
    for column in (0, 1):
        bad = (
            (table[:, column] < 1)
            | (table[:, column] > sizes["NUMBER OF NODES"])
            | (table[:, column] % 1 != 0)
        )
        if bad.any():
            problems.tell(
                path, COLUMNS[column], "tntp.node", value=f"{table[bad, column][0]:g}",
                count=int(bad.sum()), most=sizes["NUMBER OF NODES"],
            )  # fmt: skip
    problems.raise_if_any()
    return TntpNetwork(
        path=path,
        zones=sizes["NUMBER OF ZONES"],
        nodes=sizes["NUMBER OF NODES"],
        first_through_node=through,
        init_node=table[:, 0].astype(np.int32),
        term_node=table[:, 1].astype(np.int32),
        capacity=table[:, 2].copy(),
        length=table[:, 3].copy(),
        free_flow_time=table[:, 4].copy(),
        b=table[:, 5].copy(),
        power=table[:, 6].copy(),
        toll=table[:, 8].copy(),
    )


def read_trips(path: str | Path) -> Trips:
    """Read a ``_trips.tntp`` file. InputError: missing file or header, entries that are no ``zone :
    trips``, an origin given twice, another sum than the header says (a file that was cut).
    """
    path = Path(path)
    header, lines = _split(path)
    problems = Problems()
    zones = _header_number(path, header, "NUMBER OF ZONES", problems)
    table = _fast_trips(lines)
    if table is None:  # something is wrong: say where
        table = _slow_trips(path, lines, problems)
    problems.raise_if_any()
    trips = Trips.from_pairs(zones, table[0], table[1], table[2], where=str(path))
    total = header.get("TOTAL OD FLOW", "").replace(";", " ").split()
    if total and _is_number(total[0]) and abs(trips.total - float(total[0])) > ROUNDING * float(total[0]):
        problems.tell(path, "<TOTAL OD FLOW>", "tntp.total", count=f"{trips.total:.10g}", wanted=total[0])
    problems.raise_if_any()
    return trips


def _fast_trips(lines: list[tuple[int, str]]) -> tuple[Floats, Floats, Floats] | None:
    """Origins and destinations from 0, and trips, in one go for files of tens of MB; None for anything but
    ``zone : trips`` entries below Origin lines.
    """
    origins, destinations, values = [], [], []
    seen: set[str] = set()
    blocks = _ORIGIN.split("\n".join(line for _, line in lines))
    if blocks[0].strip():
        return None
    for block in blocks[1:]:
        first, _, rest = block.partition("\n")
        if not first.strip().isdigit() or _NOT_NUMBERS.search(rest):
            return None
        entries = rest.split(";")
        if any(entry.count(":") != 1 for entry in entries if not entry.isspace() and entry):
            return None
        try:
            numbers = np.array([float(word) for word in rest.translate(_BLANKS).split()]).reshape(-1, 2)
        except ValueError:
            return None
        if (numbers[:, 0] % 1 != 0).any():
            return None
        origins.append(np.full(len(numbers), float(first) - 1.0))
        destinations.append(numbers[:, 0] - 1.0)
        values.append(numbers[:, 1])
        if first.strip() in seen:
            return None
        seen.add(first.strip())
    nothing = np.zeros(0)
    return (
        np.concatenate([nothing, *origins]),
        np.concatenate([nothing, *destinations]),
        np.concatenate([nothing, *values]),
    )


def _slow_trips(
    path: Path, lines: list[tuple[int, str]], problems: Problems
) -> tuple[Floats, Floats, Floats]:
    """The same entry by entry, each one that is no ``zone : trips`` a problem with its line."""
    rows: list[tuple[int, int, float]] = []
    origin, seen = 0, set[int]()
    for number, line in lines:
        words = line.split()
        if words and words[0].lower() == "origin":
            try:
                origin = int(words[1])
            except (IndexError, ValueError):
                problems.tell(in_line(path, number), "", "tntp.origin", found=line.strip())
            else:
                if origin in seen:
                    problems.tell(in_line(path, number), "", "tntp.origin_twice", found=line.strip())
                seen.add(origin)
            continue
        for entry in line.split(";"):
            if not entry.strip():
                continue
            match = _ENTRY.match(entry)
            try:
                if match is None or origin == 0:
                    raise ValueError
                rows.append((origin - 1, int(match[1]) - 1, float(match[2])))
            except ValueError:
                problems.tell(in_line(path, number), "", "tntp.entry", found=entry.strip())
    table = np.asarray(rows, np.float64).reshape(-1, 3)
    return table[:, 0], table[:, 1], table[:, 2]


def read_flows(path: str | Path) -> tuple[NDArray[np.int32], NDArray[np.int32], Floats, Floats]:
    """Read a ``_flow.tntp`` solution: from, to, volume, cost."""
    rows = []
    for line in Path(path).read_text(encoding="utf-8").splitlines()[1:]:
        words = line.replace(";", " ").replace(":", " ").split()
        if len(words) >= 4:
            rows.append([float(word) for word in words[:4]])
    table = np.asarray(rows)
    return table[:, 0].astype(np.int32), table[:, 1].astype(np.int32), table[:, 2], table[:, 3]


def run_assign(
    net: str | Path,
    trips: str | Path,
    gap: float = 1e-12,
    toll_weight: float = 0.0,
    length_weight: float = 0.0,
    out: str | Path | None = None,
    *,
    max_iterations: int | None = None,
    method: Method = "pas",
) -> Assignment:
    """``twin assign``: read the two files, find the equilibrium, write flows.csv (from, to, volume, cost) if
    asked.

    Raises
    ------
    InputError
        A file that is missing or cannot be used, all problems of a file at once; a gap or weight that is no
        number ≥ 0.
    """
    problems = Problems()
    for key, value in (("gap", gap), ("toll-weight", toll_weight), ("length-weight", length_weight)):
        if not (np.isfinite(value) and value >= 0):
            problems.tell("twin assign", f"--{key}", "error.zero_or_more", found=value)
    if out is not None and not Path(out).absolute().parent.is_dir():
        problems.tell("twin assign", "--output", "tntp.no_folder", found=str(out))
    parts: list[TntpNetwork | Trips] = []
    for reader, path in ((read_network, net), (read_trips, trips)):
        try:
            parts.append(reader(path))
        except InputError as error:
            problems.extend(error.problems)
    problems.raise_if_any()
    table, demand = parts
    assert isinstance(table, TntpNetwork)
    assert isinstance(demand, Trips)
    load_kernels(method)  # the seconds are those of the algorithm
    result = assign(
        table.network(toll_weight, length_weight),
        demand,
        gap=gap,
        max_iterations=max_iterations,
        method=method,
    )
    if out is not None:
        write_flows(out, table, result)
    return result


def write_flows(path: str | Path, table: TntpNetwork, result: Assignment) -> None:
    """flows.csv: from, to, volume, cost, a row per link in the file's order; written aside, then renamed."""
    path = Path(path)
    aside = path.with_name(path.name + ".part")
    with aside.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["from", "to", "volume", "cost"])
        rows = zip(table.init_node, table.term_node, result.volume, result.cost, strict=True)
        writer.writerows(
            (int(tail), int(head), repr(float(volume)), repr(float(cost)))
            for tail, head, volume, cost in rows
        )
    aside.replace(path)


def _split(path: Path) -> tuple[dict[str, str], list[tuple[int, str]]]:
    """Header tags, and the numbered lines of the body without comments (``~``)."""
    try:
        content = path.read_text(encoding="utf-8-sig", errors="replace")
    except OSError as error:
        raise InputError(told(path, "", "tntp.unreadable", reason=reason(error))) from None
    header: dict[str, str] = {}
    body: list[tuple[int, str]] = []
    in_header = True
    for number, line in enumerate(content.splitlines(), start=1):
        match = _TAG.match(line.strip()) if in_header else None
        if match:
            header[match[1].strip().upper()] = match[2].strip()
            in_header = match[1].strip().upper() != "END OF METADATA"
        elif line.strip() and not line.lstrip().startswith("~"):
            body.append((number, line))
    return header, body


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _header_number(path: Path, header: dict[str, str], key: str, problems: Problems) -> int:
    """A whole number from the header, 0 and a noted problem where there is none."""
    value = header.get(key, "").replace(";", " ").split()
    if value and _is_number(value[0]) and float(value[0]) >= 0 and float(value[0]) % 1 == 0:
        return int(float(value[0]))
    problems.tell(path, f"<{key}>", "tntp.whole_number", found=header.get(key))
    return 0
