"""What a picture of the page costs, told in plain work: full-screen layers and vertices.

    python -m tests.page.plain_work PAGE.html

A renderer, whichever it is, draws a textured layer over the whole screen and a million small triangles; then
the page's picture at each level of `viz/web/src/pace.ts`, at two sizes. What grows with the pixels is told in
layers, what does not in vertices. The two numbers belong to the picture, not to the machine, as far as both
kinds of work are as dear elsewhere; viz/web/README.md sets them against the rates of laptops.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.page.opened import Opened

SIZES = ((1280, 720), (1920, 1080))
LEVELS = 7

#: The shortest of `repeats` (ms): a layer, a million vertices, and the picture at each level.
PROBE = """async (repeats) => {
    const view = twin.view(), host = document.getElementById("map");
    const [wide, tall] = [host.clientWidth, host.clientHeight];
    const timed = (gl, draw) => {
        const pixel = new Uint8Array(4), spans = [];
        const once = () => {
            const from = performance.now(); draw();
            gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel); // waits for the card
            return performance.now() - from;
        };
        once();
        for (let k = 0; k < repeats; k++) spans.push(once());
        return Math.min(...spans); // what other work on the machine did not lengthen
    };
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [wide, tall];
    const gl = canvas.getContext("webgl2", { antialias: false });
    const program = (vertex, fragment) => {
        const made = gl.createProgram();
        for (const [kind, text] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
            const shader = gl.createShader(kind);
            gl.shaderSource(shader, "#version 300 es\\nprecision highp float;\\n" + text);
            gl.compileShader(shader); gl.attachShader(made, shader);
        }
        gl.linkProgram(made);
        if (!gl.getProgramParameter(made, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(made));
        gl.useProgram(made);
        return made;
    };
    gl.viewport(0, 0, wide, tall);
    // A layer: one bilinear read a pixel of an image of 1024 x 1024 that is not the same everywhere.
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, 1024, 1024, 0, gl.RGBA, gl.UNSIGNED_BYTE,
        Uint8Array.from({ length: 4 << 20 }, (_, k) => (k * 2654435761) >>> 24));
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    program("out vec2 uv; void main() { uv = vec2((gl_VertexID << 1) & 2, gl_VertexID & 2);" +
        " gl_Position = vec4(2.0 * uv - 1.0, 0.0, 1.0); }",
        "in vec2 uv; uniform sampler2D image; out vec4 seen;" +
        " void main() { seen = texture(image, uv); }");
    const LAYERS = 8;
    const layers = () => { for (let k = 0; k < LAYERS; k++) gl.drawArrays(gl.TRIANGLES, 0, 3); };
    const layer = timed(gl, layers) / LAYERS;
    // Vertices: a lattice of 512 x 512 points that share triangles of less than a pixel, turned by a matrix.
    const side = 512, many = side * side;
    const points = new Float32Array(3 * many), index = new Uint32Array(6 * (side - 1) ** 2);
    for (let k = 0; k < many; k++) {
        points.set([(k % side) / side - 0.5, Math.floor(k / side) / side - 0.5, 0], 3 * k);
    }
    for (let i = 0, n = 0; i < side - 1; i++) for (let j = 0; j < side - 1; j++, n += 6) {
        const a = i * side + j;
        index.set([a, a + side, a + 1, a + 1, a + side, a + side + 1], n);
    }
    program("in vec3 place; uniform mat4 turn; void main() { gl_Position = turn * vec4(place, 1.0); }",
        "out vec4 seen; void main() { seen = vec4(1.0); }");
    gl.uniformMatrix4fv(gl.getUniformLocation(gl.getParameter(gl.CURRENT_PROGRAM), "turn"), false,
        [0.3, 0, 0, 0, 0, 0.3, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, points, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0); gl.vertexAttribPointer(0, 3, gl.FLOAT, false, 0, 0);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, index, gl.STATIC_DRAW);
    const lattice = () => gl.drawElements(gl.TRIANGLES, index.length, gl.UNSIGNED_INT, 0);
    const million = timed(gl, lattice) * 1e6 / many;
    // The picture, with every pixel of the screen once.
    twin.app.set({ showFlow: true, playing: false });
    view.pace.finest();
    await new Promise((done) => requestAnimationFrame(done));
    const levels = [];
    for (let level = 0; level < 7; level++) {
        view.pace.at = level;
        view.renderer.setDrawingBufferSize(wide, tall, 1);
        const span = timed(view.renderer.getContext(), () => view.draw());
        levels.push({ span, ...view.cost });
    }
    return { wide, tall, layer, million, levels };
}"""


@dataclass(frozen=True)
class Work:
    """A picture at a level of the pace: what grows with its pixels, in layers, and the rest, in vertices."""

    layers: float
    millions: float
    triangles: int


@dataclass(frozen=True)
class Renderer:
    """What this machine does a second: millions of pixels of a plain layer, of vertices."""

    pixels: float
    vertices: float


def plain_work(browser: Any, page: Path, repeats: int = 5) -> tuple[Renderer, list[Work], list[list[float]]]:
    """The renderer, the picture at each level, and the time of it (ms) at each of `SIZES`."""
    found = []
    for size in SIZES:
        opened = Opened(browser, page, size)
        try:
            found.append(opened.page.evaluate(PROBE, repeats))
            assert opened.errors == []
        finally:
            opened.close()
    pixels = [1e-6 * f["wide"] * f["tall"] for f in found]  # millions
    a_pixel = sum(f["layer"] / n for f, n in zip(found, pixels, strict=True)) / 2  # ms a million
    a_vertex = sum(f["million"] for f in found) / 2
    out = []
    for small, large in zip(found[0]["levels"], found[1]["levels"], strict=True):
        grows = max(0.0, large["span"] - small["span"]) / (pixels[1] - pixels[0])
        rest = max(0.0, small["span"] - grows * pixels[0])
        out.append(Work(grows / a_pixel, rest / a_vertex, int(large["triangles"])))
    spans = [[float(level["span"]) for level in f["levels"]] for f in found]
    return Renderer(1e3 / a_pixel, 1e3 / a_vertex), out, spans


def main() -> None:
    """Figures of a page in Debian's Chromium, drawn by the processor."""
    from playwright.sync_api import sync_playwright

    from tests.page.conftest import CHROMIUM, SOFTWARE

    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=SOFTWARE)
        machine, levels, spans = plain_work(browser, Path(sys.argv[1]), 9)
        browser.close()
    print(f"{machine.pixels:.0f} Mpixel/s of a plain layer, {machine.vertices:.1f} Mvertex/s", end=", ")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for k, work in enumerate(levels):
        times = " and ".join(f"{s[k]:.0f} ms" for s in spans)
        print(
            f"level {k}: {work.layers:.1f} layers, {work.millions:.2f} M vertices"
            f" ({work.triangles} triangles; {times})"
        )


if __name__ == "__main__":
    main()
