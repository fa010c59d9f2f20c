// What is under a point of the 3D picture: a walk along the line of sight.

import type { Vector3 } from "three";
import type { Finder } from "./finder";
import type { App, Picked } from "./state";

/** The tallest thing that stands on the ground (m). */
const TALLEST = 120;

/**
 * `eye` and the unit vector `ray` in metres without exaggeration; `surface`: height of what is seen at a place;
 * `reach`: how far from a road a click still means it (m).
 */
export function pickAlong(app: App, finder: Finder, surface: (x: number, y: number) => number, eye: Vector3, ray: Vector3, reach: number): Picked | null {
  const { lattice, lowest, highest, buildings } = app.territory;
  const top = highest + TALLEST;
  const far = 6 * (lattice.halfX + lattice.halfY) + 5000;
  const step = Math.min(lattice.cell * 0.4, 2.5);
  const start = eye.z > top && ray.z < 0 ? (top - eye.z) / ray.z : 0;
  for (let t = start; t < start + far; t += step) {
    const x = eye.x + ray.x * t;
    const y = eye.y + ray.y * t;
    const z = eye.z + ray.z * t;
    if (ray.z < 0 && z < lowest - 5) return null;
    if (!lattice.inside(x, y)) continue;
    const floor = surface(x, y);
    if (app.choices.showBuildings && buildings) {
      const building = finder.building(x, y, (k) => z < floor + buildings.list[k].height + 1);
      if (building !== null) return { x, y, building, road: null };
    }
    if (!(z <= floor)) continue; // also where no ground is known
    const building = finder.building(x, y); // of houses that are not drawn: the ground under them has no water
    return { x, y, building, road: building === null && app.choices.showRoads ? finder.road(x, y, reach) : null };
  }
  return null;
}
