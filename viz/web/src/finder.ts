// Finds buildings and roads near a point.

import type { Building, Territory } from "./territory";

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

  /** The nearest road within `reach` metres; beyond 16 m those of the buckets around are looked at too. */
  road(x: number, y: number, reach: number, test: (k: number) => boolean = () => true): number | null {
    let best: number | null = null;
    let least = reach;
    const keys = new Set<number>();
    const around = reach > 16 ? Finder.SIZE : 0;
    for (const dx of [-around, 0, around]) for (const dy of [-around, 0, around]) keys.add(this.key(x + dx, y + dy));
    const found = new Set([...keys].flatMap((key) => this.buckets.get(key)?.roads ?? []));
    for (const k of found) {
      if (!test(k)) continue;
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
