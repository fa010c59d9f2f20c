// Meshes of the sides of the ground, roads and dikes, in metres from the centre of the grid.

import { BufferAttribute, BufferGeometry } from "three";
import { floats } from "./growing";
import type { Lattice } from "./lattice";
import type { Road } from "./territory";
import type { MeasureLine } from "./types";

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
  const positions = floats();
  const uv = floats();
  const upper = floats();
  const side = floats();
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
  const position = floats();
  const across = floats();
  const thing = floats();
  const shape = floats();
  const side = floats();
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
  const position = floats();
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
