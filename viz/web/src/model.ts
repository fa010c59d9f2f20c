// What the page knows: the grid, the scenarios over time, buildings and roads. No drawing here.

import { block, breathe, terrain, undelta, varints } from "./codec";
import type { PageData, ScenarioMeta } from "./types";

/** The lattice, in metres from its centre (x east, y north). Row 0 is north. */
export class Lattice {
  readonly nx: number;
  readonly ny: number;
  readonly cell: number;
  readonly halfX: number;
  readonly halfY: number;

  constructor(nx: number, ny: number, cell: number) {
    this.nx = nx;
    this.ny = ny;
    this.cell = cell;
    this.halfX = (nx * cell) / 2;
    this.halfY = (ny * cell) / 2;
  }

  inside(x: number, y: number): boolean {
    return Math.abs(x) < this.halfX && Math.abs(y) < this.halfY;
  }

  /** Flat index of the cell under a point (clamped to the grid). */
  cellAt(x: number, y: number): number {
    const j = Math.min(this.nx - 1, Math.max(0, Math.floor((x + this.halfX) / this.cell)));
    const i = Math.min(this.ny - 1, Math.max(0, Math.floor((this.halfY - y) / this.cell)));
    return i * this.nx + j;
  }

  /** Value between cell centres; what is not known counts as the nearest known corner. */
  bilinear(values: Float32Array, x: number, y: number, every = 1): number {
    const last = (n: number): number => Math.floor((n - 1) / every);
    const u = Math.min(last(this.nx), Math.max(0, ((x + this.halfX) / this.cell - 0.5) / every));
    const v = Math.min(last(this.ny), Math.max(0, ((this.halfY - y) / this.cell - 0.5) / every));
    const j = Math.min(last(this.nx) - 1, Math.floor(u));
    const i = Math.min(last(this.ny) - 1, Math.floor(v));
    const jj = Math.max(0, j);
    const ii = Math.max(0, i);
    const fu = u - jj;
    const fv = v - ii;
    let sum = 0;
    let weight = 0;
    for (let di = 0; di < 2; di++) {
      for (let dj = 0; dj < 2; dj++) {
        const row = Math.min(this.ny - 1, (ii + di) * every);
        const column = Math.min(this.nx - 1, (jj + dj) * every);
        const value = values[row * this.nx + column];
        const w = (di ? fv : 1 - fv) * (dj ? fu : 1 - fu) + 1e-9;
        if (Number.isFinite(value)) {
          sum += w * value;
          weight += w;
        }
      }
    }
    return weight > 0 ? sum / weight : NaN;
  }
}

/** Dry cells lie at least this far below zero (m): the edge of the water is a clear step everywhere. */
const DRY_MARGIN = 0.02;

/** What the codes of viz/flow.py mean. */
const SPEED = Array.from({ length: 8 }, (_, k) => (k === 0 ? 0 : ((k - 0.5) / 7) ** 2));
const EAST = Array.from({ length: 32 }, (_, k) => Math.cos((k * Math.PI) / 16));
const NORTH = Array.from({ length: 32 }, (_, k) => Math.sin((k * Math.PI) / 16));

const halfBuffer = new DataView(new ArrayBuffer(4));

/** Nearest 16-bit float of a number within ±60000. */
export function half(value: number): number {
  halfBuffer.setFloat32(0, value);
  const bits = halfBuffer.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 112;
  if (exponent <= 0) return sign; // below 6e-5: zero is near enough for metres
  return sign | Math.min(0x7bff, (exponent << 10) + (((bits & 0x7fffff) + 0x1000) >> 13));
}

export interface Moment {
  a: number;
  b: number;
  f: number;
}

/** One run: its frames and series. `ready` frames are decoded so far. */
export class Scenario {
  readonly meta: ScenarioMeta;
  readonly lattice: Lattice;
  readonly bed: Float32Array;
  readonly ownBed: boolean;
  readonly curve: Float32Array;
  readonly startMs: number;
  frames: Uint8Array[] = [];
  maximum: Uint8Array | null = null;
  /** Cells that a building fills, one bit each: water is drawn through under it. */
  roofs: Uint8Array | null = null;
  buildingDepth: Uint8Array | null = null;
  roadDepth: Uint8Array | null = null;
  volume: Uint8Array | null = null;
  saturation: Uint8Array | null = null;
  closed: Uint8Array | null = null;
  /** Codes of direction and speed, one array a frame; empty until they are read. */
  flow: Uint8Array[] = [];
  /** Greatest depth less that of the first scenario (m); null where that was not worked out. */
  change: Float32Array | null = null;
  private wetHalf: Uint16Array;

  constructor(meta: ScenarioMeta, lattice: Lattice, bed: Float32Array, ownBed: boolean, curve: Float32Array) {
    this.meta = meta;
    this.lattice = lattice;
    this.bed = bed;
    this.ownBed = ownBed;
    this.curve = curve;
    const parsed = Date.parse(meta.start);
    this.startMs = Number.isFinite(parsed) ? parsed : 0;
    this.wetHalf = Uint16Array.from(curve, half);
  }

  get ready(): number {
    return this.frames.length;
  }

  get complete(): boolean {
    return this.ready === this.meta.times.length;
  }

  get lastTime(): number {
    return this.meta.times[this.meta.times.length - 1];
  }

  /** The two frames around an instant and the share of the second, among all frames or those decoded. */
  moment(time: number, count = this.meta.times.length): Moment {
    const times = this.meta.times;
    if (count <= 1 || time <= times[0]) return { a: 0, b: 0, f: 0 };
    if (time >= times[count - 1]) return { a: count - 1, b: count - 1, f: 0 };
    let low = 0;
    let high = count - 1;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (times[middle] <= time) low = middle;
      else high = middle;
    }
    return { a: low, b: high, f: (time - times[low]) / (times[high] - times[low]) };
  }

  depthAt(cell: number, time: number): number {
    if (this.ready === 0) return NaN;
    const { a, b, f } = this.moment(time, this.ready);
    return (1 - f) * this.curve[this.frames[a][cell]] + f * this.curve[this.frames[b][cell]];
  }

  maximumAt(cell: number): number {
    if (this.maximum) return this.curve[this.maximum[cell]];
    let most = 0;
    for (const frame of this.frames) most = Math.max(most, this.curve[frame[cell]]);
    return most;
  }

  /** Depth over time at a cell, one value a frame. */
  cellSeries(cell: number): number[] {
    return this.frames.map((frame) => this.curve[frame[cell]]);
  }

  /** A byte series (buildings, roads) of one thing as depths. */
  series(bytes: Uint8Array, thing: number): number[] {
    const n = this.meta.times.length;
    return Array.from(bytes.subarray(thing * n, (thing + 1) * n), (code) => this.curve[code]);
  }

  /** Depth of one thing at an instant, or the most so far. */
  thingDepth(bytes: Uint8Array, thing: number, time: number, soFar: boolean): number {
    const n = this.meta.times.length;
    const { a, b, f } = this.moment(time);
    const at = thing * n;
    const now = (1 - f) * this.curve[bytes[at + a]] + f * this.curve[bytes[at + b]];
    if (!soFar) return now;
    let most = 0;
    for (let k = 0; k <= a; k++) if (bytes[at + k] > most) most = bytes[at + k];
    return Math.max(now, this.curve[most]);
  }

  /**
   * Signed depth as 16-bit floats, for textures: the depth where there is water; beside water, the water's
   * level less the ground, so that the line between cells where it passes the drawing threshold is where
   * the water surface meets the ground; a little below zero elsewhere.
   */
  signed(codes: Uint8Array): Uint16Array<ArrayBuffer> {
    const { nx, ny } = this.lattice;
    const { bed, curve, wetHalf, roofs } = this;
    const out = new Uint16Array(nx * ny);
    const away = half(-0.3);
    for (let i = 0; i < ny; i++) {
      const up = i > 0 ? -nx : 0;
      const down = i < ny - 1 ? nx : 0;
      for (let j = 0; j < nx; j++) {
        const c = i * nx + j;
        const code = codes[c];
        if (code) {
          out[c] = wetHalf[code];
          continue;
        }
        const left = j > 0 ? -1 : 0;
        const right = j < nx - 1 ? 1 : 0;
        let sum = 0;
        let count = 0;
        let n = c + up;
        if (codes[n + left]) { sum += bed[n + left] + curve[codes[n + left]]; count++; }
        if (codes[n]) { sum += bed[n] + curve[codes[n]]; count++; }
        if (codes[n + right]) { sum += bed[n + right] + curve[codes[n + right]]; count++; }
        n = c + down;
        if (codes[n + left]) { sum += bed[n + left] + curve[codes[n + left]]; count++; }
        if (codes[n]) { sum += bed[n] + curve[codes[n]]; count++; }
        if (codes[n + right]) { sum += bed[n + right] + curve[codes[n + right]]; count++; }
        if (codes[c + left]) { sum += bed[c + left] + curve[codes[c + left]]; count++; }
        if (codes[c + right]) { sum += bed[c + right] + curve[codes[c + right]]; count++; }
        if (count === 0) {
          out[c] = away;
          continue;
        }
        const over = sum / count - bed[c];
        if (roofs && roofs[c >> 3] & (128 >> (c & 7))) out[c] = half(over);
        else out[c] = Number.isNaN(over) ? away : half(Math.max(Math.min(over, -DRY_MARGIN), -50));
      }
    }
    return out;
  }

  async decodeFrames(onProgress: () => void): Promise<void> {
    for (const id of this.meta.chunks) {
      this.append(this.frames, await block(id), this.lattice.nx * this.lattice.ny);
      onProgress();
      await breathe();
    }
  }

  async decodeFlow(): Promise<void> {
    const { flow } = this.meta;
    if (!flow) return;
    const frames: Uint8Array[] = [];
    for (const id of flow.chunks) {
      this.append(frames, await block(id), flow.rows * flow.columns);
      await breathe();
    }
    this.flow = frames;
  }

  /** Frames from the differences between them. */
  private append(frames: Uint8Array[], bytes: Uint8Array, size: number): void {
    for (let start = 0; start < bytes.length; start += size) {
      const frame = bytes.slice(start, start + size);
      const before = frames[frames.length - 1];
      if (before) for (let c = 0; c < size; c++) frame[c] = (frame[c] + before[c]) & 255;
      frames.push(frame);
    }
  }

  /** Velocity (m/s) at a place and instant, between blocks and frames: into `out`; still blocks weigh nothing. */
  velocity(x: number, y: number, moment: Moment, out: [number, number]): void {
    out[0] = out[1] = 0;
    const { flow } = this.meta;
    if (!flow || this.flow.length === 0) return;
    const size = flow.block * this.lattice.cell;
    const u = (x + this.lattice.halfX) / size - 0.5;
    const v = (this.lattice.halfY - y) / size - 0.5;
    const j = Math.floor(u);
    const i = Math.floor(v);
    let weight = 0;
    for (let n = 0; n < 2; n++) {
      const share = n ? moment.f : 1 - moment.f;
      if (share === 0) continue;
      const codes = this.flow[n ? moment.b : moment.a];
      for (let d = 0; d < 4; d++) {
        const row = i + (d >> 1);
        const column = j + (d & 1);
        if (row < 0 || column < 0 || row >= flow.rows || column >= flow.columns) continue;
        const code = codes[row * flow.columns + column];
        if (code === 0) continue;
        const w = share * (d >> 1 ? v - i : 1 - v + i) * (d & 1 ? u - j : 1 - u + j);
        const speed = SPEED[code >> 5] * flow.greatest;
        out[0] += w * speed * EAST[code & 31];
        out[1] += w * speed * NORTH[code & 31];
        weight += w;
      }
    }
    if (weight > 0) {
      out[0] /= weight;
      out[1] /= weight;
    }
  }

  async decodeSeries(): Promise<void> {
    const n = this.meta.times.length;
    const read = async (id: number | null | undefined): Promise<Uint8Array | null> =>
      id === null || id === undefined ? null : undelta(await block(id), n);
    this.buildingDepth = await read(this.meta.building_depth);
    this.roadDepth = await read(this.meta.road_depth);
    this.volume = await read(this.meta.traffic?.volume);
    this.saturation = await read(this.meta.traffic?.saturation);
    this.closed = await read(this.meta.traffic?.closed);
    if (this.meta.roofs !== null) this.roofs = await block(this.meta.roofs);
    if (this.meta.maximum !== null) this.maximum = await block(this.meta.maximum);
    if (this.meta.difference) {
      const size = await block(this.meta.difference.size);
      const sign = await block(this.meta.difference.sign);
      this.change = Float32Array.from(size, (code, c) => (sign[c >> 3] & (128 >> (c & 7)) ? -1 : 1) * this.curve[code]);
    }
  }
}

/** How much deeper the water gets at a cell in `b` than in `a`, at the worst (m). */
export function changeAt(a: Scenario, b: Scenario, cell: number): number {
  return (b.change?.[cell] ?? 0) - (a.change?.[cell] ?? 0);
}

/** For textures: the change, and whether either scenario floods the cell, as pairs of 16-bit floats. */
export function changePairs(a: Scenario, b: Scenario, wet: number): Uint16Array<ArrayBuffer> {
  const n = a.lattice.nx * a.lattice.ny;
  const out = new Uint16Array(2 * n);
  const one = half(1);
  for (let c = 0; c < n; c++) {
    out[2 * c] = half(changeAt(a, b, c));
    if (a.maximumAt(c) > wet || b.maximumAt(c) > wet) out[2 * c + 1] = one;
  }
  return out;
}

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

  constructor(rings: Int32Array, holes: Int32Array, outline: Int32Array, height: Int32Array,
    nature: Int32Array, use: Int32Array, ids: string[] | null, step: number) {
    this.nature = nature;
    this.use = use;
    this.ids = ids;
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
  buildings: Buildings | null;
  roads: Road[];
  roadName: Int32Array;
  roadNature: Int32Array;
  roadIds: string[] | null;
}

async function ids(id: number | null): Promise<string[] | null> {
  return id === null ? null : new TextDecoder().decode(await block(id)).split("\n");
}

export async function readTerritory(data: PageData): Promise<Territory> {
  const { nx, ny, cell } = data.grid;
  const lattice = new Lattice(nx, ny, cell);
  const bed = terrain(await block(data.bed.blob), nx, ny, data.bed.low, data.bed.step);
  let lowest = Infinity;
  let highest = -Infinity;
  for (const z of bed) {
    if (z < lowest) lowest = z;
    if (z > highest) highest = z;
  }
  if (!Number.isFinite(lowest)) lowest = highest = 0;
  const image = new Blob([(await block(data.ground.blob)) as Uint8Array<ArrayBuffer>], { type: data.ground.mime });
  const ground = await createImageBitmap(image, { premultiplyAlpha: "none", colorSpaceConversion: "none" });
  let buildings: Buildings | null = null;
  if (data.buildings) {
    const b = data.buildings;
    buildings = new Buildings(
      varints(await block(b.rings)), varints(await block(b.holes)), varints(await block(b.outline)),
      varints(await block(b.height)), varints(await block(b.nature)), varints(await block(b.use)),
      await ids(b.ids), b.step,
    );
  }
  const roads: Road[] = [];
  let roadName = new Int32Array();
  let roadNature = new Int32Array();
  let roadIds: string[] | null = null;
  if (data.roads) {
    const r = data.roads;
    const parts = varints(await block(r.parts));
    const next = polylineReader(varints(await block(r.outline)), r.step);
    const importance = varints(await block(r.importance));
    const level = varints(await block(r.level));
    const drivable = varints(await block(r.drivable));
    roadName = varints(await block(r.name)) as Int32Array<ArrayBuffer>;
    roadNature = varints(await block(r.nature)) as Int32Array<ArrayBuffer>;
    roadIds = await ids(r.ids);
    for (let k = 0; k < r.count; k++) {
      const lines: Float32Array[] = [];
      for (let p = 0; p < parts[k]; p++) lines.push(next());
      roads.push({ lines, importance: importance[k], level: level[k], drivable: drivable[k] === 1 });
    }
  }
  return { lattice, bed, lowest, highest, ground, buildings, roads, roadName, roadNature, roadIds };
}

export async function readScenario(data: PageData, meta: ScenarioMeta, territory: Territory): Promise<Scenario> {
  const { lattice } = territory;
  const bed = meta.bed
    ? terrain(await block(meta.bed.blob), lattice.nx, lattice.ny, meta.bed.low, meta.bed.step)
    : territory.bed;
  return new Scenario(meta, lattice, bed, meta.bed !== null, Float32Array.from(data.curve));
}

/** Even-odd test of a point against the rings of a building. */
export function insideBuilding(building: Building, x: number, y: number): boolean {
  let odd = false;
  for (const { xy } of building.rings) {
    for (let p = 0, q = xy.length - 2; p < xy.length; q = p, p += 2) {
      if (xy[p + 1] > y !== xy[q + 1] > y
        && x < ((xy[q] - xy[p]) * (y - xy[p + 1])) / (xy[q + 1] - xy[p + 1]) + xy[p]) odd = !odd;
    }
  }
  return odd;
}

/** Finds buildings and roads near a point: buckets of 64 m. */
export class Finder {
  private static readonly SIZE = 64;
  private readonly columns: number;
  private readonly buckets = new Map<number, { buildings: number[]; roads: number[] }>();
  private readonly territory: Territory;

  constructor(territory: Territory) {
    this.territory = territory;
    this.columns = Math.ceil((territory.lattice.halfX * 2) / Finder.SIZE) + 3;
    territory.buildings?.list.forEach((building, k) => {
      for (const { xy } of building.rings) this.spread(xy, (b) => b.buildings, k);
    });
    territory.roads.forEach((road, k) => {
      for (const xy of road.lines) {
        for (let p = 0; p + 3 < xy.length; p += 2) this.spread(xy.subarray(p, p + 4), (b) => b.roads, k, 16);
      }
    });
  }

  private key(x: number, y: number): number {
    const { halfX, halfY } = this.territory.lattice;
    return Math.floor((halfY - y) / Finder.SIZE) * this.columns + Math.floor((x + halfX) / Finder.SIZE);
  }

  private spread(xy: Float32Array, pick: (b: { buildings: number[]; roads: number[] }) => number[], k: number, margin = 0): void {
    let west = Infinity;
    let east = -Infinity;
    let south = Infinity;
    let north = -Infinity;
    for (let p = 0; p < xy.length; p += 2) {
      west = Math.min(west, xy[p]);
      east = Math.max(east, xy[p]);
      south = Math.min(south, xy[p + 1]);
      north = Math.max(north, xy[p + 1]);
    }
    const step = Finder.SIZE;
    for (let y = Math.floor((south - margin) / step) * step; y <= north + margin + step; y += step) {
      for (let x = Math.floor((west - margin) / step) * step; x <= east + margin + step; x += step) {
        const key = this.key(x, y);
        let bucket = this.buckets.get(key);
        if (!bucket) this.buckets.set(key, (bucket = { buildings: [], roads: [] }));
        const list = pick(bucket);
        if (list[list.length - 1] !== k) list.push(k);
      }
    }
  }

  building(x: number, y: number, test: (k: number) => boolean = () => true): number | null {
    const list = this.territory.buildings?.list;
    for (const k of this.buckets.get(this.key(x, y))?.buildings ?? []) {
      if (list && test(k) && insideBuilding(list[k], x, y)) return k;
    }
    return null;
  }

  /** The nearest road within `reach` metres. */
  road(x: number, y: number, reach: number): number | null {
    let best: number | null = null;
    let least = reach;
    for (const k of this.buckets.get(this.key(x, y))?.roads ?? []) {
      for (const xy of this.territory.roads[k].lines) {
        for (let p = 0; p + 3 < xy.length; p += 2) {
          const dx = xy[p + 2] - xy[p];
          const dy = xy[p + 3] - xy[p + 1];
          const share = Math.min(1, Math.max(0, ((x - xy[p]) * dx + (y - xy[p + 1]) * dy) / (dx * dx + dy * dy || 1)));
          const distance = Math.hypot(x - xy[p] - share * dx, y - xy[p + 1] - share * dy);
          if (distance < least) {
            least = distance;
            best = k;
          }
        }
      }
    }
    return best;
  }
}
