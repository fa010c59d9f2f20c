// Key instants of a run: first building touched, roads and bridges that matter cut, peak, ebb.

import { properName, t } from "./i18n";
import type { Scenario } from "./scenario";
import type { Road } from "./territory";
import type { App } from "./state";

export type ChapterKind = "building" | "road" | "bridge" | "peak" | "ebb";

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

/** When a road is first cut, by water or by decision. */
function firstCut(scenario: Scenario, road: number): number | null {
  const { times } = scenario.meta;
  let found: number | null = null;
  if (scenario.roadDepth) found = firstAbove(times, scenario.series(scenario.roadDepth, road), scenario.meta.closure_depth);
  const shut = Math.min(...(scenario.closures.get(road) ?? []).map(([start]) => start));
  if (shut > times[0] && shut < (found ?? Infinity)) found = shut;
  return found;
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

/** A bridge is out of use once every road that leaves one of its ends is cut. */
function bridgeCuts(app: App, cut: (number | null)[]): { road: number; time: number }[] {
  const { roads } = app.territory;
  const at = new Map<string, number[]>();
  roads.forEach((road, k) => {
    if (!road.drivable) return;
    for (const key of new Set(ends(road) ?? [])) at.set(key, [...(at.get(key) ?? []), k]);
  });
  const out: { road: number; time: number }[] = [];
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
    const closed = decks.map((r) => cut[r]).filter((time) => time !== null);
    for (const key of banks) {
      const ways = (at.get(key) ?? []).filter((r) => roads[r].level <= 0);
      const times = ways.map((r) => cut[r]);
      if (ways.length > 0 && times.every((time) => time !== null)) closed.push(Math.max(...times));
    }
    const main = decks.reduce((best, r) => (roads[r].importance < roads[best].importance ? r : best), k);
    if (closed.length > 0 && roads[main].importance <= 5) out.push({ road: main, time: Math.min(...closed) });
  });
  return out;
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
    let first: { k: number; time: number } | null = null;
    for (let k = 0; k < list.length; k++) {
      const time = firstAbove(times, scenario.series(scenario.buildingDepth, k), data.wet_depth);
      if (time !== null && (first === null || time < first.time)) first = { k, time };
    }
    if (first) out.push({ time: first.time, kind: "building", name: "", at: [list[first.k].x, list[first.k].y], road: null, building: first.k });
  }
  const { roads } = territory;
  const cut = roads.map((road, k) => (road.drivable ? firstCut(scenario, k) : null));
  const bridges = bridgeCuts(app, cut);
  const name = (k: number): string => properName(data.roads?.names[territory.roadName[k]] ?? "");
  for (const { road, time } of bridges) out.push({ time, kind: "bridge", name: name(road), at: middle(roads[road]), road, building: null });
  // A road is its name: the first of its pieces to be cut tells. Main roads first, lesser ones while there is room.
  const byName = new Map<string, number>();
  cut.forEach((time, k) => {
    if (time === null || roads[k].importance > 4) return;
    const key = name(k) || `#${data.roads?.natures[territory.roadNature[k]] ?? ""}/${roads[k].importance}`;
    const before = byName.get(key);
    if (before === undefined || time < (cut[before] ?? Infinity)) byName.set(key, k);
  });
  const chosen = [...byName.values()].sort((a, b) => roads[a].importance - roads[b].importance || (cut[a] ?? 0) - (cut[b] ?? 0)).slice(0, MOST_ROADS);
  for (const k of chosen) out.push({ time: cut[k] ?? 0, kind: "road", name: name(k), at: middle(roads[k]), road: k, building: null });
  const top = hectares.reduce((best, value, k) => (value > hectares[best] ? k : best), 0);
  if (hectares[top] > 0) {
    // At the last frame the water is still rising: the end of the run is no peak.
    if (top < times.length - 1) out.push({ time: times[top], kind: "peak", name: "", at: null, road: null, building: null });
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
  return chapter.kind === "peak" || chapter.kind === "ebb" ? chapter.time : Math.min(app.to, chapter.time + 1);
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
