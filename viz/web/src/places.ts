// What can be looked for by name: places and streets.

import { capital, maybe, properName, t } from "./i18n";
import type { App } from "./state";
import type { PlaceMeta } from "./types";

export interface Named {
  text: string;
  kind: string;
  x: number;
  y: number;
  road: number | null;
  place: PlaceMeta | null;
}

export function isArea(place: PlaceMeta): boolean {
  return place.shape.endsWith("Polygon");
}

export function nameOf(place: PlaceMeta): string {
  const known = place.key ? maybe(`place.${place.key}`) : null;
  return known ?? capital(place.label);
}

/** Without accents, capitals, apostrophes: "Église Saint-Étienne" is found by "eglise st etienne" too. */
export function plain(text: string): string {
  return text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/[^a-z0-9]+/g, " ").trim()
    .replace(/\bst\b/g, "saint").replace(/\bste\b/g, "sainte").replace(/\bav\b/g, "avenue").replace(/\bbd\b/g, "boulevard");
}

export function allNames(app: App): Named[] {
  const { data, territory } = app;
  const out: Named[] = data.places.filter((place) => territory.lattice.inside(place.x, place.y))
    .map((place) => ({ text: nameOf(place), kind: t("search.place"), x: place.x, y: place.y, road: null, place }));
  // A street is all its pieces; it is shown at the middle of the piece nearest to their mean.
  const streets = new Map<string, { road: number; x: number; y: number; length: number }[]>();
  territory.roads.forEach((road, k) => {
    const name = properName(data.roads?.names[territory.roadName[k]] ?? "");
    const xy = road.lines[0];
    if (!name || !xy) return;
    const p = Math.floor(xy.length / 4) * 2;
    if (!territory.lattice.inside(xy[p], xy[p + 1])) return;
    const piece = { road: k, x: xy[p], y: xy[p + 1], length: xy.length };
    const list = streets.get(name);
    if (list) list.push(piece);
    else streets.set(name, [piece]);
  });
  for (const [text, pieces] of streets) {
    const x = pieces.reduce((sum, p) => sum + p.x, 0) / pieces.length;
    const y = pieces.reduce((sum, p) => sum + p.y, 0) / pieces.length;
    const best = pieces.reduce((a, b) => (Math.hypot(a.x - x, a.y - y) <= Math.hypot(b.x - x, b.y - y) ? a : b));
    out.push({ text, kind: t("search.street"), x: best.x, y: best.y, road: best.road, place: null });
  }
  return out;
}

/** Best first: names that begin so, then words that do, then the rest; all words must be somewhere. */
export function find(names: Named[], asked: string, most = 8): Named[] {
  const wanted = plain(asked);
  if (wanted.length < 2) return [];
  const words = wanted.split(" ");
  const scored: [number, Named][] = [];
  for (const named of names) {
    const text = plain(named.text);
    if (!words.every((word) => text.includes(word))) continue;
    const score = text.startsWith(wanted) ? 0 : words.every((word) => ` ${text}`.includes(` ${word}`)) ? 1 : 2;
    scored.push([score, named]);
  }
  return scored.sort((a, b) => a[0] - b[0] || a[1].text.localeCompare(b[1].text, "fr")).slice(0, most).map(([, named]) => named);
}
