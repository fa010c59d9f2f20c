// A link that brings a view back: everything after the # of the page's address.

import { language, setLanguage } from "./i18n";
import type { App, Choices } from "./state";
import type { Camera, View } from "./view";

const LAYERS = ["showBuildings", "showRoads", "showPlaces", "showFlow", "permanentApart", "scale", "showPhoto", "showObserved"] as const;

/** What follows the #. Places are in the coordinates of the territory, so that a later page understands them. */
export function writeHash(app: App, view: View): string {
  const { choices, data, territory } = app;
  const camera = view.camera();
  const { lattice } = territory;
  const east = (x: number): string => String(Math.round(data.grid.x_west + lattice.halfX + x));
  const north = (y: number): string => String(Math.round(data.grid.y_north - lattice.halfY + y));
  const parts = new URLSearchParams({
    at: [east(camera.x), north(camera.y), Math.round(camera.distance), Math.round(camera.bearing), Math.round(camera.lean)].join(","),
    t: String(Math.round(choices.time)),
    of: choices.compare ? `${choices.scenario}|${choices.other}` : choices.difference ? `${choices.scenario}-${choices.other}` : String(choices.scenario),
    water: choices.water,
    buildings: choices.buildingMode,
    layers: LAYERS.map((key) => (choices[key] ? "1" : "0")).join(""),
    relief: String(choices.exaggeration),
    lang: language(),
  });
  if (choices.compare) parts.set("split", choices.split.toFixed(2));
  if (choices.profile?.length === 4) {
    const [a, b, c, d] = choices.profile;
    parts.set("profile", [east(a), north(b), east(c), north(d)].join(","));
  }
  return parts.toString();
}

const inside = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));

/** Take a view from the address; anything that makes no sense is passed over. True when there was one. */
export function readHash(app: App, view: View, hash: string): boolean {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  const numbers = (key: string, count: number): number[] | null => {
    const found = (parts.get(key) ?? "").split(",").map(Number);
    return parts.has(key) && found.length === count && found.every(Number.isFinite) ? found : null;
  };
  if (!parts.has("at") && !parts.has("t") && !parts.has("of")) return false;
  const { data, territory } = app;
  const { lattice } = territory;
  const change: Partial<Choices> = { playing: false };
  const middle = (x: number, y: number): [number, number] => [x - data.grid.x_west - lattice.halfX, y - data.grid.y_north + lattice.halfY];
  const [time] = numbers("t", 1) ?? [NaN];
  if (Number.isFinite(time)) change.time = inside(time, app.from, app.to);
  const of = /^(\d+)(?:([|-])(\d+))?$/.exec(parts.get("of") ?? "");
  if (of && Number(of[1]) < app.scenarios.length) {
    change.scenario = Number(of[1]);
    const other = of[3] === undefined ? -1 : Number(of[3]);
    const two = other >= 0 && other < app.scenarios.length && other !== change.scenario;
    change.compare = two && of[2] === "|";
    change.difference = two && of[2] === "-" && app.hasDifference;
    if (two) change.other = other;
    else if (app.scenarios.length > 1) change.other = change.scenario === 0 ? 1 : 0;
  }
  const water = parts.get("water");
  if (water === "now" || water === "maximum" || (water === "chance" && app.ensemble)) change.water = water;
  const mode = parts.get("buildings");
  if (mode === "reached" || mode === "now") change.buildingMode = mode;
  const layers = parts.get("layers") ?? "";
  LAYERS.slice(0, layers.length).forEach((key, k) => (change[key] = layers[k] === "1"));
  // Movement is the reader's own choice, not that of whoever made the link.
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) delete change.showFlow;
  const [relief] = numbers("relief", 1) ?? [NaN];
  if (Number.isFinite(relief)) change.exaggeration = inside(relief, 1, 4);
  const [split] = numbers("split", 1) ?? [NaN];
  if (Number.isFinite(split)) change.split = inside(split, 0.03, 0.97);
  const line = numbers("profile", 4);
  if (line) change.profile = [...middle(line[0], line[1]), ...middle(line[2], line[3])];
  const lang = parts.get("lang");
  if (lang && lang in data.texts && lang !== language()) {
    setLanguage(lang);
    app.tell("language");
  }
  app.set(change);
  const at = numbers("at", 5);
  if (at) {
    const [x, y] = middle(at[0], at[1]);
    if (lattice.inside(x, y)) {
      const camera: Camera = { x, y, distance: inside(at[2], 60, 8 * Math.max(lattice.halfX, lattice.halfY)), bearing: at[3], lean: inside(at[4], 1, 80) };
      view.setCamera(camera, false);
    }
  }
  return true;
}
