// What the shaders of the 3D picture share: colours, bounds, and the textures of the moment.

import { DataTexture, HalfFloatType, LinearFilter, RGFormat, RedFormat, type Texture, Vector2, Vector3, Vector4 } from "three";
import {
  CHANCE_BOUNDS, CHANCE_COLOURS, CHANGE_BOUNDS, CHANGE_COLOURS, DAMAGE_COLOURS, DEPTH_BOUNDS, DEPTH_COLOURS, HAZE, PERMANENT,
  ROAD_CUT_DARK, ROAD_EDGE, ROAD_OPEN, ROAD_SLOW, ROOF, SCALE_DEPTHS, SHADOW, SHORE, TRAFFIC, WALL, unit,
} from "./colours";
import { changePairs } from "./scenario";
import type { App } from "./state";
import type { ScenarioTextures } from "./textures";

export type Uniforms = Record<string, { value: unknown }>;

export const colour = (hex: string): Vector3 => new Vector3(...unit(hex));

function smooth(data: Uint8Array<ArrayBuffer> | Uint16Array<ArrayBuffer>, wide: number, tall: number, format: typeof RedFormat | typeof RGFormat): DataTexture {
  const texture = data instanceof Uint16Array ? new DataTexture(data, wide, tall, format, HalfFloatType) : new DataTexture(data, wide, tall, format);
  texture.minFilter = texture.magFilter = LinearFilter;
  texture.unpackAlignment = 1;
  texture.needsUpdate = true;
  return texture;
}

/** `bottom`: the height that the block of ground is cut at (m). */
export function sharedUniforms(app: App, ground: Texture, first: ScenarioTextures, bottom: number): Uniforms {
  const { territory, data } = app;
  const { lattice } = territory;
  const holes = data.holes > 0
    ? smooth(Uint8Array.from(territory.bed, (z) => (Number.isFinite(z) ? 0 : 255)), lattice.nx, lattice.ny, RedFormat)
    : smooth(new Uint8Array(1), 1, 1, RedFormat);
  return {
    depthA: { value: first.a }, depthB: { value: first.b }, permanentDepth: { value: first.first }, between: { value: 0 },
    ground: { value: ground }, shadow: { value: colour(SHADOW) }, bed: { value: null }, lowest: { value: territory.lowest },
    size: { value: new Vector2(lattice.nx, lattice.ny) }, cell: { value: lattice.cell },
    holes: { value: holes },
    wet: { value: data.wet_depth },
    classes: { value: DEPTH_COLOURS.map(colour) }, bounds: { value: new Vector3(...DEPTH_BOUNDS) },
    permanent: { value: colour(PERMANENT) }, shore: { value: colour(SHORE) },
    water: { value: colour(PERMANENT) }, bottom: { value: bottom },
    damage: { value: DAMAGE_COLOURS.map(colour) }, wallColour: { value: colour(WALL) }, roofColour: { value: colour(ROOF) },
    chance: { value: chanceTexture(app) }, chances: { value: CHANCE_COLOURS.map(colour) },
    chanceBounds: { value: new Vector4(...CHANCE_BOUNDS) }, scaleDepths: { value: new Vector4(...SCALE_DEPTHS) },
    change: { value: null },
    changes: { value: CHANGE_COLOURS.map(colour) }, changeBounds: { value: new Vector3(...CHANGE_BOUNDS) },
    traffic: { value: TRAFFIC.map(colour) }, open: { value: colour(ROAD_OPEN) }, edge: { value: colour(ROAD_EDGE) },
    slow: { value: colour(ROAD_SLOW) }, dark: { value: colour(ROAD_CUT_DARK) },
    perPixel: { value: 0.001 }, minimum: { value: 1.3 },
    span: { value: new Vector2(lattice.halfX * 2, lattice.halfY * 2) },
    haze: { value: colour(HAZE) }, hazeFrom: { value: new Vector2(1e9, 2e9) },
  };
}

function chanceTexture({ ensemble, territory }: App): DataTexture | null {
  if (!ensemble) return null;
  const shares = Uint8Array.from(ensemble.count, (runs) => Math.round((255 * runs) / ensemble.members.length));
  return smooth(shares, territory.lattice.nx, territory.lattice.ny, RedFormat);
}

/** What changes between the two scenarios chosen, made when first asked for. */
export class ChangeTexture {
  private made: { key: string; texture: DataTexture } | null = null;

  of(app: App): DataTexture {
    const { choices, scenarios, territory, data } = app;
    const key = `${choices.scenario}/${choices.other}/${app.shown.change !== null}/${scenarios[choices.other].change !== null}`;
    if (this.made?.key !== key) {
      this.made?.texture.dispose();
      const pairs = changePairs(app.shown, scenarios[choices.other], data.wet_depth);
      this.made = { key, texture: smooth(pairs, territory.lattice.nx, territory.lattice.ny, RGFormat) };
    }
    return this.made.texture;
  }
}
