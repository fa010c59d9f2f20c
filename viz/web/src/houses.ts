// Walls and roofs of buildings as arrays for a mesh: worked out beside the page. No drawing here.

import { Earcut } from "three/src/extras/Earcut.js";
import { Growing, floats } from "./growing";
import type { Lattice } from "./lattice";
import type { Building } from "./territory";

/** Three corners a triangle, none shared. */
export interface Houses {
  /** Metres from the centre of the grid, three a corner. */
  position: Float32Array;
  /** Unit normal × 127, and what the corner is: 0 foot of a wall, 1 top of a wall, 2 roof. Four a corner. */
  facing: Int8Array;
  /** Which building. */
  thing: Float32Array;
  /** Share of the way (× 255) to each of the triangle's sides, 255 where the side is not an edge of the building. Four a corner. */
  rim: Uint8Array;
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

/** A corner: x, y, z, and for walls whether it is at the foot (0) or at the top (1). */
type Corner = readonly [number, number, number, number?];

const ROOF = 2;
/** Which sides of a triangle are edges: the one that faces its first, second, third corner. */
const FIRST = 1, SECOND = 2, THIRD = 4;

/**
 * A small, nearly rectangular house gets a ridged roof above its height (BD TOPO gives the height of the gutter);
 * the others a flat one.
 */
export function houses(list: Building[], lattice: Lattice, bed: Float32Array): Houses {
  const position = floats();
  const thing = floats();
  const facing = new Growing((size) => new Int8Array(size));
  const rim = new Growing((size) => new Uint8Array(size));
  const ground = (x: number, y: number): number => lattice.bilinear(bed, x, y);

  const triangle = (k: number, roof: boolean, a: Corner, b: Corner, c: Corner, edges: number): void => {
    const nx = (b[1] - a[1]) * (c[2] - a[2]) - (b[2] - a[2]) * (c[1] - a[1]);
    const ny = (b[2] - a[2]) * (c[0] - a[0]) - (b[0] - a[0]) * (c[2] - a[2]);
    const nz = (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0]);
    const size = 127 / (Math.hypot(nx, ny, nz) || 1);
    [a, b, c].forEach(([x, y, z, foot], n) => {
      position.push(x, y, z);
      thing.push(k);
      facing.push(Math.round(nx * size), Math.round(ny * size), Math.round(nz * size), roof ? ROOF : (foot ?? 1));
      rim.push(n === 0 || !(edges & FIRST) ? 255 : 0, n === 1 || !(edges & SECOND) ? 255 : 0, n === 2 || !(edges & THIRD) ? 255 : 0, 0);
    });
  };
  // Edges are drawn at the top and at the corners; the foot has its own shade.
  const wall = (k: number, ax: number, ay: number, bx: number, by: number, low: number, high: number): void => {
    triangle(k, false, [ax, ay, low, 0], [bx, by, low, 0], [bx, by, high, 1], FIRST);
    triangle(k, false, [ax, ay, low, 0], [bx, by, high, 1], [ax, ay, high, 1], FIRST | SECOND);
  };
  const ridged = (k: number, corners: [number, number][], low: number, high: number, top: number): void => {
    const [a, b, c, d] = corners;
    corners.forEach((from, n) => {
      const to = corners[(n + 1) % 4];
      wall(k, from[0], from[1], to[0], to[1], low, high);
    });
    const e: [number, number] = [(a[0] + d[0]) / 2, (a[1] + d[1]) / 2];
    const f: [number, number] = [(b[0] + c[0]) / 2, (b[1] + c[1]) / 2];
    triangle(k, false, [b[0], b[1], high], [c[0], c[1], high], [f[0], f[1], top], FIRST | SECOND | THIRD);
    triangle(k, false, [d[0], d[1], high], [a[0], a[1], high], [e[0], e[1], top], FIRST | SECOND | THIRD);
    const slope = (p: number[], q: number[], r: number[], s: number[]): void => {
      triangle(k, true, [p[0], p[1], high], [q[0], q[1], high], [r[0], r[1], top], FIRST | THIRD);
      triangle(k, true, [p[0], p[1], high], [r[0], r[1], top], [s[0], s[1], top], FIRST | SECOND);
    };
    slope(a, b, f, e);
    slope(c, d, e, f);
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
      const { xy } = outer[0];
      const size = Math.abs(area(xy));
      const box = size > 20 && size < 480 && building.height < 14 ? boxOf(xy) : null;
      if (box && size / (box.long * box.short) > 0.86 && box.short > 3.5 && box.short < 16) {
        ridged(k, box.corners, low, high, high + Math.min(0.3 * box.short, 4));
        return;
      }
    }
    for (let r = 0; r < building.rings.length; r++) {
      if (building.rings[r].hole) continue;
      const flat: number[] = [];
      const holes: number[] = [];
      const rings = [turned(building.rings[r].xy, true)];
      for (let h = r + 1; h < building.rings.length && building.rings[h].hole; h++) rings.push(turned(building.rings[h].xy, false));
      const next: number[] = []; // the corner after each one, along its ring
      for (const xy of rings) {
        const first = flat.length / 2;
        if (first > 0) holes.push(first);
        const n = xy.length / 2;
        for (let p = 0; p < n; p++) {
          flat.push(xy[2 * p], xy[2 * p + 1]);
          const q = (p + 1) % n;
          next.push(first + q);
          wall(k, xy[2 * p], xy[2 * p + 1], xy[2 * q], xy[2 * q + 1], low, high);
        }
      }
      const made = Earcut.triangulate(flat, holes, 2);
      const side = (p: number, q: number): boolean => next[p] === q || next[q] === p;
      for (let t = 0; t < made.length; t += 3) {
        const [a, b, c] = [made[t], made[t + 1], made[t + 2]];
        const at = (p: number): Corner => [flat[2 * p], flat[2 * p + 1], high];
        triangle(k, true, at(a), at(b), at(c), (side(b, c) ? FIRST : 0) | (side(c, a) ? SECOND : 0) | (side(a, b) ? THIRD : 0));
      }
    }
  });
  return { position: position.done(), facing: facing.done(), thing: thing.done(), rim: rim.done() };
}

/** A ring the way round that is asked for. */
function turned(xy: Float32Array, counterClockwise: boolean): Float32Array {
  if (area(xy) > 0 === counterClockwise) return xy;
  const out = new Float32Array(xy.length);
  for (let p = 0, q = xy.length - 2; p < xy.length; p += 2, q -= 2) {
    out[p] = xy[q];
    out[p + 1] = xy[q + 1];
  }
  return out;
}
