// Where the reader looks from at first.

import type { App } from "./state";
import { type Camera, FIELD_OF_VIEW } from "./view";

/** From the south, over the place where people and water meet; over the whole ground when there is nothing of that. */
export function homeCamera(app: App, aspect: number): Camera {
  const { territory, scenarios, data } = app;
  const { lattice, buildings } = territory;
  let west = -lattice.halfX, east = lattice.halfX, south = -lattice.halfY, north = lattice.halfY;
  const list = buildings?.list ?? [];
  const wet = list.filter((_, k) => scenarios.some((s) => s.thingMost(s.buildingMost, k) > data.wet_depth));
  const focus = wet.length >= 5 ? wet : list;
  if (focus.length >= 5) {
    const xs = focus.map((b) => b.x).sort((a, b) => a - b);
    const ys = focus.map((b) => b.y).sort((a, b) => a - b);
    const at = (sorted: number[], share: number): number => sorted[Math.round(share * (sorted.length - 1))];
    const across = (share: number): number => Math.max(at(xs, 1 - share) - at(xs, share), at(ys, 1 - share) - at(ys, share));
    // A few houses far away along the coast or up the valley do not push the town out of the picture.
    const least = across(0.04) > 1.8 * across(0.12) ? 0.12 : 0.04;
    west = Math.max(west, at(xs, least) - 150);
    east = Math.min(east, at(xs, 1 - least) + 150);
    south = Math.max(south, at(ys, least) - 150);
    north = Math.min(north, at(ys, 1 - least) + 150);
  }
  const x = (west + east) / 2;
  const y = (south + north) / 2;
  const wide = Math.max(east - west, (north - south) * 1.25 * Math.min(1.6, aspect), 0.18 * lattice.halfX, 300);
  const distance = (0.6 * wide) / (Math.tan((FIELD_OF_VIEW * Math.PI) / 360) * Math.max(0.8, aspect));
  return { x, y, distance, bearing: 15, lean: 49 };
}
