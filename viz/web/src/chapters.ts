// Key instants of a run: first building touched, roads and bridges that matter cut, peak, ebb.

import { properName, t } from "./i18n";
import type { Scenario } from "./scenario";
import type { Road } from "./territory";
import type { App } from "./state";

export type ChapterKind = "building" | "road" | "bridge" | "peak" | "peak_so_far" | "ebb";

export interface Chapter {
  time: number;
  kind: ChapterKind;
  /** Name of the road, when there is one. */
  name: string;
  /** Where to look: metres from the centre; null for the whole territory. */
  at: [number, number] | null;
  road: number | null;
  building: number | null;
}

const MOST_ROADS = 7; // the first ones: a timeline is no list

/** When a series of depths first passes a bound; null for never, also when it does from the start. */
export function firstAbove(times: number[], series: ArrayLike<number>, bound: number): number | null {
  for (let k = 0; k < series.length; k++) {
    if (series[k] <= bound) continue;
    if (k === 0) return null;
    const share = (bound - series[k - 1]) / (series[k] - series[k - 1]);
    return times[k - 1] + share * (times[k] - times[k - 1]);
  }
  return null;
}

/** From when to when: −Infinity from the start on, Infinity where it is still so at the end. */
export type Span = readonly [number, number];

/** When a road is cut, by water or by decision. */
function cutSpans(scenario: Scenario, road: number): Span[] {
  const { times, closure_depth: bound } = scenario.meta;
  const depth = scenario.roadDepth ? scenario.series(scenario.roadDepth, road) : times.map(() => 0);
  const crossing = (k: number): number => times[k - 1] + ((bound - depth[k - 1]) / (depth[k] - depth[k - 1])) * (times[k] - times[k - 1]);
  const out = (scenario.closures.get(road) ?? []).map(([from, to]): Span => [from > times[0] ? from : -Infinity, to]);
  let from: number | null = null;
  for (let k = 0; k < times.length; k++) {
    const cut = depth[k] > bound;
    if (cut && from === null) from = k === 0 ? -Infinity : crossing(k);
    else if (!cut && from !== null) {
      out.push([from, crossing(k)]);
      from = null;
    }
  }
  if (from !== null) out.push([from, Infinity]);
  return either(out);
}

/** When something first becomes so; null for never, also when it is from the start. */
function begins(spans: Span[]): number | null {
  return spans.length > 0 && Number.isFinite(spans[0][0]) ? spans[0][0] : null;
}

/** When both are so at once. */
function shared(a: Span[], b: Span[]): Span[] {
  return a.flatMap(([from, to]) => b.map(([start, end]): Span => [Math.max(from, start), Math.min(to, end)])).filter(([from, to]) => from < to);
}

/** When one of them is so, in time. */
function either(all: Span[]): Span[] {
  const out: [number, number][] = [];
  for (const [from, to] of [...all].sort((p, q) => p[0] - q[0])) {
    const last = out[out.length - 1];
    if (last && from <= last[1]) last[1] = Math.max(last[1], to);
    else out.push([from, to]);
  }
  return out;
}

interface Bridge {
  decks: number[];
  /** The deck of the main road. */
  main: number;
  /** When nobody can drive over it. */
  spans: Span[];
}

function middle(road: Road): [number, number] {
  const xy = road.lines[0] ?? new Float32Array(2);
  const p = Math.floor(xy.length / 4) * 2;
  return [xy[p], xy[p + 1]];
}

function ends(road: Road): [string, string] | null {
  const first = road.lines[0];
  const last = road.lines[road.lines.length - 1];
  if (!first || !last) return null;
  const key = (x: number, y: number): string => `${Math.round(x)}/${Math.round(y)}`;
  return [key(first[0], first[1]), key(last[last.length - 2], last[last.length - 1])];
}

/** A bridge is out of use while every road that leaves one of its ends is cut, all at the same instant. */
function findBridges(app: App, cuts: Span[][]): Bridge[] {
  const { roads } = app.territory;
  const at = new Map<string, number[]>();
  roads.forEach((road, k) => {
    if (!road.drivable) return;
    for (const key of new Set(ends(road) ?? [])) at.set(key, [...(at.get(key) ?? []), k]);
  });
  const out: Bridge[] = [];
  const seen = new Set<number>();
  roads.forEach((road, k) => {
    if (road.level <= 0 || !road.drivable || seen.has(k)) return;
    // Decks that touch are one bridge.
    const decks = [k];
    seen.add(k);
    const banks: string[] = [];
    for (let d = 0; d < decks.length; d++) {
      for (const key of ends(roads[decks[d]]) ?? []) {
        const next = (at.get(key) ?? []).filter((r) => roads[r].level > 0);
        for (const r of next) {
          if (seen.has(r)) continue;
          seen.add(r);
          decks.push(r);
        }
        if (next.length === 1) banks.push(key);
      }
    }
    const closed = decks.flatMap((r) => cuts[r]);
    for (const key of banks) {
      const ways = (at.get(key) ?? []).filter((r) => roads[r].level <= 0);
      if (ways.length > 0) closed.push(...ways.map((r) => cuts[r]).reduce(shared));
    }
    const main = decks.reduce((best, r) => (roads[r].importance < roads[best].importance ? r : best), k);
    out.push({ decks, main, spans: either(closed) });
  });
  return out;
}

interface Cuts {
  roads: Span[][];
  bridges: Bridge[];
}

const cut = new WeakMap<Scenario, Cuts>();

/** When roads and bridges cannot be driven on; worked out once a run. */
function cutsOf(app: App, scenario: Scenario): Cuts {
  let found = cut.get(scenario);
  if (!found) {
    const roads = app.territory.roads.map((road, k) => (road.drivable ? cutSpans(scenario, k) : []));
    cut.set(scenario, (found = { roads, bridges: findBridges(app, roads) }));
  }
  return found;
}

/** When the bridge that a road is on is out of use; null for a road that is on none. */
export function outOfUse(app: App, scenario: Scenario, road: number): Span[] | null {
  if (app.territory.roads[road].level <= 0) return null;
  return cutsOf(app, scenario).bridges.find(({ decks }) => decks.includes(road))?.spans ?? null;
}

const known = new WeakMap<Scenario, Chapter[]>();

/** The chapters of a run, in time; worked out once. */
export function chapters(app: App, scenario: Scenario): Chapter[] {
  let found = known.get(scenario);
  if (!found) known.set(scenario, (found = workOut(app, scenario)));
  return found;
}

function workOut(app: App, scenario: Scenario): Chapter[] {
  const { data, territory } = app;
  const { times, hectares } = scenario.meta;
  if (times.length < 3) return [];
  const out: Chapter[] = [];
  const list = territory.buildings?.list ?? [];
  if (scenario.buildingDepth) {
    let touched: { k: number; time: number } | null = null;
    for (let k = 0; k < list.length; k++) {
      const time = firstAbove(times, scenario.series(scenario.buildingDepth, k), data.wet_depth);
      if (time !== null && (touched === null || time < touched.time)) touched = { k, time };
    }
    if (touched) out.push({ time: touched.time, kind: "building", name: "", at: [list[touched.k].x, list[touched.k].y], road: null, building: touched.k });
  }
  const { roads } = territory;
  const { roads: cuts, bridges } = cutsOf(app, scenario);
  const name = (k: number): string => properName(data.roads?.names[territory.roadName[k]] ?? "");
  for (const { main, spans } of bridges) {
    const time = begins(spans);
    if (time !== null && roads[main].importance <= 5) out.push({ time, kind: "bridge", name: name(main), at: middle(roads[main]), road: main, building: null });
  }
  // A road is its name: the first of its pieces to be cut tells. Main roads first, lesser ones while there is room.
  const byName = new Map<string, number>();
  const first = cuts.map(begins);
  first.forEach((time, k) => {
    if (time === null || roads[k].importance > 4) return;
    const key = name(k) || `#${data.roads?.natures[territory.roadNature[k]] ?? ""}/${roads[k].importance}`;
    const before = byName.get(key);
    if (before === undefined || time < (first[before] ?? Infinity)) byName.set(key, k);
  });
  const chosen = [...byName.values()].sort((a, b) => roads[a].importance - roads[b].importance || (first[a] ?? 0) - (first[b] ?? 0)).slice(0, MOST_ROADS);
  for (const k of chosen) out.push({ time: first[k] ?? 0, kind: "road", name: name(k), at: middle(roads[k]), road: k, building: null });
  const top = hectares.reduce((best, value, k) => (value > hectares[best] ? k : best), 0);
  if (hectares[top] > 0) {
    // At the last frame the water is still rising: the end of the run is no peak.
    if (hectares[times.length - 1] < hectares[top]) out.push({ time: times[top], kind: scenario.cutShort ? "peak_so_far" : "peak", name: "", at: null, road: null, building: null });
    const after = hectares.findIndex((value, k) => k > top && value <= 0.5 * hectares[top]);
    if (after > 0) {
      const share = (hectares[after - 1] - 0.5 * hectares[top]) / Math.max(1e-9, hectares[after - 1] - hectares[after]);
      out.push({ time: times[after - 1] + share * (times[after] - times[after - 1]), kind: "ebb", name: "", at: null, road: null, building: null });
    }
  }
  return out.sort((a, b) => a.time - b.time);
}

export function chapterText(chapter: Chapter): string {
  return chapter.name ? t(`chapter.${chapter.kind}_named`, { name: chapter.name }) : t(`chapter.${chapter.kind}`);
}

/** Just after: the thing that happens is on the picture. */
export function chapterTime(app: App, chapter: Chapter): number {
  return chapter.road === null && chapter.building === null ? chapter.time : Math.min(app.to, chapter.time + 1);
}

/** To the next (1) or previous (−1) key instant. */
export function jump(app: App, direction: 1 | -1): Chapter | null {
  const now = app.choices.time;
  const list = chapters(app, app.shown);
  const next = direction > 0 ? list.find((c) => chapterTime(app, c) > now + 1) : [...list].reverse().find((c) => chapterTime(app, c) < now - 1);
  if (!next) return null;
  app.set({ time: chapterTime(app, next), playing: false, water: "now", difference: false });
  return next;
}

/** The key instant that the slider stands on, within a hundredth of the run. */
export function chapterAt(app: App, time: number): Chapter | null {
  const near = (app.to - app.from) / 100;
  let best: Chapter | null = null;
  for (const chapter of chapters(app, app.shown)) {
    const away = Math.abs(chapterTime(app, chapter) - time);
    if (away < near && (!best || away < Math.abs(chapterTime(app, best) - time))) best = chapter;
  }
  return best;
}
