"""What a picture of the page costs, told in plain work: full-screen layers and vertices.

    python -m tests.page.plain_work PAGE.html

A renderer, whichever it is, draws a textured layer over the whole screen and many small triangles; then the
page's picture at each level of `viz/web/src/pace.ts`, with all its pixels and with a quarter of them. What
grows with the pixels is told in layers, the rest in vertices. The two numbers belong to the picture, not to
the machine, as far as both kinds of work are as dear elsewhere; viz/web/README.md sets them against the rates
of laptops. Times are those of the processor that draws: other work on the machine does not count.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.page.opened import Opened

SIZE = (1920, 1080)

#: Leaves `probe` in the page: plain layers, lattices of vertices and pictures, drawn as often as one asks.
PROBE = """async () => {
    const view = twin.view(), host = document.getElementById("map");
    const [wide, tall] = [host.clientWidth, host.clientHeight];
    const often = (gl, count, draw) => {
        for (let k = 0; k < count; k++) {
            draw();
            gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4)); // waits for the card
        }
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
    const flat = program("out vec2 uv; void main() { uv = vec2((gl_VertexID << 1) & 2, gl_VertexID & 2);" +
        " gl_Position = vec4(2.0 * uv - 1.0, 0.0, 1.0); }",
        "in vec2 uv; uniform sampler2D image; out vec4 seen;" +
        " void main() { seen = texture(image, uv); }");
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
    const lattice = program("in vec3 place; uniform mat4 turn;" +
        " void main() { gl_Position = turn * vec4(place, 1.0); }",
        "out vec4 seen; void main() { seen = vec4(1.0); }");
    gl.uniformMatrix4fv(gl.getUniformLocation(lattice, "turn"), false,
        [0.3, 0, 0, 0, 0, 0.3, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, points, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0); gl.vertexAttribPointer(0, 3, gl.FLOAT, false, 0, 0);
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, index, gl.STATIC_DRAW);
    // The picture, with every pixel of the screen once.
    twin.app.set({ showFlow: true, playing: false });
    view.pace.finest();
    await new Promise((done) => requestAnimationFrame(done));
    window.probe = {
        layer: (count) => {
            gl.useProgram(flat);
            often(gl, count, () => gl.drawArrays(gl.TRIANGLES, 0, 3));
        },
        vertices: (count) => {
            gl.useProgram(lattice);
            often(gl, count, () => gl.drawElements(gl.TRIANGLES, index.length, gl.UNSIGNED_INT, 0));
        },
        picture: (count, level, share) => {
            view.pace.at = level;
            view.renderer.setDrawingBufferSize(wide, tall, share);
            often(view.renderer.getContext(), count, () => view.draw());
            return view.cost.triangles;
        },
    };
    return { pixels: wide * tall, vertices: many };
}"""


@dataclass(frozen=True)
class Work:
    """A picture at a level of the pace: what grows with its pixels, in layers, and the rest, in vertices."""

    layers: float
    millions: float
    triangles: int
    span: float
    """The picture at `SIZE` (ms of this processor)."""


@dataclass(frozen=True)
class Renderer:
    """What a second of this processor draws: millions of pixels of a plain layer, of vertices."""

    pixels: float
    vertices: float


def plain_work(browser: Any, page: Path, count: int = 2) -> tuple[Renderer, list[Work]]:
    """The renderer, and the picture at each level; each work is drawn `count` times."""
    system = browser.new_browser_cdp_session()
    opened = Opened(browser, page, SIZE)

    def spent(call: str, times: int) -> tuple[float, Any]:
        """Seconds of the processor that the drawing process takes for one, and what the call returns."""
        work = f"(count) => probe.{call}"
        opened.page.evaluate(work, 1)  # the first is dearer
        before = _drawing(system)
        answer = opened.page.evaluate(work, times)
        return (_drawing(system) - before) / times, answer

    try:
        found = opened.page.evaluate(PROBE)
        layer, _ = spent("layer(count)", 8 * count)
        lattice, _ = spent("vertices(count)", 2 * count)
        machine = Renderer(1e-6 * found["pixels"] / layer, 1e-6 * found["vertices"] / lattice)
        levels = []
        for level in range(7):
            rounds = [
                [spent(f"picture(count, {level}, {share})", count) for share in ("0.5", "1")]
                for _ in range(3)
            ]
            quarter, whole = (min(r[k][0] for r in rounds) for k in (0, 1))
            triangles = rounds[0][1][1]
            grows = max(0.0, whole - quarter) / 0.75  # s for all its pixels
            rest = max(0.0, whole - grows)
            levels.append(Work(grows / layer, rest * machine.vertices, int(triangles), 1e3 * whole))
        assert opened.errors == []
    finally:
        opened.close()
    return machine, levels


def _drawing(system: Any) -> float:
    """Seconds of the processor so far of the process that draws."""
    processes = system.send("SystemInfo.getProcessInfo")["processInfo"]
    return float(sum(p["cpuTime"] for p in processes if p["type"] == "GPU"))


def main() -> None:
    """Figures of a page in Debian's Chromium, drawn by the processor."""
    from playwright.sync_api import sync_playwright

    from tests.page.conftest import CHROMIUM, SOFTWARE

    with sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=SOFTWARE)
        machine, levels = plain_work(browser, Path(sys.argv[1]))
        browser.close()
    print(f"{machine.pixels:.0f} Mpixel/s of a plain layer, {machine.vertices:.1f} Mvertex/s", end=", ")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    for k, work in enumerate(levels):
        print(f"level {k}: {work.layers:.1f} layers, {work.millions:.2f} M vertices", end=" ")
        print(f"({work.triangles} triangles, {work.span:.0f} ms)")


if __name__ == "__main__":
    main()
