// The 3D picture: ground and water in one mesh, buildings, roads, dikes. Draws only when something changed.

import {
  BufferGeometry, ColorManagement, DataTexture, DoubleSide, FrontSide, Frustum, Group, HalfFloatType, LinearFilter,
  LinearMipmapLinearFilter, LinearMipmapNearestFilter, LinearSRGBColorSpace, Box3, Matrix4, Mesh, NoColorSpace, RGFormat, RedFormat, Scene, ShaderMaterial,
  Texture, Vector2, Vector3, Vector4, WebGLRenderer,
} from "three";
import {
  CHANCE_BOUNDS, CHANCE_COLOURS, CHANGE_BOUNDS, CHANGE_COLOURS, DAMAGE_COLOURS, DEPTH_BOUNDS, DEPTH_COLOURS, DIKE, PERMANENT, ROAD_CUT_DARK, ROAD_EDGE, ROAD_OPEN, ROAD_SLOW,
  ROOF, SCALE_DEPTHS, SHADOW, SHORE, TRAFFIC, WALL, unit,
} from "./colours";
import { Finder } from "./finder";
import { Flow, flowAtFirst } from "./flow";
import { buildingGeometry, dikeGeometry, roadGeometry, skirtGeometry } from "./geometry";
import { GroundTiles, bedTexture } from "./ground";
import { Orbit } from "./orbit";
import { changePairs } from "./scenario";
import * as glsl from "./shaders";
import type { App, Picked } from "./state";
import { StreakMesh } from "./streaks";
import { ScenarioTextures } from "./textures";
import { type Camera, FIELD_OF_VIEW, type Screen, type View } from "./view";

ColorManagement.enabled = false; // sRGB in, sRGB out: the legend's colours are the picture's

/** Tiles of ground (289 points each) on machines from slow to fast. */
const TILE_BUDGETS = [110, 300, 900, 2400];
const STREAKS = 1500;
const colour = (hex: string): Vector3 => new Vector3(...unit(hex));

export interface Drawing {
  canvas: HTMLCanvasElement;
  context: WebGL2RenderingContext;
  /** The processor does the work of a graphics card. */
  software: boolean;
}

/** A canvas with WebGL 2, null when there is none. Where the processor draws, edges are not smoothed twice. */
export function openDrawing(): Drawing | null {
  const make = (antialias: boolean): [HTMLCanvasElement, WebGL2RenderingContext | null] => {
    const canvas = document.createElement("canvas");
    return [canvas, canvas.getContext("webgl2", { alpha: true, antialias, powerPreference: "high-performance", preserveDrawingBuffer: true })];
  };
  const [canvas, context] = make(false);
  if (!context) return null;
  const info = context.getExtension("WEBGL_debug_renderer_info");
  const name = String(context.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : context.RENDERER));
  if (/swiftshader|llvmpipe|software|basic render|warp/i.test(name)) return { canvas, context, software: true };
  context.getExtension("WEBGL_lose_context")?.loseContext();
  const [smooth, smoothContext] = make(true);
  return smoothContext ? { canvas: smooth, context: smoothContext, software: false } : null;
}

export class Scene3D implements View {
  readonly mode = "3d" as const;
  onDraw: () => void = () => undefined;
  /** Median of the last measured pictures, ms; tests and the help panel read it. */
  measured = 0;
  private readonly app: App;
  private readonly host: HTMLElement;
  private readonly renderer: WebGLRenderer;
  private readonly scene = new Scene();
  private readonly root = new Group();
  private readonly orbit: Orbit;
  private readonly finder: Finder;
  private readonly textures: ScenarioTextures[];
  private readonly shared: Record<string, { value: unknown }>;
  private readonly ground: Texture;
  private readonly photo: Texture | null;
  private readonly tiles: GroundTiles;
  private readonly beds: DataTexture[] = [];
  private readonly skirts: Mesh[] = [];
  private readonly dikes: (Mesh | null)[] = [];
  private readonly buildingMesh: Mesh | null;
  private readonly roadMesh: Mesh | null;
  private readonly software: boolean;
  private level: number;
  private ratio = 1;
  private dirty = true;
  private stale = true;
  private moving = 0;
  private still = 0;
  private readonly spans: number[] = [];
  private readonly streaks: (StreakMesh | null)[];
  private flowed = 0;
  private change: { key: string; texture: DataTexture } | null = null;

  constructor(host: HTMLElement, app: App, { canvas, context, software }: Drawing) {
    this.host = host;
    this.app = app;
    const { territory } = app;
    host.prepend(canvas);
    this.software = software;
    this.level = software ? 0 : 1;
    this.renderer = new WebGLRenderer({ canvas, context, alpha: true });
    this.renderer.debug.checkShaderErrors = false; // asking would wait for every shader by itself; the tests look at pixels
    this.renderer.outputColorSpace = LinearSRGBColorSpace;
    this.renderer.setClearColor(0x000000, 0); // the sky is the page's
    this.renderer.autoClear = false;
    this.orbit = new Orbit(canvas, (x, y) => this.surface(x, y) * app.choices.exaggeration, () => {
      this.moving = performance.now();
      this.dirty = true;
    });
    this.orbit.controls.maxDistance = 8 * Math.max(territory.lattice.halfX, territory.lattice.halfY);
    this.finder = new Finder(territory);
    this.textures = app.scenarios.map((s) => new ScenarioTextures(s, territory.buildings?.list.length ?? 0, territory.roads.length));

    const draped = (image: ImageBitmap): Texture => {
      const made = new Texture(image);
      made.flipY = false;
      made.colorSpace = NoColorSpace;
      made.minFilter = software ? LinearMipmapNearestFilter : LinearMipmapLinearFilter;
      made.generateMipmaps = true;
      made.anisotropy = software ? 1 : Math.min(8, this.renderer.capabilities.getMaxAnisotropy());
      made.needsUpdate = true;
      return made;
    };
    this.ground = draped(territory.ground);
    this.photo = territory.photo && draped(territory.photo);
    const { lattice } = territory;
    const holes = new DataTexture(Uint8Array.from(territory.bed, (z) => (Number.isFinite(z) ? 0 : 255)), lattice.nx, lattice.ny, RedFormat);
    holes.minFilter = holes.magFilter = LinearFilter;
    holes.unpackAlignment = 1;
    holes.needsUpdate = true;
    const first = this.textures[0];
    this.shared = {
      depthA: { value: first.a }, depthB: { value: first.b }, permanentDepth: { value: first.first }, between: { value: 0 },
      ground: { value: this.ground }, shadow: { value: colour(SHADOW) }, bed: { value: null }, lowest: { value: territory.lowest },
      size: { value: new Vector2(lattice.nx, lattice.ny) }, cell: { value: lattice.cell }, holes: { value: holes }, hasHoles: { value: app.data.holes > 0 ? 1 : 0 },
      wet: { value: app.data.wet_depth }, permanentApart: { value: 0 },
      classes: { value: DEPTH_COLOURS.map(colour) }, bounds: { value: new Vector3(...DEPTH_BOUNDS) },
      permanent: { value: colour(PERMANENT) }, shore: { value: colour(SHORE) },
      water: { value: colour(PERMANENT) }, bottom: { value: this.bottom },
      damage: { value: DAMAGE_COLOURS.map(colour) }, wallColour: { value: colour(WALL) }, roofColour: { value: colour(ROOF) },
      chance: { value: this.chanceTexture() }, chancing: { value: 0 }, chances: { value: CHANCE_COLOURS.map(colour) },
      chanceBounds: { value: new Vector4(...CHANCE_BOUNDS) }, scaled: { value: 0 }, scaleDepths: { value: new Vector4(...SCALE_DEPTHS) },
      change: { value: null }, changing: { value: 0 },
      changes: { value: CHANGE_COLOURS.map(colour) }, changeBounds: { value: new Vector3(...CHANGE_BOUNDS) },
      traffic: { value: TRAFFIC.map(colour) }, open: { value: colour(ROAD_OPEN) }, edge: { value: colour(ROAD_EDGE) },
      slow: { value: colour(ROAD_SLOW) }, dark: { value: colour(ROAD_CUT_DARK) },
      perPixel: { value: 0.001 }, minimum: { value: 1.3 },
      span: { value: new Vector2(lattice.halfX * 2, lattice.halfY * 2) },
    };
    const states = (texture: DataTexture): Record<string, { value: unknown }> => ({
      states: { value: texture }, statesWide: { value: texture.image.width }, picked: { value: -1 },
    });
    const groundMaterial = new ShaderMaterial({ vertexShader: glsl.terrainVertex, fragmentShader: glsl.terrainFragment, uniforms: { ...this.shared }, side: FrontSide });
    const skirtMaterial = new ShaderMaterial({ vertexShader: glsl.skirtVertex, fragmentShader: glsl.skirtFragment, uniforms: { ...this.shared }, side: DoubleSide });
    this.tiles = new GroundTiles(lattice, this.bottom, territory.highest + app.data.greatest_depth, TILE_BUDGETS[TILE_BUDGETS.length - 1] + 4);
    const groundMesh = new Mesh(this.tiles.geometry, groundMaterial);
    groundMesh.frustumCulled = false;
    groundMesh.renderOrder = 1; // after the houses: what they hide is not drawn
    this.root.add(groundMesh);
    const around = Math.max(1, Math.ceil((lattice.nx + lattice.ny) / 1500));
    for (const scenario of app.scenarios) {
      const own = scenario.ownBed || this.beds.length === 0;
      const skirt = own ? new Mesh(skirtGeometry(lattice, scenario.bed, around, territory.lowest), skirtMaterial) : this.skirts[0];
      skirt.frustumCulled = false;
      this.root.add(skirt);
      this.skirts.push(skirt);
      this.beds.push(own ? bedTexture(lattice, scenario.bed) : this.beds[0]);
      const lines = scenario.meta.lines;
      const dike = lines.length === 0 ? null : new Mesh(dikeGeometry(lines, (x, y) => lattice.bilinear(scenario.bed, x, y), lattice.cell), new ShaderMaterial({
        vertexShader: glsl.dikeVertex, fragmentShader: glsl.dikeFragment, uniforms: { colour: { value: colour(DIKE) } }, side: DoubleSide,
      }));
      if (dike) this.root.add(dike);
      this.dikes.push(dike);
    }
    const mesh = (material: ShaderMaterial): Mesh => {
      const made = new Mesh(new BufferGeometry(), material);
      made.frustumCulled = false;
      this.root.add(made);
      return made;
    };
    this.buildingMesh = territory.buildings === null ? null : mesh(new ShaderMaterial({
      vertexShader: glsl.buildingVertex, fragmentShader: glsl.buildingFragment, side: DoubleSide,
      uniforms: { ...this.shared, ...states(first.buildings) },
    }));
    if (this.buildingMesh && territory.buildings) {
      this.buildingMesh.geometry = buildingGeometry(territory.buildings.list, lattice, (x, y) => lattice.bilinear(territory.bed, x, y));
    }
    this.roadMesh = territory.roads.length === 0 ? null : mesh(new ShaderMaterial({
      vertexShader: glsl.roadVertex, fragmentShader: glsl.roadFragment, side: DoubleSide,
      uniforms: { ...this.shared, ...states(first.roads) },
    }));
    if (this.roadMesh) this.roadMesh.geometry = roadGeometry(territory.roads, (x, y) => lattice.bilinear(territory.bed, x, y), Math.max(6, 1.5 * lattice.cell));
    app.choices.showFlow = app.hasFlow && flowAtFirst(software);
    this.streaks = app.scenarios.map((scenario) => {
      if (!scenario.meta.flow) return null;
      const made = new StreakMesh(new Flow(app, scenario, STREAKS));
      this.root.add(made.mesh);
      return made;
    });
    this.scene.add(this.root);
    this.resize();
    this.home(false);
    app.on((changed) => {
      if (changed.size === 1 && changed.has("frames") && this.shownNow.every((k) => this.textures[k].isCurrent(app))) return;
      if (["time", "frames", "water", "buildingMode", "difference", "scenario", "other"].some((key) => changed.has(key as never))) this.stale = true;
      this.dirty = true;
    });
    canvas.addEventListener("webglcontextrestored", () => this.invalidate());
    const loop = (now: number): void => {
      requestAnimationFrame(loop);
      this.tick(now);
    };
    requestAnimationFrame(loop);
  }

  private get bottom(): number {
    const { lowest, highest, lattice } = this.app.territory;
    return lowest - Math.max(18, 0.25 * (highest - lowest), 0.012 * Math.max(lattice.halfX, lattice.halfY));
  }

  invalidate(): void {
    this.dirty = true;
  }

  resize(): void {
    const { clientWidth, clientHeight } = this.host;
    if (clientWidth === 0 || clientHeight === 0) return; // not on the screen: paper is being laid out
    // The still picture of a software renderer is drawn finer instead of smoothed.
    const fine = this.software && this.ratio === 1 && this.measured > 0 && this.measured < 350;
    const finest = fine ? Math.max(1.5, devicePixelRatio) : devicePixelRatio;
    this.renderer.setPixelRatio(this.ratio * Math.min(2, finest));
    this.renderer.setSize(clientWidth, clientHeight, false);
    this.orbit.resize(clientWidth / Math.max(1, clientHeight));
    this.dirty = true;
  }

  private tick(now: number): void {
    this.orbit.tick(now);
    const quiet = now - this.moving > 220 && !this.app.choices.playing;
    // While it moves on a slow machine, fewer pixels; the still picture is always sharp.
    const wanted = quiet || this.measured < 45 ? 1 : Math.max(0.45, 0.99 * Math.min(1, Math.sqrt(80 / this.measured)));
    if (Math.abs(wanted - this.ratio) > 0.06 && (quiet ? now - this.still > 200 : true)) {
      this.ratio = wanted;
      this.still = now;
      this.resize();
    }
    this.flow(now);
    if (!this.dirty) return;
    this.dirty = false;
    const before = performance.now();
    this.draw();
    this.measure(performance.now() - before);
    this.onDraw();
  }

  /** Streaks move on: on a slow machine a few times a second, and not before it has been measured. */
  private flow(now: number): void {
    const { app } = this;
    const still = !app.choices.showFlow || app.whole || document.hidden || this.measured === 0;
    const passed = (now - this.flowed) / 1000;
    if (still || passed < Math.max(0.03, (1.6 * this.measured) / 1000)) return;
    this.flowed = now;
    const perPixel = this.metresPerPixel();
    const screen = this.renderer.getSize(new Vector2());
    const reach = 0.62 * Math.max(screen.x, 1.3 * screen.y) * perPixel;
    const { target } = this.orbit.controls;
    for (const k of this.shownNow) {
      const streaks = this.streaks[k];
      if (!streaks || streaks.flow.empty) continue;
      streaks.flow.step(Math.min(0.2, passed), target.x, target.y, reach, perPixel);
      const { scenario } = this.textures[k];
      const { lattice } = app.territory;
      streaks.update((x, y) => lattice.bilinear(scenario.bed, x, y) + scenario.depthAt(lattice.cellAt(x, y), app.choices.time),
        screen, perPixel);
      this.dirty = true;
    }
  }

  /** The scenarios on the screen. */
  private get shownNow(): number[] {
    const { choices } = this.app;
    return choices.compare ? [choices.scenario, choices.other] : [choices.scenario];
  }

  /** The first pictures decide how fine the ground mesh is on this machine. */
  private measure(cpu: number): void {
    const enough = this.software ? 3 : 5;
    if (this.spans.length >= enough) return;
    const gl = this.renderer.getContext();
    const before = performance.now();
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4)); // waits for the picture
    this.spans.push(cpu + performance.now() - before);
    this.dirty = true;
    if (this.spans.length < enough) return;
    this.measured = [...this.spans.slice(1)].sort((a, b) => a - b)[enough === 3 ? 0 : 1]; // the first one compiles shaders
    if (this.software) this.resize();
    const finer = this.measured < 14 && this.level < TILE_BUDGETS.length - 1;
    const coarser = this.measured > 110 && this.level > 0;
    if (!finer && !coarser) return;
    this.level += finer ? 1 : -1;
    if (finer) this.spans.length = 0; // look again at the finer one
    this.dirty = true;
  }

  private draw(): void {
    const { app } = this;
    const { choices } = app;
    if (this.stale) {
      for (const textures of this.textures) textures.stale = true;
      this.stale = false;
    }
    for (const k of this.shownNow) {
      if (this.textures[k].stale) this.textures[k].update(app);
    }
    this.root.scale.z = choices.exaggeration;
    const { lattice } = app.territory;
    this.orbit.clip(Math.max(lattice.halfX, lattice.halfY));
    const size = this.renderer.getSize(new Vector2());
    const perPixel = (2 * Math.tan((FIELD_OF_VIEW * Math.PI) / 360)) / Math.max(1, size.y);
    this.shared["perPixel"].value = perPixel;
    this.chooseTiles(perPixel);
    this.renderer.setScissorTest(false);
    this.renderer.clear();
    if (choices.compare && this.textures.length > 1) {
      const middle = Math.round(size.x * choices.split);
      this.renderer.setScissorTest(true);
      this.renderer.setScissor(0, 0, middle, size.y);
      this.drawScenario(choices.scenario);
      this.renderer.setScissor(middle, 0, size.x - middle, size.y);
      this.drawScenario(choices.other);
      this.renderer.setScissorTest(false);
    } else {
      this.drawScenario(choices.scenario);
    }
  }

  private chooseTiles(perPixel: number): void {
    const { exaggeration } = this.app.choices;
    const { eye } = this.orbit;
    const frustum = new Frustum().setFromProjectionMatrix(new Matrix4().multiplyMatrices(eye.projectionMatrix, eye.matrixWorldInverse));
    const box = new Box3();
    const { x, y, z } = eye.position;
    this.tiles.select({
      x, y, z: z / exaggeration, perPixel,
      sees: (west, south, low, east, north, high) => {
        box.min.set(west, south, low * exaggeration);
        box.max.set(east, north, high * exaggeration);
        return frustum.intersectsBox(box);
      },
    }, TILE_BUDGETS[this.level]);
  }

  private drawScenario(k: number): void {
    const { choices } = this.app;
    const textures = this.textures[k];
    const { shared } = this;
    shared["depthA"].value = textures.a;
    shared["depthB"].value = textures.b;
    shared["between"].value = textures.between;
    shared["changing"].value = choices.difference ? 1 : 0;
    shared["chancing"].value = this.app.chance ? 1 : 0;
    shared["scaled"].value = choices.scale ? 1 : 0;
    shared["ground"].value = choices.showPhoto && this.photo ? this.photo : this.ground;
    if (choices.difference) shared["change"].value = this.changeTexture();
    shared["permanentDepth"].value = textures.first;
    shared["permanentApart"].value = choices.permanentApart && textures.scenario.meta.permanent ? 1 : 0;
    shared["bed"].value = this.beds[k];
    this.skirts.forEach((mesh) => (mesh.visible = mesh === this.skirts[k]));
    this.dikes.forEach((mesh, n) => mesh && (mesh.visible = n === (choices.difference ? choices.other : k)));
    this.streaks.forEach((streaks, n) => {
      if (streaks) streaks.mesh.visible = n === k && choices.showFlow && !this.app.whole;
    });
    const things: [Mesh | null, DataTexture, boolean, number | null][] = [
      [this.buildingMesh, textures.buildings, choices.showBuildings, choices.picked?.building ?? null],
      [this.roadMesh, textures.roads, choices.showRoads, choices.picked?.building == null ? choices.picked?.road ?? null : null],
    ];
    for (const [mesh, texture, visible, picked] of things) {
      if (!mesh) continue;
      mesh.visible = visible;
      const { uniforms } = mesh.material as ShaderMaterial;
      uniforms["states"].value = texture;
      uniforms["picked"].value = picked ?? -1;
    }
    this.renderer.render(this.scene, this.orbit.eye);
  }

  private chanceTexture(): DataTexture | null {
    const { ensemble, territory } = this.app;
    if (!ensemble) return null;
    const shares = ensemble.count.map((runs) => Math.round((255 * runs) / ensemble.members.length));
    const texture = new DataTexture(shares, territory.lattice.nx, territory.lattice.ny, RedFormat);
    texture.minFilter = texture.magFilter = LinearFilter;
    texture.unpackAlignment = 1;
    texture.needsUpdate = true;
    return texture;
  }

  /** What changes between the two scenarios chosen, made when first asked for. */
  private changeTexture(): DataTexture {
    const { choices, scenarios, territory, data } = this.app;
    const key = `${choices.scenario}/${choices.other}/${scenarios.some((s) => s.change !== null)}`;
    if (this.change?.key !== key) {
      this.change?.texture.dispose();
      const pairs = changePairs(this.app.shown, scenarios[choices.other], data.wet_depth);
      const texture = new DataTexture(pairs, territory.lattice.nx, territory.lattice.ny, RGFormat, HalfFloatType);
      texture.minFilter = texture.magFilter = LinearFilter;
      texture.needsUpdate = true;
      this.change = { key, texture };
    }
    return this.change.texture;
  }

  /** Height of what is seen at a place: ground, or water above it. */
  private surface(x: number, y: number): number {
    const { lattice } = this.app.territory;
    const scenario = this.app.shown;
    const bed = lattice.bilinear(scenario.bed, x, y);
    const depth = scenario.depthAt(lattice.cellAt(x, y), this.app.choices.time);
    return bed + (depth > this.app.data.wet_depth ? depth : 0);
  }

  pick(clientX: number, clientY: number): Picked | null {
    const box = this.host.getBoundingClientRect();
    const eye = this.orbit.eye.position.clone();
    const ray = new Vector3(((clientX - box.left) / box.width) * 2 - 1, 1 - ((clientY - box.top) / box.height) * 2, 0.5)
      .unproject(this.orbit.eye).sub(eye).normalize();
    eye.z /= this.app.choices.exaggeration;
    ray.z /= this.app.choices.exaggeration;
    const { lattice, lowest, highest, buildings } = this.app.territory;
    const tallest = highest + 120;
    let t = eye.z > tallest && ray.z < 0 ? (tallest - eye.z) / ray.z : 0;
    const far = t + 6 * (lattice.halfX + lattice.halfY) + 5000;
    const step = Math.min(lattice.cell * 0.4, 2.5);
    for (; t < far; t += step) {
      const x = eye.x + ray.x * t;
      const y = eye.y + ray.y * t;
      const z = eye.z + ray.z * t;
      if (ray.z < 0 && z < lowest - 5) return null;
      if (!lattice.inside(x, y)) continue;
      const floor = this.surface(x, y);
      if (this.app.choices.showBuildings && buildings) {
        const building = this.finder.building(x, y, (k) => z < floor + buildings.list[k].height + 1);
        if (building !== null) return { x, y, building, road: null };
      }
      if (z <= floor) {
        const reach = Math.max(5, 6 * this.metresPerPixel());
        const road = this.app.choices.showRoads ? this.finder.road(x, y, reach) : null;
        return { x, y, building: null, road };
      }
    }
    return null;
  }

  project(x: number, y: number, above: number): Screen {
    const z = (this.surface(x, y) + above) * this.app.choices.exaggeration;
    const at = new Vector3(x, y, Number.isFinite(z) ? z : 0).project(this.orbit.eye);
    return {
      x: ((at.x + 1) / 2) * this.host.clientWidth,
      y: ((1 - at.y) / 2) * this.host.clientHeight,
      ahead: at.z < 1,
    };
  }

  zoom(factor: number): void {
    this.orbit.zoom(factor);
  }

  turn(degrees: number): void {
    this.orbit.turn(degrees);
  }

  pan(right: number, up: number): void {
    this.orbit.pan(right, up);
  }

  tilt(): void {
    this.orbit.tilt();
  }

  north(): void {
    this.orbit.turn(this.orbit.bearing());
  }

  /** Where people and water meet; the whole ground when there is nothing of that. */
  home(smooth = true): void {
    const { territory, scenarios } = this.app;
    const { lattice, buildings } = territory;
    let west = -lattice.halfX, east = lattice.halfX, south = -lattice.halfY, north = lattice.halfY;
    const list = buildings?.list ?? [];
    const wet = list.filter((_, k) => scenarios.some((s) => {
      if (!s.buildingDepth) return false;
      const n = s.meta.times.length;
      return s.buildingDepth.subarray(k * n, (k + 1) * n).some((code) => s.curve[code] > this.app.data.wet_depth);
    }));
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
    const wide = Math.max(east - west, (north - south) * 1.25 * Math.min(1.6, this.orbit.eye.aspect), 0.18 * lattice.halfX, 300);
    const distance = (0.6 * wide) / (Math.tan((FIELD_OF_VIEW * Math.PI) / 360) * Math.max(0.8, this.orbit.eye.aspect));
    this.orbit.setCamera({ x, y, distance, bearing: 15, lean: 49 }, smooth);
  }

  goTo(x: number, y: number): void {
    this.orbit.setCamera({ ...this.orbit.now(), x, y }, true);
  }

  camera(): Camera {
    return this.orbit.camera();
  }

  setCamera(camera: Camera, smooth: boolean): void {
    this.orbit.setCamera(camera, smooth);
  }

  /** Where the eye is flying to; null when it stands still. */
  get flight(): Camera | null {
    return this.orbit.flight?.to ?? null;
  }

  drawNow(): void {
    this.draw();
    this.onDraw();
  }

  bearing(): number {
    return this.orbit.bearing();
  }

  metresPerPixel(): number {
    return (2 * this.orbit.distance * Math.tan((FIELD_OF_VIEW * Math.PI) / 360)) / Math.max(1, this.host.clientHeight);
  }
}
