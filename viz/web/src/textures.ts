// What the graphics card knows of a scenario: two frames around the instant, states of buildings and roads.

import { DataTexture, HalfFloatType, LinearFilter, NearestFilter, RGBAFormat, RGFormat, RedFormat, UnsignedByteType, type WebGLRenderer } from "three";
import { SATURATION_BOUNDS, changeClass, depthClass } from "./colours";
import { half } from "./lattice";
import type { Codes, Scenario } from "./scenario";
import { type App, buildingChange, buildingDepth, hasTraffic, roadState } from "./state";

export class ScenarioTextures {
  readonly scenario: Scenario;
  private readonly frames = new Map<string, DataTexture>();
  private readonly spare: DataTexture[] = [];
  private told = 0;
  a: DataTexture;
  b: DataTexture;
  first: DataTexture;
  between = 0;
  stale = true;
  readonly buildings: DataTexture;
  readonly roads: DataTexture;
  private shown = "";

  constructor(scenario: Scenario, nBuildings: number, nRoads: number) {
    this.scenario = scenario;
    this.first = this.banks();
    this.a = this.b = this.frame("0", () => scenario.codes(0));
    this.buildings = states(nBuildings);
    this.roads = states(nRoads);
  }

  private frame(key: string, codes: () => Codes): DataTexture {
    const known = this.frames.get(key);
    if (known) return known;
    const { nx, ny } = this.scenario.lattice;
    const spare = this.spare.pop();
    const depths = this.scenario.signed(codes(), (spare?.image.data as Uint16Array<ArrayBuffer> | undefined) ?? null);
    const texture = spare ?? new DataTexture(depths, nx, ny, RedFormat, HalfFloatType);
    texture.minFilter = texture.magFilter = LinearFilter;
    texture.needsUpdate = true;
    this.frames.set(key, texture);
    return texture;
  }

  /** Permanent water, and how much its bed is raised to the ground beside it for the colours of a flood. */
  private banks(): DataTexture {
    const { scenario } = this;
    const { nx, ny } = scenario.lattice;
    const water = scenario.permanent();
    const rise = scenario.bankRise(water);
    const pairs = new Uint16Array(2 * water.length);
    for (let c = 0; c < water.length; c++) {
      pairs[2 * c] = water[c];
      if (rise[c] > 0) pairs[2 * c + 1] = half(rise[c]);
    }
    const texture = new DataTexture(pairs, nx, ny, RGFormat, HalfFloatType);
    texture.minFilter = texture.magFilter = LinearFilter;
    texture.needsUpdate = true;
    return texture;
  }


  /** Which frames the present choices ask for. */
  private wanted(app: App): string {
    if (app.whole && this.scenario.most) return "maximum";
    const { a, b, f } = this.scenario.decoded(app.choices.time);
    return `${this.scenario.stamp(a)}/${this.scenario.stamp(b)}/${f}`;
  }

  /** Whether frames that have just been decoded change nothing on the screen. */
  isCurrent(app: App): boolean {
    return !this.stale && this.wanted(app) === this.shown;
  }

  update(app: App): void {
    this.stale = false;
    this.shown = this.wanted(app);
    const { scenario } = this;
    let kept: string[];
    const { most } = scenario;
    if (app.whole && most) {
      kept = ["maximum"];
      this.a = this.b = this.frame("maximum", () => most);
      this.between = 0;
    } else {
      const { a, b, f } = scenario.decoded(app.choices.time);
      const [before, after] = [scenario.stamp(a), scenario.stamp(b)];
      this.a = this.frame(before, () => scenario.codes(a));
      this.b = f > 0 ? this.frame(after, () => scenario.codes(b)) : this.a;
      this.between = f;
      kept = app.choices.playing && b + 1 < scenario.meta.times.length ? [before, after, scenario.stamp(b + 1)] : [before, after];
    }
    for (const [key, texture] of this.frames) {
      if (!kept.includes(key)) {
        this.frames.delete(key);
        if (this.spare.length < 1) this.spare.push(texture); // written over by a next frame: nothing to collect
        else texture.dispose();
      }
    }
    // Houses and roads change class now and then: while time plays, every tenth of a second is enough for the eye.
    const now = performance.now();
    if (app.choices.playing && now - this.told < 100) return;
    this.told = now;
    this.updateBuildings(app);
    this.updateRoads(app);
  }

  /**
   * While time plays, the frame after the next is made and handed over before it is needed: in a picture that has
   * nothing else new. True when there was something to do.
   */
  ahead(app: App, renderer: WebGLRenderer): boolean {
    const { scenario } = this;
    const next = scenario.moment(app.choices.time).b + 1;
    if (app.whole || next >= scenario.meta.times.length || !scenario.there(next)) return false;
    const key = scenario.stamp(next);
    if (this.frames.has(key)) return false;
    renderer.initTexture(this.frame(key, () => scenario.codes(next)));
    return true;
  }

  private updateBuildings(app: App): void {
    if (!this.scenario.buildingDepth) return;
    const data = this.buildings.image.data as Uint8Array;
    const n = app.territory.buildings?.list.length ?? 0;
    for (let k = 0; k < n; k++) {
      if (app.choices.difference) {
        const step = changeClass(buildingChange(app, k));
        data[4 * k] = step === 3 ? 0 : 10 + step;
        continue;
      }
      const depth = buildingDepth(app, this.scenario, k);
      data[4 * k] = depth > app.data.wet_depth ? 1 + depthClass(depth) : 0;
    }
    this.buildings.needsUpdate = true;
  }

  private updateRoads(app: App): void {
    const { scenario } = this;
    const data = this.roads.image.data as Uint8Array;
    const n = scenario.meta.times.length;
    const { a } = scenario.moment(app.choices.time);
    for (let k = 0; k < app.territory.roads.length; k++) {
      const state = roadState(app, scenario, k);
      data[4 * k] = state;
      const busy = hasTraffic(app, state);
      data[4 * k + 1] = busy && scenario.volume ? scenario.volume[k * n + a] : 0;
      const full = busy && scenario.saturation ? scenario.saturation[k * n + a] / 100 : 0;
      data[4 * k + 2] = SATURATION_BOUNDS.filter((bound) => full >= bound).length;
    }
    this.roads.needsUpdate = true;
  }
}

function states(count: number): DataTexture {
  const wide = Math.min(1024, Math.max(1, count));
  const tall = Math.max(1, Math.ceil(count / wide));
  const texture = new DataTexture(new Uint8Array(wide * tall * 4), wide, tall, RGBAFormat, UnsignedByteType);
  texture.minFilter = texture.magFilter = NearestFilter;
  texture.needsUpdate = true;
  return texture;
}
