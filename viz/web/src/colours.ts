// Colours that mean something: the same numbers in the shaders, the 2D map and the legend.

export const DEPTH_BOUNDS = [0.5, 1, 2] as const;
export const DEPTH_COLOURS = ["#bdd7e7", "#6baed6", "#2171b5", "#08306b"] as const;
export const PERMANENT = "#8fb0b4";
export const SHORE = "#12304f";
/** What shade tends to (viz/relief.py): bluish, never black. */
export const SHADOW = "#4a546e";

export const DAMAGE_COLOURS = ["#fee08b", "#fdae61", "#f46d43", "#a50026"] as const;
export const WALL = "#f6f1e8";
export const ROOF = "#d9bfab";

export const ROAD_OPEN = "#ffffff";
export const ROAD_EDGE = "#8a8478";
export const ROAD_SLOW = "#ffd21f";
export const ROAD_CUT_DARK = "#161616";
export const TRAFFIC = ["#ffffff", "#cbb8dd", "#9064b5", "#54107f"] as const;
export const SATURATION_BOUNDS = [0.5, 0.8, 1] as const;
export const DIKE = "#5a3d2b";
/** What a change of the greatest depth is worth: less water in blue-green, more in orange (told apart by everybody). */
export const CHANGE_BOUNDS = [0.05, 0.2, 0.5] as const;
export const CHANGE_COLOURS = ["#00594f", "#35a195", "#a5dcd3", "#ccd3d8", "#ffd092", "#ee8a1d", "#993800"] as const;

/** Class of a change of depth: 0 (much less) … 3 (the same) … 6 (much more). */
export function changeClass(change: number): number {
  const size = Math.abs(change);
  const steps = CHANGE_BOUNDS.filter((bound) => size >= bound).length;
  return change < 0 ? 3 - steps : 3 + steps;
}

export const SCENARIO_LINES = ["#000091", "#b34000", "#18753c", "#6e445a"] as const;

export function rgb(hex: string): [number, number, number] {
  const value = parseInt(hex.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

export function unit(hex: string): [number, number, number] {
  const [r, g, b] = rgb(hex);
  return [r / 255, g / 255, b / 255];
}

/** Class of a depth: 0–3, after the bounds above. */
export function depthClass(depth: number): number {
  return depth < DEPTH_BOUNDS[0] ? 0 : depth < DEPTH_BOUNDS[1] ? 1 : depth < DEPTH_BOUNDS[2] ? 2 : 3;
}
