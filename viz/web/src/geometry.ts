// Meshes of the ground, the buildings and the roads, in metres from the centre of the grid.

import { BufferAttribute, BufferGeometry, ShapeUtils, Vector2 } from "three";
import type { Lattice } from "./lattice";
import type { Building, Road } from "./territory";
import type { MeasureLine } from "./types";

/** Numbers that grow without leaving typed memory. */
class Growing {
  private data = new Float32Array(1 << 14);
  length = 0;

  push(...values: number[]): void {
    if (this.length + values.length > this.data.length) {
      const bigger = new Float32Array(this.data.length * 2);
      bigger.set(this.data);
      this.data = bigger;
    }
    for (const value of values) this.data[this.length++] = value;
  }

  done(): Float32Array {
    return this.data.slice(0, this.length);
  }
}

function places(n: number, every: number): number[] {
  const out: number[] = [];
  for (let k = 0; k < n - 1; k += every) out.push(k);
  out.push(n - 1);
  return out;
}

/** Sides of the block of ground, so that it reads as a piece of land cut out. */
export function skirtGeometry(lattice: Lattice, bed: Float32Array, every: number, hole: number): BufferGeometry {
  const rows = places(lattice.ny, every);
  const columns = places(lattice.nx, every);
  const positions = new Growing();
  const uv = new Growing();
  const upper = new Growing();
  const side = new Growing();
  const index: number[] = [];
  const strip = (cells: [number, number][], light: number): void => {
    const first = upper.length;
    cells.forEach(([i, j], k) => {
      const z = bed[i * lattice.nx + j];
      for (const isUpper of [1, 0]) {
        positions.push((j + 0.5) * lattice.cell - lattice.halfX, lattice.halfY - (i + 0.5) * lattice.cell,
          Number.isFinite(z) ? z : hole);
        uv.push((j + 0.5) / lattice.nx, (i + 0.5) / lattice.ny);
        upper.push(isUpper);
        side.push(light);
      }
      if (k > 0) {
        const a = first + 2 * k;
        index.push(a - 2, a - 1, a, a, a - 1, a + 1);
      }
    });
  };
  const south = lattice.ny - 1;
  const east = lattice.nx - 1;
  strip(columns.map((j) => [0, j]), 1.02);
  strip(columns.map((j) => [south, j]), 0.93);
  strip(rows.map((i) => [i, 0]), 1.06);
  strip(rows.map((i) => [i, east]), 0.86);
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(positions.done(), 3));
  geometry.setAttribute("uv", new BufferAttribute(uv.done(), 2));
  geometry.setAttribute("upper", new BufferAttribute(upper.done(), 1));
  geometry.setAttribute("side", new BufferAttribute(side.done(), 1));
  geometry.setIndex(index);
  return geometry;
}

interface Box {
  corners: [number, number][]; // along the long side first
  long: number;
  short: number;
}

/** Smallest of the boxes along the edges of a ring. */
function boxOf(xy: Float32Array): Box | null {
  let best: Box | null = null;
  for (let p = 0, q = xy.length - 2; p < xy.length; q = p, p += 2) {
    const ex = xy[p] - xy[q];
    const ey = xy[p + 1] - xy[q + 1];
    const length = Math.hypot(ex, ey);
    if (length < 1) continue;
    const ux = ex / length;
    const uy = ey / length;
    let u0 = Infinity, u1 = -Infinity, v0 = Infinity, v1 = -Infinity;
    for (let r = 0; r < xy.length; r += 2) {
      const u = xy[r] * ux + xy[r + 1] * uy;
      const v = -xy[r] * uy + xy[r + 1] * ux;
      u0 = Math.min(u0, u); u1 = Math.max(u1, u); v0 = Math.min(v0, v); v1 = Math.max(v1, v);
    }
    const at = (u: number, v: number): [number, number] => [u * ux - v * uy, u * uy + v * ux];
    const swap = u1 - u0 < v1 - v0;
    const corners: [number, number][] = swap
      ? [at(u1, v0), at(u1, v1), at(u0, v1), at(u0, v0)]
      : [at(u0, v0), at(u1, v0), at(u1, v1), at(u0, v1)];
    const found = { corners, long: Math.max(u1 - u0, v1 - v0), short: Math.min(u1 - u0, v1 - v0) };
    if (!best || found.long * found.short < best.long * best.short) best = found;
  }
  return best;
}

function area(xy: Float32Array): number {
  let sum = 0;
  for (let p = 0, q = xy.length - 2; p < xy.length; q = p, p += 2) sum += xy[q] * xy[p + 1] - xy[p] * xy[q + 1];
  return sum / 2;
}

/**
 * Walls and roofs of all buildings. A small, nearly rectangular house gets a ridged roof above its
 * height (BD TOPO gives the height of the gutter); the others a flat one.
 */
export function buildingGeometry(list: Building[], lattice: Lattice, ground: (x: number, y: number) => number): BufferGeometry {
  const position = new Growing();
  const normal = new Growing();
  const thing = new Growing();
  const kind = new Growing();

  const triangle = (k: number, roof: boolean, corners: number[][]): void => {
    const [a, b, c] = corners;
    const nx = (b[1] - a[1]) * (c[2] - a[2]) - (b[2] - a[2]) * (c[1] - a[1]);
    const ny = (b[2] - a[2]) * (c[0] - a[0]) - (b[0] - a[0]) * (c[2] - a[2]);
    const nz = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
    const length = Math.hypot(nx, ny, nz) || 1;
    for (const [x, y, z, foot] of corners) {
      position.push(x, y, z);
      normal.push(nx / length, ny / length, nz / length);
      thing.push(k);
      kind.push(roof ? 2 : foot);
    }
  };
  const wall = (k: number, ax: number, ay: number, bx: number, by: number, low: number, high: number): void => {
    triangle(k, false, [[ax, ay, low, 0], [bx, by, low, 0], [bx, by, high, 1]]);
    triangle(k, false, [[ax, ay, low, 0], [bx, by, high, 1], [ax, ay, high, 1]]);
  };

  list.forEach((building, k) => {
    if (!lattice.inside(building.x, building.y)) return;
    const outer = building.rings.filter((ring) => !ring.hole);
    let low = Infinity;
    for (const { xy } of outer) for (let p = 0; p < xy.length; p += 2) low = Math.min(low, ground(xy[p], xy[p + 1]));
    const middle = ground(building.x, building.y);
    if (!Number.isFinite(low) || !Number.isFinite(middle)) return;
    const high = Math.max(middle, low) + building.height;
    low -= 0.6;
    if (building.rings.length === 1 && outer.length === 1) {
      const xy = outer[0].xy;
      const size = Math.abs(area(xy));
      const box = size > 20 && size < 480 && building.height < 14 ? boxOf(xy) : null;
      if (box && size / (box.long * box.short) > 0.86 && box.short > 3.5 && box.short < 16) {
        const [a, b, c, d] = box.corners;
        const rise = Math.min(0.3 * box.short, 4);
        const ends: [number, number][] = [[(a[0] + d[0]) / 2, (a[1] + d[1]) / 2], [(b[0] + c[0]) / 2, (b[1] + c[1]) / 2]];
        const top = high + rise;
        const around = [a, b, c, d];
        around.forEach((from, n) => {
          const to = around[(n + 1) % 4];
          wall(k, from[0], from[1], to[0], to[1], low, high);
        });
        const [e, f] = ends;
        triangle(k, false, [[b[0], b[1], high, 1], [c[0], c[1], high, 1], [f[0], f[1], top, 1]]);
        triangle(k, false, [[d[0], d[1], high, 1], [a[0], a[1], high, 1], [e[0], e[1], top, 1]]);
        const roof = (p: number[], q: number[], r: number[], s: number[]): void => {
          triangle(k, true, [[p[0], p[1], high], [q[0], q[1], high], [r[0], r[1], top]]);
          triangle(k, true, [[p[0], p[1], high], [r[0], r[1], top], [s[0], s[1], top]]);
        };
        roof(a, b, f, e);
        roof(c, d, e, f);
        return;
      }
    }
    for (let r = 0; r < building.rings.length; r++) {
      if (building.rings[r].hole) continue;
      const contour = vectors(building.rings[r].xy, true);
      const holes: Vector2[][] = [];
      for (let h = r + 1; h < building.rings.length && building.rings[h].hole; h++) holes.push(vectors(building.rings[h].xy, false));
      for (const ring of [contour, ...holes]) {
        ring.forEach((from, n) => {
          const to = ring[(n + 1) % ring.length];
          wall(k, from.x, from.y, to.x, to.y, low, high);
        });
      }
      const all = [contour, ...holes].flat();
      for (const [p, q, s] of ShapeUtils.triangulateShape(contour, holes)) {
        triangle(k, true, [p, q, s].map((n) => [all[n].x, all[n].y, high]));
      }
    }
  });
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(position.done(), 3));
  geometry.setAttribute("normal", new BufferAttribute(normal.done(), 3));
  geometry.setAttribute("thing", new BufferAttribute(thing.done(), 1));
  geometry.setAttribute("kind", new BufferAttribute(kind.done(), 1));
  return geometry;
}

function vectors(xy: Float32Array, counterClockwise: boolean): Vector2[] {
  const out: Vector2[] = [];
  for (let p = 0; p < xy.length; p += 2) out.push(new Vector2(xy[p], xy[p + 1]));
  return area(xy) > 0 === counterClockwise ? out : out.reverse();
}

/** Points along a line, none further apart than `step`. */
function dense(xy: Float32Array, step: number): number[] {
  const out: number[] = [xy[0], xy[1]];
  for (let p = 2; p < xy.length; p += 2) {
    const dx = xy[p] - xy[p - 2];
    const dy = xy[p + 1] - xy[p - 1];
    const pieces = Math.max(1, Math.ceil(Math.hypot(dx, dy) / step));
    for (let k = 1; k <= pieces; k++) out.push(xy[p - 2] + (dx * k) / pieces, xy[p - 1] + (dy * k) / pieces);
  }
  return out;
}

/** Half width of a road by IGN importance (1 main … 6 paths), metres. */
export function halfWidth(road: Road): number {
  if (!road.drivable) return 1;
  return [5.5, 5.5, 4.6, 3.8, 3.1, 2.4, 1.6][Math.min(6, Math.max(0, road.importance))];
}

/** Ribbons along the roads; bridges run straight between their ends. */
export function roadGeometry(roads: Road[], ground: (x: number, y: number) => number, step: number): BufferGeometry {
  const position = new Growing();
  const across = new Growing();
  const thing = new Growing();
  const shape = new Growing();
  const side = new Growing();
  const index: number[] = [];
  let count = 0;
  // Lesser roads first: main ones lie on top of them.
  const order = roads.map((_, k) => k).sort((a, b) => roads[b].importance - roads[a].importance);
  for (const k of order) {
    const road = roads[k];
    const half = halfWidth(road);
    const lift = 0.35 + 0.05 * (6 - road.importance);
    for (const line of road.lines) {
      const xy = dense(line, step);
      const n = xy.length / 2;
      const deck = road.level > 0;
      const start = ground(xy[0], xy[1]);
      const end = ground(xy[xy.length - 2], xy[xy.length - 1]);
      let along = 0;
      const lengths = [0];
      for (let p = 1; p < n; p++) lengths.push((along += Math.hypot(xy[2 * p] - xy[2 * p - 2], xy[2 * p + 1] - xy[2 * p - 1])));
      for (let p = 0; p < n; p++) {
        const before = Math.max(0, p - 1);
        const after = Math.min(n - 1, p + 1);
        const dx = xy[2 * after] - xy[2 * before];
        const dy = xy[2 * after + 1] - xy[2 * before + 1];
        const length = Math.hypot(dx, dy) || 1;
        const onGround = ground(xy[2 * p], xy[2 * p + 1]);
        const straight = start + ((end - start) * lengths[p]) / (along || 1);
        const z = deck ? Math.max(straight + 0.8, onGround) : onGround;
        for (const s of [-1, 1]) {
          position.push(xy[2 * p], xy[2 * p + 1], (Number.isFinite(z) ? z : 0) + lift);
          across.push(-dy / length, dx / length);
          thing.push(k);
          shape.push(half, lengths[p], deck ? 1 : 0);
          side.push(s);
        }
        if (p > 0) {
          const a = count + 2 * p;
          index.push(a - 2, a - 1, a, a, a - 1, a + 1);
        }
      }
      count += 2 * n;
    }
  }
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(position.done(), 3));
  geometry.setAttribute("across", new BufferAttribute(across.done(), 2));
  geometry.setAttribute("thing", new BufferAttribute(thing.done(), 1));
  geometry.setAttribute("shape", new BufferAttribute(shape.done(), 3));
  geometry.setAttribute("side", new BufferAttribute(side.done(), 1));
  geometry.setIndex(index);
  return geometry;
}

/** A dike as a low wall from the ground to its crest (at least 1 m, so that it can be seen). */
export function dikeGeometry(lines: MeasureLine[], ground: (x: number, y: number) => number, step: number): BufferGeometry {
  const position = new Growing();
  const index: number[] = [];
  let count = 0;
  for (const { parts, crest } of lines) {
    for (const part of parts) {
      const xy = dense(Float32Array.from(part), step);
      const n = xy.length / 2;
      for (let p = 0; p < n; p++) {
        const before = Math.max(0, p - 1);
        const after = Math.min(n - 1, p + 1);
        const dx = xy[2 * after] - xy[2 * before];
        const dy = xy[2 * after + 1] - xy[2 * before + 1];
        const length = Math.hypot(dx, dy) || 1;
        const z = ground(xy[2 * p], xy[2 * p + 1]);
        const top = Math.max(crest ?? -Infinity, z + 1);
        for (const [reach, height] of [[-4.5, z - 0.5], [-1.5, top], [1.5, top], [4.5, z - 0.5]]) {
          position.push(xy[2 * p] - (dy / length) * reach, xy[2 * p + 1] + (dx / length) * reach, height);
        }
        if (p > 0) {
          for (let s = 0; s < 3; s++) {
            const a = count + 4 * p + s;
            index.push(a - 4, a - 3, a, a, a - 3, a + 1);
          }
        }
      }
      count += 4 * n;
    }
  }
  const geometry = new BufferGeometry();
  geometry.setAttribute("position", new BufferAttribute(position.done(), 3));
  geometry.setIndex(index);
  const flat = geometry.toNonIndexed();
  flat.computeVertexNormals();
  return flat;
}
