// One run over time: its frames, series and velocities, as they are decoded. No drawing here.

import { block, terrain, undelta } from "./codec";
import { TiledFrames } from "./frames";
import { type Lattice, half } from "./lattice";
import type { Territory } from "./territory";
import type { PageData, ScenarioMeta } from "./types";

/** Dry cells lie at least this far below zero (m): the edge of the water is a clear step everywhere. */
const DRY_MARGIN = 0.02;

/** What the codes of viz/flow.py mean. */
const SPEED = Array.from({ length: 8 }, (_, k) => (k === 0 ? 0 : ((k - 0.5) / 7) ** 2));
const EAST = Array.from({ length: 32 }, (_, k) => Math.cos((k * Math.PI) / 16));
const NORTH = Array.from({ length: 32 }, (_, k) => Math.sin((k * Math.PI) / 16));

/** Two frames and the share of the second. */
export interface Moment {
  a: number;
  b: number;
  f: number;
}

/** A field of codes on the cells that are ever wet, in the order of `Scenario.cells`. */
export type Codes = Uint8Array;

/** Outer sides of a square of cells: west, south, east, north (m). */
export type Square = readonly [number, number, number, number];

/** One run. The first frame and the one that the page opens on are there from the start, the others as `loader.ts` decodes them. */
export class Scenario {
  readonly meta: ScenarioMeta;
  readonly lattice: Lattice;
  readonly bed: Float32Array;
  readonly ownBed: boolean;
  readonly curve: Float32Array;
  readonly startMs: number;
  /** Depths by squares and chunks, and the frames that are whole from the start. */
  depths = new TiledFrames([], [0], 0, 1);
  private readonly opened = new Map<number, Codes>();
  /** The squares of cells, and which of them are on the screen; `sights` grows when that changes. */
  readonly squares: Square[] = [];
  inSight = new Uint8Array();
  sights = 0;
  private across = 1;
  /** Greatest depths: the run's own, or over the frames that were kept when it did not keep any. */
  most: Codes | null = null;
  /** Cells that are water from the start or on the map, one bit each: a foreshore is dry in the first frame. */
  private mapped: Uint8Array | null = null;
  /** Permanent water at the start, where not all of the first frame is. */
  private standing: Codes | null = null;
  /** Cells that a building fills, one bit each: water is drawn through under it. */
  roofs: Uint8Array | null = null;
  buildingDepth: Uint8Array | null = null;
  roadDepth: Uint8Array | null = null;
  /** Greatest depths at them over the whole run, a code each. */
  buildingMost: Uint8Array | null = null;
  roadMost: Uint8Array | null = null;
  volume: Uint8Array | null = null;
  saturation: Uint8Array | null = null;
  /** From when to when roads are closed by decision (Infinity: beyond the end). */
  readonly closures = new Map<number, [number, number][]>();
  /** Codes of direction and speed, as one square. */
  flows: TiledFrames | null = null;
  /** Greatest depth less that of the first scenario (m); null where that was not worked out. */
  change: Float32Array | null = null;
  /** The cells that are ever wet; where each of all cells is among them (−1: nowhere); they and their neighbours. */
  private cells = new Uint32Array();
  private slots = new Int32Array();
  private near = new Uint32Array();
  private scratch: Uint8Array | null = null;
  private readonly wetHalf: Uint16Array;
  /** The first code that is drawn as water. */
  private readonly drawn: number;

  constructor(meta: ScenarioMeta, lattice: Lattice, bed: Float32Array, ownBed: boolean, curve: Float32Array, wet: number) {
    this.meta = meta;
    this.lattice = lattice;
    this.bed = bed;
    this.ownBed = ownBed;
    this.curve = curve;
    for (const { roads, start, end } of meta.closures) {
      for (const road of roads) this.closures.set(road, [...(this.closures.get(road) ?? []), [start, end ?? Infinity]]);
    }
    const parsed = Date.parse(meta.start);
    this.startMs = Number.isFinite(parsed) ? parsed : 0;
    this.wetHalf = Uint16Array.from(curve, half);
    this.drawn = Math.max(1, curve.findIndex((depth) => depth > wet));
  }

  get lastTime(): number {
    return this.meta.times[this.meta.times.length - 1];
  }

  get openingTime(): number {
    return this.meta.times[this.meta.opening.frames[this.meta.opening.frames.length - 1]];
  }

  /** Whether the run stopped before the end that its scenario asks for. */
  get cutShort(): boolean {
    return this.meta.status !== "complete" || (this.meta.duration !== null && this.lastTime < this.meta.duration - 1);
  }

  /** Whether the run was computed so far. */
  knows(time: number): boolean {
    return time <= this.lastTime + 1;
  }

  /** Whether a building fills a cell: it has no water of its own. */
  isRoof(cell: number): boolean {
    return this.roofs !== null && (this.roofs[cell >> 3] & (128 >> (cell & 7))) !== 0;
  }

  /** The two frames around an instant. */
  moment(time: number): Moment {
    const times = this.meta.times;
    const count = times.length;
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

  private known: { time: number; version: number; moment: Moment } | null = null;

  /** The same among the frames that are decoded where the reader looks: the nearest there is. */
  decoded(time: number): Moment {
    const version = this.depths.version + this.sights;
    if (this.known?.time === time && this.known.version === version) return this.known.moment;
    const moment = this.nearest(time);
    this.known = { time, version, moment };
    return moment;
  }

  private nearest(time: number): Moment {
    const wanted = this.moment(time);
    if (this.there(wanted.a) && (wanted.f === 0 || this.there(wanted.b))) return wanted;
    const { times } = this.meta;
    let best = this.meta.opening.frames[0];
    for (let k = 0; k < times.length; k++) {
      if (Math.abs(times[k] - time) < Math.abs(times[best] - time) && this.there(k)) best = k;
    }
    return { a: best, b: best, f: 0 };
  }

  /** Whether a frame is decoded wherever the reader looks. */
  there(frame: number): boolean {
    if (this.opened.has(frame)) return true;
    const { depths, inSight } = this;
    const chunk = depths.chunkOf(frame);
    for (let square = 0; square < depths.squares; square++) if (inSight[square] && !depths.has(square, chunk)) return false;
    return true;
  }

  /** What tells two pictures of a frame apart: it changes until the frame is decoded everywhere. */
  stamp(frame: number): string {
    const { depths } = this;
    const chunk = depths.chunkOf(frame);
    if (this.opened.has(frame)) return `${frame}`;
    for (let square = 0; square < depths.squares; square++) if (!depths.has(square, chunk)) return `${frame}~${this.sights}`;
    return `${frame}`;
  }

  /** Codes of a frame on all cells; squares that are not decoded (out of sight) have those of the nearest frame that is. */
  codes(frame: number): Codes {
    const whole = this.opened.get(frame);
    if (whole) return whole;
    const out = new Uint8Array(this.fallback(frame));
    const { depths } = this;
    for (let square = 0; square < depths.squares; square++) {
      const codes = depths.codes(square, frame);
      if (codes) out.set(codes, depths.starts[square]);
    }
    return out;
  }

  private fallback(frame: number): Codes {
    let best = -1;
    for (const k of this.opened.keys()) if (best < 0 || Math.abs(k - frame) < Math.abs(best - frame)) best = k;
    return this.opened.get(best) as Codes;
  }

  /** The square that holds a place (clamped to the grid). */
  squareAt(x: number, y: number): number {
    return this.squareOf(this.lattice.cellAt(x, y));
  }

  private squareOf(cell: number): number {
    const i = (cell / this.lattice.nx) | 0;
    const { tile } = this.meta;
    return ((i / tile) | 0) * this.across + (((cell - i * this.lattice.nx) / tile) | 0);
  }

  private codeAt(cell: number, slot: number, frame: number): number {
    const whole = this.opened.get(frame);
    if (whole) return whole[slot];
    const square = this.squareOf(cell);
    const codes = this.depths.codes(square, frame);
    return codes ? codes[slot - this.depths.starts[square]] : this.fallback(frame)[slot];
  }

  depthAt(cell: number, time: number): number {
    const slot = this.slots[cell];
    if (slot < 0) return 0;
    const { a, b, f } = this.decoded(time);
    const first = this.curve[this.codeAt(cell, slot, a)];
    return f === 0 ? first : (1 - f) * first + f * this.curve[this.codeAt(cell, slot, b)];
  }

  maximumAt(cell: number): number {
    const slot = this.slots[cell];
    return slot < 0 || !this.most ? 0 : this.curve[this.most[slot]];
  }

  /** Depth over time at a cell, one value a frame; null while it is not decoded. */
  cellSeries(cell: number): number[] | null {
    const { times } = this.meta;
    const slot = this.slots[cell];
    if (slot < 0) return times.map(() => 0);
    const square = this.squareOf(cell);
    for (let chunk = 0; chunk < this.depths.chunks; chunk++) if (!this.depths.has(square, chunk)) return null;
    return times.map((_, k) => this.curve[this.codeAt(cell, slot, k)]);
  }

  /** Depth of one thing at the worst of the whole run (m); 0 where there are none. */
  thingMost(codes: Uint8Array | null, thing: number): number {
    return codes ? this.curve[codes[thing]] : 0;
  }

  /** A byte series (buildings, roads) of one thing as depths. */
  series(bytes: Uint8Array, thing: number): number[] {
    const n = this.meta.times.length;
    return Array.from(bytes.subarray(thing * n, (thing + 1) * n), (code) => this.curve[code]);
  }

  /** Whether a road is closed by decision at an instant. */
  isClosed(road: number, time: number): boolean {
    return this.closures.get(road)?.some(([start, end]) => start <= time && time < end) ?? false;
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
   * the water surface meets the ground; a little below zero elsewhere. A crest one cell wide is whole.
   * `into`: what this scenario made before, to be written over.
   */
  signed(packed: Codes, into: Uint16Array<ArrayBuffer> | null = null): Uint16Array<ArrayBuffer> {
    const { nx, ny } = this.lattice;
    const { bed, curve, wetHalf, drawn, cells, near } = this;
    const codes = (this.scratch ??= new Uint8Array(nx * ny)); // where nothing is ever wet it stays 0
    for (let s = 0; s < cells.length; s++) codes[cells[s]] = packed[s];
    const away = half(-0.3);
    const out = into ?? new Uint16Array(nx * ny).fill(away);
    for (const c of near) {
      const code = codes[c];
      if (code >= drawn) {
        out[c] = wetHalf[code];
        continue;
      }
      const i = (c / nx) | 0;
      const j = c - i * nx;
      const up = i > 0 ? -nx : 0;
      const down = i < ny - 1 ? nx : 0;
      const left = j > 0 ? -1 : 0;
      const right = j < nx - 1 ? 1 : 0;
      const north = codes[c + up];
      const south = codes[c + down];
      const west = codes[c + left];
      const east = codes[c + right];
      let crest = 0;
      if ((north >= drawn && south >= drawn) || (west >= drawn && east >= drawn)) {
        // Water on both sides of a crest one cell wide: it is dry to its sides, as the model has it, and holds
        // together where crest cells touch at a corner.
        const corner = (north >= drawn && ((west >= drawn && codes[c + up + left] < drawn) || (east >= drawn && codes[c + up + right] < drawn)))
          || (south >= drawn && ((west >= drawn && codes[c + down + left] < drawn) || (east >= drawn && codes[c + down + right] < drawn)));
        const around = north >= drawn && south >= drawn ? curve[north] + curve[south] : curve[west] + curve[east];
        crest = -(corner ? 0.75 : 0.5) * around;
      }
      if (code) {
        out[c] = crest === 0 ? wetHalf[code] : half(crest);
        continue;
      }
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
      let over = sum / count - bed[c];
      if (this.isRoof(c)) {
        out[c] = half(over);
        continue;
      }
      if (Number.isNaN(over)) {
        out[c] = away;
        continue;
      }
      if (crest < over) over = crest;
      out[c] = half(Math.max(Math.min(over, -DRY_MARGIN), -50));
    }
    return out;
  }

  /** Where water is no flood, as `signed` has it: that of the start, and what the map has as water. */
  permanent(): Uint16Array<ArrayBuffer> {
    const out = this.signed(this.standing ?? this.codes(0));
    const { mapped } = this;
    if (!mapped) return out;
    const water = half(0.3);
    for (let c = 0; c < out.length; c++) if (mapped[c >> 3] & (128 >> (c & 7)) && (out[c] & 0x8000 || out[c] < water)) out[c] = water; // dry or a film
    return out;
  }

  /**
   * How much higher the ground of the flooded cells beside permanent water is than its bed (m): what lies between
   * both is drawn as if that ground went on to the water's edge, else a channel's depth would colour its banks.
   * `permanent`: 16-bit floats of `permanent()`.
   */
  bankRise(permanent: Uint16Array): Float32Array {
    const { nx } = this.lattice;
    const { bed, near, slots } = this;
    const out = new Float32Array(bed.length);
    const least = this.wetHalf[this.drawn];
    const water = (c: number): boolean => permanent[c] >= least && permanent[c] < 0x8000; // positive halves are in order
    for (const c of near) {
      if (!water(c)) continue;
      const j = c % nx;
      let sum = 0;
      let count = 0;
      for (let row = -nx; row <= nx; row += nx) {
        for (let d = j > 0 ? -1 : 0; d <= (j < nx - 1 ? 1 : 0); d++) {
          const n = c + row + d;
          if (n < 0 || n >= bed.length || slots[n] < 0 || water(n) || Number.isNaN(bed[n])) continue;
          sum += bed[n];
          count++;
        }
      }
      if (count > 0 && sum / count > bed[c]) out[c] = sum / count - bed[c];
    }
    return out;
  }

  /** What the first picture needs: which cells, the opening and first frames, series at buildings and roads. */
  open(read: Blocks): void {
    const { meta } = this;
    const frames = meta.times.length;
    this.place(read.wet);
    const size = this.cells.length;
    meta.opening.frames.forEach((k, n) => this.opened.set(k, read.opening.slice(n * size, (n + 1) * size)));
    [this.buildingDepth, this.roadDepth, this.volume, this.saturation] = read.series.map((bytes) => bytes && undelta(bytes, frames));
    [this.roofs, this.most, this.mapped] = [read.fields[0], read.fields[1] ?? read.fields[2], read.fields[3]];
    [this.standing, this.buildingMost, this.roadMost] = read.fields.slice(4);
    if (meta.flow) this.flows = new TiledFrames([meta.flow.chunks], [0, meta.flow.rows * meta.flow.columns], frames, meta.flow.per_chunk);
  }

  private place(bits: Uint8Array): void {
    const { nx, ny } = this.lattice;
    const n = nx * ny;
    const wet = new Uint8Array(n);
    bits.forEach((byte, k) => {
      if (byte === 0) return; // most of a wide territory
      const last = Math.min(n, 8 * k + 8);
      for (let c = 8 * k; c < last; c++) wet[c] = (byte >> (7 - (c & 7))) & 1;
    });
    this.cells = this.tiled(wet);
    this.slots = new Int32Array(n).fill(-1);
    const around = wet;
    this.cells.forEach((c, slot) => {
      this.slots[c] = slot;
      const column = c % nx;
      const from = column > 0 ? -1 : 0;
      const to = column < nx - 1 ? 1 : 0;
      for (let row = c >= nx ? c - nx : c; row <= c + nx && row < n; row += nx) {
        for (let d = from; d <= to; d++) around[row + d] = 1;
      }
    });
    this.near = listed(around);
  }

  /** The wet cells square after square, as viz/encode.py has them; makes the squares on the way. */
  private tiled(wet: Uint8Array): Uint32Array<ArrayBuffer> {
    const { nx, ny, cell, halfX, halfY } = this.lattice;
    const { tile } = this.meta;
    let count = 0;
    for (const mark of wet) count += mark;
    const out = new Uint32Array(count);
    const starts = [0];
    let k = 0;
    this.across = Math.ceil(nx / tile);
    for (let top = 0; top < ny; top += tile) {
      const low = Math.min(top + tile, ny);
      for (let left = 0; left < nx; left += tile) {
        const right = Math.min(left + tile, nx);
        for (let i = top; i < low; i++) for (let c = i * nx + left; c < i * nx + right; c++) if (wet[c]) out[k++] = c;
        starts.push(k);
        this.squares.push([left * cell - halfX, halfY - low * cell, right * cell - halfX, halfY - top * cell]);
      }
    }
    this.inSight = new Uint8Array(this.squares.length).fill(1);
    this.depths = new TiledFrames(this.meta.chunks, starts, this.meta.times.length, this.meta.per_chunk);
    return out;
  }

  /** What is looked at later: the change from the first scenario. */
  async readChange(): Promise<void> {
    const { difference } = this.meta;
    if (!difference) return;
    const size = await block(difference.size);
    const sign = await block(difference.sign);
    this.change = Float32Array.from(size, (code, c) => (sign[c >> 3] & (128 >> (c & 7)) ? -1 : 1) * this.curve[code]);
  }

  /** Whether the velocities around an instant are decoded. */
  hasFlow(moment: Moment): boolean {
    const { flows } = this;
    return flows !== null && flows.has(0, flows.chunkOf(moment.a)) && flows.has(0, flows.chunkOf(moment.b));
  }

  /** Velocity (m/s) at a place and instant, between blocks and frames: into `out`; still blocks weigh nothing. */
  velocity(x: number, y: number, moment: Moment, out: [number, number]): void {
    out[0] = out[1] = 0;
    const { flow } = this.meta;
    if (!flow || !this.flows) return;
    const size = flow.block * this.lattice.cell;
    const u = (x + this.lattice.halfX) / size - 0.5;
    const v = (this.lattice.halfY - y) / size - 0.5;
    const j = Math.floor(u);
    const i = Math.floor(v);
    let weight = 0;
    for (let n = 0; n < 2; n++) {
      const share = n ? moment.f : 1 - moment.f;
      if (share === 0) continue;
      const codes = this.flows.codes(0, n ? moment.b : moment.a);
      if (!codes) continue;
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
}

/** The places of what is not 0. */
function listed(marks: Uint8Array): Uint32Array<ArrayBuffer> {
  let count = 0;
  for (const mark of marks) count += mark;
  const out = new Uint32Array(count);
  for (let c = 0, k = 0; c < marks.length; c++) if (marks[c]) out[k++] = c;
  return out;
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

/** What a scenario opens on, unpacked. */
interface Blocks {
  bed: Float32Array | null;
  wet: Uint8Array;
  opening: Uint8Array;
  /** Buildings' and roads' depths, volume and saturation of roads over time. */
  series: (Uint8Array | null)[];
  /** Roofs, greatest depth, greatest depth over the frames, mapped water, permanent water, greatest depth at buildings and roads. */
  fields: (Uint8Array | null)[];
}

async function readBlocks(data: PageData, meta: ScenarioMeta): Promise<Blocks> {
  const { nx, ny } = data.grid;
  const { traffic } = meta;
  const some = (ids: (number | null | undefined)[]): Promise<(Uint8Array | null)[]> => Promise.all(ids.map((id) => (id == null ? null : block(id))));
  const [bed, wet, opening, series, fields] = await Promise.all([
    meta.bed && block(meta.bed.blob), block(meta.wet), block(meta.opening.blob),
    some([meta.building_depth, meta.road_depth, traffic?.volume, traffic?.saturation]),
    some([meta.roofs, meta.maximum, meta.frames_maximum, meta.mapped_water, meta.permanent_depth, meta.building_most, meta.road_most]),
  ]);
  return { bed: bed && meta.bed && terrain(bed, nx, ny, meta.bed.low, meta.bed.step), wet, opening, series, fields };
}

/** Its blocks are unpacked while those of the territory still are. */
export async function readScenario(data: PageData, meta: ScenarioMeta, territory: Promise<Territory>): Promise<Scenario> {
  const [blocks, { lattice, bed }] = await Promise.all([readBlocks(data, meta), territory]);
  const scenario = new Scenario(meta, lattice, blocks.bed ?? bed, blocks.bed !== null, Float32Array.from(data.curve), data.wet_depth);
  scenario.open(blocks);
  return scenario;
}
