// Colours that mean something: the same numbers in the shaders, the 2D map and the legend.

export const DEPTH_BOUNDS = [0.5, 1, 2] as const;
export const DEPTH_COLOURS = ["#bdd7e7", "#6baed6", "#2171b5", "#08306b"] as const;
export const PERMANENT = "#8fb0b4";
export const SHORE = "#12304f";
/** What shade tends to (viz/relief.py): bluish, never black. */
export const SHADOW = "#4a546e";

/** What lies far away fades into this: the sky at the horizon (style.css). */
export const HAZE = "#e6edf3";

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
/** What a change of the greatest depth is worth: less water in light blue-green, more in dark brown (told apart by everybody, and on black and white paper). */
export const CHANGE_BOUNDS = [0.05, 0.2, 0.5] as const;
export const CHANGE_COLOURS = ["#1fa694", "#4cbaab", "#7bcdbf", "#ccd3d8", "#b35400", "#7f3300", "#4d1500"] as const;

/** Class of a change of depth: 0 (much less) … 3 (the same) … 6 (much more). */
export function changeClass(change: number): number {
  const size = Math.abs(change);
  const steps = CHANGE_BOUNDS.filter((bound) => size >= bound).length;
  return change < 0 ? 3 - steps : 3 + steps;
}

/** Share of the runs of an ensemble that flood a place; violets, so that nobody takes them for depths. */
export const CHANCE_BOUNDS = [0.1, 0.33, 0.66, 0.9] as const;
export const CHANCE_COLOURS = ["#e9def3", "#c6afe0", "#9d7bc8", "#6c41a2", "#3a1269"] as const;

/** Class of a share: 0 (few runs) … 4 (nearly all). */
export function chanceClass(share: number): number {
  return CHANCE_BOUNDS.filter((bound) => share >= bound).length;
}

/** Depths (m) that have the class colours when colours are continuous; straight between. */
export const SCALE_DEPTHS = [0.05, 0.75, 1.5, 3] as const;

/** The continuous colour of a depth. */
export function scaleColour(depth: number): [number, number, number] {
  let k = 0;
  while (k < 2 && depth > SCALE_DEPTHS[k + 1]) k++;
  const share = Math.min(1, Math.max(0, (depth - SCALE_DEPTHS[k]) / (SCALE_DEPTHS[k + 1] - SCALE_DEPTHS[k])));
  const a = rgb(DEPTH_COLOURS[k]);
  const b = rgb(DEPTH_COLOURS[k + 1]);
  return [a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share];
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
