"""The one table of texts: what people read comes from it, in both languages, and nothing in it is idle."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from string import Formatter

import pytest

from twin.errors import InputError, Problem, reason, shown, told
from twin.messages import LANGUAGES, figure, power, signed, table
from twin.units import problems_of

ROOT = Path(__file__).parents[1]
PARTS = (".found", ".expected", ".hint")
# What takes a row of the table as an argument: name of the call → place of the row.
CALLS = {"told": 2, "tell": 2, "unusable": 0, "text": 0, "optional": 0}
# Arguments of `told` and its kin that fill in no {name}.
OWN = {"hint", "found", "row", "where", "key", "lang", "unit"}
ERRORS = {
    "TwinError", "FetchError", "Damaged", "AsciiGridError", "ArchiveError", "LidarError", "SolverError",
    "Interrupted", "NoArchiver", "NoMember", "echo", "Option", "Argument",
}  # fmt: skip
# Families of rows whose names come from outside the code: kinds of facility, of survey, of pydantic and of
# system errors; what these rows say is tested where they are used.
OUTSIDE = ("indicator.", "error.system.", "quantity.", "roads.dropped.", "health.missing_", "health.source_")


@dataclass
class Code:
    """What the modules say: (file, call) of each call, every string, every pattern of an f-string."""

    calls: list[tuple[str, ast.Call]] = field(default_factory=list)
    strings: set[str] = field(default_factory=set)
    patterns: set[str] = field(default_factory=set)


def called(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


@cache
def code() -> Code:
    found = Code()
    for path in sorted([*(ROOT / "twin").rglob("*.py"), *(ROOT / "viz").rglob("*.py")]):
        if "node_modules" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                found.calls.append((f"{path.relative_to(ROOT)}:{node.lineno}", node))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.strings.add(node.value)
            elif isinstance(node, ast.keyword) and node.arg:
                found.strings.add(node.arg)
            elif isinstance(node, ast.JoinedStr):
                found.patterns.add(pattern(node))
    for path in (ROOT / "viz" / "web").glob("*/**/*.ts"):
        if "node_modules" not in path.parts:
            found.strings.update(re.findall(r"[\"'`]([\w.]+)[\"'`]", path.read_text(encoding="utf-8")))
    return found


def pattern(joined: ast.JoinedStr) -> str:
    parts = (v.value if isinstance(v, ast.Constant) else None for v in joined.values)
    return "".join("([\\w.]+)" if part is None else re.escape(str(part)) for part in parts)


def rows() -> dict[str, dict[str, str]]:
    """Key → language → text."""
    by_language = {
        lang: {f"{top}.{key}": said for top in tops() for key, said in table(top)[lang].items()}
        for lang in LANGUAGES
    }
    return {key: {lang: by_language[lang][key] for lang in LANGUAGES} for key in by_language["fr"]}


def tops() -> set[str]:
    files = (ROOT / "twin" / "messages").glob("*.toml")
    return {top for file in files for top in re.findall(r"^\[(\w+)", file.read_text("utf-8"), flags=re.M)}


def names(said: str) -> set[str]:
    return {name.split(".")[0] for _, name, _, _ in Formatter().parse(said) if name}


def row_of(call: ast.Call, place: int) -> str | None:
    given = {k.arg: k.value for k in call.keywords}
    node = given.get("row", call.args[place] if place < len(call.args) else None)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def test_both_languages_fill_in_the_same_names() -> None:
    apart = [key for key, row in rows().items() if names(row["fr"]) != names(row["en"])]
    assert apart == []
    assert all(text for row in rows().values() for text in row.values())


def test_french_is_set_as_french() -> None:
    for key, row in rows().items():
        french = re.sub(r"https?:\S+|\{[^}]*\}|\d:\d|EPSG:|file:", "", row["fr"])
        assert not re.search(r"[^\W\d_][:;?!](\s|$)", french), f"{key}: a space before : ; ? !"
        assert "“" not in french, key
        assert french.count("«") == french.count("»"), key


def test_every_call_finds_its_row_and_fills_it_in() -> None:
    known, wrong = rows(), []
    for where, call in code().calls:
        name = called(call)
        row = row_of(call, CALLS[name]) if name in CALLS else None
        if row is None or " " in row:
            continue
        given = {k.arg for k in call.keywords if k.arg}
        if name in ("text", "optional"):
            said = [row]
        else:
            said = [f"{row}{part}" for part in PARTS if f"{row}{part}" in known or part == ".expected"]
            if "found" in given:
                said = [key for key in said if not key.endswith(".found")]
            elif f"{row}.found" not in known:
                wrong.append(f"{where}: {row}.found is missing")
        missing = [key for key in said if key not in known]
        wanted = {n for key in said if key in known for n in names(known[key]["fr"])}
        given -= OWN - wanted
        spread = any(k.arg is None for k in call.keywords)
        if missing or not given <= wanted or (given != wanted and not spread):
            wrong.append(f"{where}: {row} takes {sorted(wanted)}, not {sorted(given)}; missing: {missing}")
    assert wrong == []


def test_every_row_is_used() -> None:
    said = code()
    shapes = [re.compile(p) for p in said.patterns if re.match(r"[a-z_]+(\\)?\.", p)]
    tables = [f"{row_of(call, 0)}." for _, call in said.calls if called(call) == "table"]

    def used(key: str) -> bool:
        if key in said.strings or key.startswith((*OUTSIDE, *tables)):
            return True
        for shape in shapes:  # what fills the gaps of an f-string is a word of the code
            match = shape.fullmatch(key)
            if match and all(set(part.split(".")) <= words for part in match.groups()):
                return True
        return False

    words = {word for s in said.strings for word in re.findall(r"\w+", s)}
    idle = [key for key in rows() if not any(used(k) for k in (key, *(key.removesuffix(p) for p in PARTS)))]
    assert idle == []


def sentences(node: ast.AST) -> Iterator[str]:
    """Strings with words, but for those that a row of the table is looked up by."""
    if isinstance(node, ast.Call) and called(node) in {*CALLS, *ERRORS, "join", "listed"}:
        return
    if (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.search(r"[a-z]{3}\s|\s[a-z]{3}", node.value)
    ):
        yield node.value
    for child in ast.iter_child_nodes(node):
        yield from sentences(child)


def test_errors_and_commands_say_nothing_of_their_own() -> None:
    own, wrong = {"twin/errors.py", "twin/units.py"}, []
    for where, call in code().calls:
        name = called(call)
        if name == "Problem" and where.split(":")[0] not in own:
            wrong.append(f"{where}: told(…), from the table")
        if name in ERRORS:
            helps = [k.value for k in call.keywords if k.arg == "help"]
            heard = helps if name in ("Option", "Argument") else call.args
            wrong += [f"{where}: {said!r}" for arg in heard for said in sentences(arg)]
    assert wrong == []


def test_what_stands_in_a_file_is_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWIN_LANG", "fr")
    assert [shown(v) for v in ("5 km", True, 0.25, None, "")] == ["« 5 km »", "true", "0.25", "rien", "rien"]
    monkeypatch.setenv("TWIN_LANG", "en")
    assert [shown(v) for v in ("5 km", None)] == ["'5 km'", "nothing"]


def test_a_problem_speaks_the_language_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWIN_LANG", "fr")
    lines = str(InputError(told("a.tif", "layers.terrain.crs", "layer.degrees", crs="EPSG:4326"))).split("\n")
    assert lines[0] == "a.tif: layers.terrain.crs"
    assert [line.strip().split(" :")[0] for line in lines[1:]] == ["trouvé", "attendu", "remède"]


@pytest.mark.parametrize(
    ("error", "french"),
    [(PermissionError(13, "Permission denied"), "droits"), (OSError(30, "Read-only"), "lecture seule")],
)
def test_the_system_refuses_in_french(error: OSError, french: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWIN_LANG", "fr")
    assert french in reason(error)


def test_limits_of_a_number_are_told_in_french(monkeypatch: pytest.MonkeyPatch) -> None:
    from pydantic import BaseModel, Field, ValidationError

    class Record(BaseModel):
        slope: float = Field(gt=0)
        lanes: int = Field(ge=1)
        name: str
        flags: tuple[bool, ...] = Field(min_length=1)

    monkeypatch.setenv("TWIN_LANG", "fr")
    with pytest.raises(ValidationError) as caught:
        Record.model_validate({"slope": 0.0, "lanes": "a", "name": 3, "flags": []})
    problems = problems_of(caught.value.errors(), "f.toml", Record)
    assert problems == [
        Problem("f.toml", "slope", "0.0", "un nombre supérieur à 0.0"),
        Problem("f.toml", "lanes", "« a »", "un nombre entier"),
        Problem("f.toml", "name", "3", "un texte entre guillemets"),
        Problem("f.toml", "flags", "[]", "1 élément(s) au moins"),
    ]


def test_no_figure_has_the_commas_of_english_thousands() -> None:
    """They are decimal commas to French readers: `twin.messages.figure` knows the marks of each language."""
    with_commas = [
        f"{path.relative_to(ROOT)}: {part}"
        for path in sorted((ROOT / "twin").rglob("*.py"))
        if path.parent.name != "messages"
        for part in re.findall(r"\{[^{}\n]*:[-+ ]?,[.\d]*[defg]?\}", path.read_text("utf-8"))
    ]
    assert with_commas == []
    assert figure(1234567.0, "fr", 0) == "1\u202f234\u202f567"
    assert figure(float("nan"), "fr") == "–"
    assert [signed(v, "fr", 2) for v in (0.314, -1234.5, 0.001, -0.001)] == [
        "+0,31",
        "-1\u202f234,5",
        "0",
        "0",
    ]
    assert (power(1.23e-13, "fr"), power(1.23e-13, "en", 2)) == ("1,2e-13", "1.23e-13")


def test_sentences_tell_figures_as_their_language_writes_them() -> None:
    """A format of Python has the decimal point of English: `number`, `figure` and their kin know both marks.
    What `told` and its kin quote are values as a file has them.
    """
    pointed = [
        f"{where}: {ast.unparse(part)}"
        for where, call in code().calls
        if called(call) in {"text", "optional", "note", "add", "echo"}
        for part in ast.walk(call)
        if isinstance(part, ast.FormattedValue)
        and part.format_spec is not None
        and re.search(r"(\.[1-9]\d*[efg%]|g)'$", ast.unparse(part.format_spec))
    ]
    assert pointed == []
