// What does not change with time: ground, buildings, roads, as viz/page_features.py writes them.

import { block, terrain, varints } from "./codec";
import { Lattice } from "./lattice";
import type { PageData } from "./types";

export interface Ring {
  xy: Float32Array; // x, y, x, y … metres from the centre
  hole: boolean;
}

export interface Building {
  rings: Ring[];
  height: number;
  x: number;
  y: number;
}

export interface Road {
  lines: Float32Array[];
  importance: number;
  level: number;
  drivable: boolean;
}

export class Buildings {
  readonly list: Building[] = [];
  readonly nature: Int32Array;
  readonly use: Int32Array;
  readonly ids: string[] | null;
  /** Those whose height is a guess, one bit each. */
  readonly assumed: Uint8Array | null;

  constructor(rings: Int32Array, holes: Int32Array, outline: Int32Array, height: Int32Array,
    nature: Int32Array, use: Int32Array, ids: string[] | null, assumed: Uint8Array | null, step: number) {
    this.nature = nature;
    this.use = use;
    this.ids = ids;
    this.assumed = assumed;
    let ring = 0;
    const next = polylineReader(outline, step);
    for (let k = 0; k < rings.length; k++) {
      const mine: Ring[] = [];
      for (let r = 0; r < rings[k]; r++) mine.push({ xy: next(), hole: holes[ring++] === 1 });
      const first = mine[0]?.xy ?? new Float32Array(2);
      let x = 0;
      let y = 0;
      for (let p = 0; p < first.length; p += 2) {
        x += first[p];
        y += first[p + 1];
      }
      const n = Math.max(1, first.length / 2);
      this.list.push({ rings: mine, height: height[k] / 10, x: x / n, y: y / n });
    }
  }
}

function polylineReader(flat: Int32Array, step: number): () => Float32Array {
  let at = 0;
  return () => {
    const count = flat[at++];
    const xy = new Float32Array(count * 2);
    let x = 0;
    let y = 0;
    for (let p = 0; p < count; p++) {
      x += flat[at++];
      y += flat[at++];
      xy[2 * p] = x * step;
      xy[2 * p + 1] = y * step;
    }
    return xy;
  };
}

/** Everything decoded that does not change with time. */
export interface Territory {
  lattice: Lattice;
  bed: Float32Array;
  lowest: number;
  highest: number;
  ground: ImageBitmap;
  /** The orthophoto, when the page holds one. */
  photo: ImageBitmap | null;
  buildings: Buildings | null;
  roads: Road[];
  roadName: Int32Array;
  roadNature: Int32Array;
  roadIds: string[] | null;
}

async function picture({ blob, mime }: { blob: number; mime: string }): Promise<ImageBitmap> {
  const image = new Blob([(await block(blob)) as Uint8Array<ArrayBuffer>], { type: mime });
  return createImageBitmap(image, { premultiplyAlpha: "none", colorSpaceConversion: "none" });
}

async function ids(id: number | null): Promise<string[] | null> {
  return id === null ? null : new TextDecoder().decode(await block(id)).split("\n");
}

export async function readTerritory(data: PageData): Promise<Territory> {
  const { nx, ny, cell } = data.grid;
  const lattice = new Lattice(nx, ny, cell);
  // All blocks are unpacked at once: none waits for the one before it.
  const numbers = async (id: number): Promise<Int32Array<ArrayBuffer>> => varints(await block(id)) as Int32Array<ArrayBuffer>;
  const { buildings: b, roads: r } = data;
  const [bed, ground, photo, built, builtIds, assumed, paved, roadIds] = await Promise.all([
    block(data.bed.blob).then((bytes) => terrain(bytes, nx, ny, data.bed.low, data.bed.step)),
    picture(data.ground),
    data.photo ? picture(data.photo) : null,
    Promise.all(b ? [b.rings, b.holes, b.outline, b.height, b.nature, b.use].map(numbers) : []),
    ids(b?.ids ?? null),
    b?.assumed == null ? null : block(b.assumed),
    Promise.all(r ? [r.parts, r.outline, r.importance, r.level, r.drivable, r.name, r.nature].map(numbers) : []),
    ids(r?.ids ?? null),
  ]);
  let lowest = Infinity;
  let highest = -Infinity;
  for (const z of bed) {
    if (z < lowest) lowest = z;
    if (z > highest) highest = z;
  }
  if (!Number.isFinite(lowest)) lowest = highest = 0;
  let buildings: Buildings | null = null;
  if (b) {
    const [rings, holes, outline, height, nature, use] = built;
    buildings = new Buildings(rings, holes, outline, height, nature, use, builtIds, assumed, b.step);
  }
  const roads: Road[] = [];
  let roadName = new Int32Array();
  let roadNature = new Int32Array();
  if (r) {
    const [parts, outline, importance, level, drivable, name, nature] = paved;
    roadName = name;
    roadNature = nature;
    const next = polylineReader(outline, r.step);
    for (let k = 0; k < r.count; k++) {
      const lines: Float32Array[] = [];
      for (let p = 0; p < parts[k]; p++) lines.push(next());
      roads.push({ lines, importance: importance[k], level: level[k], drivable: drivable[k] === 1 });
    }
  }
  return { lattice, bed, lowest, highest, ground, photo, buildings, roads, roadName, roadNature, roadIds };
}
