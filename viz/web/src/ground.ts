// The ground as tiles at several levels: fine where the eye is near, coarse far away, within a budget.
//
// One small square mesh is drawn many times; each time it takes its heights from a texture, at every cell,
// every second, every fourth … The edges of tiles hang down a little, so that no gap opens between levels.

import {
  BufferAttribute, DataTexture, DynamicDrawUsage, FloatType, InstancedBufferAttribute, InstancedBufferGeometry, NearestFilter,
  RedFormat,
} from "three";
import type { Lattice } from "./lattice";

/** Steps along the side of a tile. */
const SIDE = 16;
/** A step that is smaller than this on the screen (pixels) is not made finer. */
const FINE = 3;
/** What the texture holds where there is no ground. */
export const NO_GROUND = -1e9;

interface Tile {
  column: number;
  row: number;
  /** Cells between two points. */
  step: number;
  /** How large a step looks (pixels). */
  size: number;
}

export interface Eye {
  x: number;
  y: number;
  z: number;
  /** Metres per pixel at unit distance. */
  perPixel: number;
  /** Whether any part of a box (metres) can be seen. */
  sees(west: number, south: number, low: number, east: number, north: number, high: number): boolean;
}

export function bedTexture(lattice: Lattice, bed: Float32Array, holes: boolean): DataTexture {
  const heights = holes ? bed.map((z) => (Number.isFinite(z) ? z : NO_GROUND)) : bed;
  const texture = new DataTexture(heights, lattice.nx, lattice.ny, RedFormat, FloatType);
  texture.minFilter = texture.magFilter = NearestFilter;
  texture.needsUpdate = true;
  return texture;
}

export class GroundTiles {
  readonly geometry = new InstancedBufferGeometry();
  private readonly lattice: Lattice;
  private readonly low: number;
  private readonly high: number;
  private readonly tiles: InstancedBufferAttribute;
  private readonly coarsest: number;

  /** `low`, `high`: between what heights everything lies (m); `most`: tiles that any budget asks for. */
  constructor(lattice: Lattice, low: number, high: number, most: number) {
    this.lattice = lattice;
    this.low = low;
    this.high = high;
    let step = 1;
    while (step * SIDE < Math.max(lattice.nx, lattice.ny) - 1) step *= 2;
    this.coarsest = step;
    // Points of the square, those between four of them, then those of its hanging edge. The shader puts a point
    // between four on the diagonal that lies higher: a crest one cell wide is a line, whatever its direction.
    const corners: number[] = [];
    const index: number[] = [];
    for (let i = 0; i <= SIDE; i++) for (let j = 0; j <= SIDE; j++) corners.push(j, i, 0);
    const wide = SIDE + 1;
    for (let i = 0; i < SIDE; i++) {
      for (let j = 0; j < SIDE; j++) {
        const a = i * wide + j;
        const middle = corners.length / 3;
        corners.push(j, i, 2);
        index.push(a, a + wide, middle, a + wide, a + wide + 1, middle, a + wide + 1, a + 1, middle, a + 1, a, middle);
      }
    }
    const edge = (from: number, by: number): void => {
      for (let k = 0; k <= SIDE; k++) {
        const p = from + k * by;
        corners.push(p % wide, Math.floor(p / wide), 1);
        const q = corners.length / 3 - 1;
        if (k > 0) index.push(p - by, q - 1, p, p, q - 1, q);
      }
    };
    edge(0, 1);
    edge(SIDE * wide, 1);
    edge(0, wide);
    edge(SIDE, wide);
    this.geometry.setAttribute("position", new BufferAttribute(Float32Array.from(corners), 3));
    this.geometry.setIndex(index);
    this.tiles = new InstancedBufferAttribute(new Float32Array(3 * most), 3).setUsage(DynamicDrawUsage);
    this.geometry.setAttribute("tile", this.tiles);
    this.geometry.instanceCount = 0;
  }

  /** Choose the tiles for a view: the ones that look coarsest are divided first. */
  select(eye: Eye, budget: number): void {
    const done: Tile[] = [];
    const open: Tile[] = [];
    const root = this.tile(0, 0, this.coarsest, eye);
    if (root) open.push(root);
    while (open.length > 0 && done.length + open.length < budget) {
      let worst = 0;
      for (let k = 1; k < open.length; k++) if (open[k].size > open[worst].size) worst = k;
      const tile = open[worst];
      open[worst] = open[open.length - 1];
      open.pop();
      const half = tile.step / 2;
      const reach = SIDE * half;
      for (const [right, down] of [[0, 0], [reach, 0], [0, reach], [reach, reach]]) {
        const part = this.tile(tile.column + right, tile.row + down, half, eye);
        if (part) (part.step === 1 || part.size < FINE ? done : open).push(part);
      }
    }
    const all = [...done, ...open].slice(0, this.tiles.count);
    all.forEach(({ column, row, step }, k) => this.tiles.setXYZ(k, column, row, step));
    this.tiles.clearUpdateRanges();
    this.tiles.addUpdateRange(0, 3 * all.length); // only what is drawn goes to the card
    this.tiles.needsUpdate = true;
    this.geometry.instanceCount = all.length;
  }

  /** A tile that has ground and can be seen. */
  private tile(column: number, row: number, step: number, eye: Eye): Tile | null {
    const { nx, ny, cell, halfX, halfY } = this.lattice;
    if (column >= nx - 1 || row >= ny - 1) return null;
    const west = (column + 0.5) * cell - halfX;
    const north = halfY - (row + 0.5) * cell;
    const east = Math.min(west + SIDE * step * cell, halfX);
    const south = Math.max(north - SIDE * step * cell, -halfY);
    if (!eye.sees(west, south, this.low, east, north, this.high)) return null;
    const away = (value: number, a: number, b: number): number => Math.max(a - value, value - b, 0);
    const distance = Math.hypot(away(eye.x, west, east), away(eye.y, south, north), away(eye.z, this.low, this.high));
    return { column, row, step, size: (step * cell) / (eye.perPixel * Math.max(distance, 1)) };
  }
}
