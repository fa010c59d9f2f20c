// The 3D picture: ground and water in one mesh, buildings, roads, dikes. Draws only when something changed.

import {
  BufferGeometry, ColorManagement, DataTexture, DoubleSide, FrontSide, Group, HalfFloatType, LinearFilter,
  LinearMipmapLinearFilter, LinearSRGBColorSpace, MOUSE, Mesh, NearestFilter, NoColorSpace, PerspectiveCamera,
  RGBAFormat, RGFormat, RedFormat, Scene, ShaderMaterial, Texture, UnsignedByteType, Vector2, Vector3, WebGLRenderer,
} from "three";
import { MapControls } from "three/examples/jsm/controls/MapControls.js";
import {
  CHANGE_BOUNDS, CHANGE_COLOURS, DAMAGE_COLOURS, DEPTH_BOUNDS, DEPTH_COLOURS, DIKE, PERMANENT, ROAD_CUT_DARK, ROAD_EDGE, ROAD_OPEN, ROAD_SLOW,
  ROOF, SATURATION_BOUNDS, SHORE, TRAFFIC, WALL, changeClass, depthClass, unit,
} from "./colours";
import { Flow, flowAtFirst } from "./flow";
import { buildingGeometry, dikeGeometry, groundGeometry, roadGeometry, skirtGeometry } from "./geometry";
import { Finder, type Scenario, changePairs } from "./model";
import * as glsl from "./shaders";
import { type App, type Picked, RoadState, buildingChange, buildingDepth, roadState } from "./state";
import { StreakMesh } from "./streaks";
import { type Camera, FIELD_OF_VIEW, type Screen, type View } from "./view";

ColorManagement.enabled = false; // sRGB in, sRGB out: the legend's colours are the picture's

const VERTEX_BUDGETS = [22_000, 70_000, 220_000, 700_000];
const STREAKS = 1500;
const colour = (hex: string): Vector3 => new Vector3(...unit(hex));

/** Textures of one scenario: two frames around the instant, the first frame, states of things. */
class ScenarioTextures {
  readonly scenario: Scenario;
  private readonly frames = new Map<string, DataTexture>();
  a: DataTexture;
  b: DataTexture;
  first: DataTexture;
  between = 0;
  stale = true;
  readonly buildings: DataTexture;
  readonly roads: DataTexture;

  constructor(scenario: Scenario, nBuildings: number, nRoads: number) {
    this.scenario = scenario;
    this.first = this.frame("0", scenario.frames[0]);
    this.a = this.first;
    this.b = this.first;
    this.buildings = states(nBuildings);
    this.roads = states(nRoads);
  }

  private frame(key: string, codes: Uint8Array): DataTexture {
    let texture = this.frames.get(key);
    if (!texture) {
      const { nx, ny } = this.scenario.lattice;
      texture = new DataTexture(this.scenario.signed(codes), nx, ny, RedFormat, HalfFloatType);
      texture.minFilter = texture.magFilter = LinearFilter;
      texture.needsUpdate = true;
      this.frames.set(key, texture);
    }
    return texture;
  }

  update(app: App): void {
    this.stale = false;
    const { scenario } = this;
    let wanted: string[];
    if (app.whole && scenario.maximum) {
      wanted = ["maximum"];
      this.a = this.b = this.frame("maximum", scenario.maximum);
      this.between = 0;
    } else {
      const { a, b, f } = scenario.moment(app.choices.time, scenario.ready);
      this.a = this.frame(String(a), scenario.frames[a]);
      this.b = f > 0 ? this.frame(String(b), scenario.frames[b]) : this.a;
      this.between = f;
      wanted = [String(a), String(b), String(b + 1)];
    }
    for (const [key, texture] of this.frames) {
      if (key !== "0" && !wanted.includes(key)) {
        texture.dispose();
        this.frames.delete(key);
      }
    }
    this.updateBuildings(app);
    this.updateRoads(app);
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
      const state = roadState(app, scenario, k, app.choices.time);
      data[4 * k] = state;
      const busy = scenario.volume && state !== RoadState.Cut && !app.choices.difference;
      data[4 * k + 1] = busy && scenario.volume ? scenario.volume[k * n + a] : 0;
      const full = busy && scenario.saturation ? scenario.saturation[k * n + a] / 100 : 0;
      data[4 * k + 2] = full < SATURATION_BOUNDS[0] ? 0 : full < SATURATION_BOUNDS[1] ? 1 : full < SATURATION_BOUNDS[2] ? 2 : 3;
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

/** Whether there is WebGL 2, and whether the processor does its work (then nothing is smoothed twice). */
export function probeWebGL(): "none" | "software" | "hardware" {
  const gl = document.createElement("canvas").getContext("webgl2");
  if (!gl) return "none";
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  const name = String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return /swiftshader|llvmpipe|software|basic render|warp/i.test(name) ? "software" : "hardware";
}

/** Degrees from one bearing to another, the short way round. */
function turnBetween(from: number, to: number): number {
  return ((((to - from) % 360) + 540) % 360) - 180;
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
  private readonly eye: PerspectiveCamera;
  private readonly controls: MapControls;
  private readonly finder: Finder;
  private readonly textures: ScenarioTextures[];
  private readonly shared: Record<string, { value: unknown }>;
  private readonly groundMeshes: Mesh[] = [];
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
  private flight: { from: Camera; to: Camera; start: number; span: number } | null = null;

  constructor(host: HTMLElement, app: App, software: boolean) {
    this.host = host;
    this.app = app;
    const { territory } = app;
    const canvas = document.createElement("canvas");
    host.prepend(canvas);
    this.software = software;
    this.level = software ? 0 : 1;
    this.renderer = new WebGLRenderer({ canvas, antialias: !software, powerPreference: "high-performance", preserveDrawingBuffer: true });
    this.renderer.outputColorSpace = LinearSRGBColorSpace;
    this.renderer.setClearColor(0xeef2f6, 1);
    this.renderer.autoClear = false;
    this.eye = new PerspectiveCamera(FIELD_OF_VIEW, 1, 5, 100_000);
    this.eye.up.set(0, 0, 1);
    this.controls = new MapControls(this.eye, canvas);
    this.controls.enableDamping = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.controls.dampingFactor = 0.12;
    this.controls.maxPolarAngle = 1.42;
    this.controls.zoomToCursor = true;
    this.controls.mouseButtons = { LEFT: MOUSE.PAN, MIDDLE: MOUSE.ROTATE, RIGHT: MOUSE.ROTATE };
    this.finder = new Finder(territory);
    this.textures = app.scenarios.map((s) => new ScenarioTextures(s, territory.buildings?.list.length ?? 0, territory.roads.length));

    const ground = new Texture(territory.ground);
    ground.flipY = false;
    ground.colorSpace = NoColorSpace;
    ground.minFilter = LinearMipmapLinearFilter;
    ground.generateMipmaps = true;
    ground.anisotropy = software ? 1 : Math.min(8, this.renderer.capabilities.getMaxAnisotropy());
    ground.needsUpdate = true;
    const { lattice } = territory;
    const holes = new DataTexture(Uint8Array.from(territory.bed, (z) => (Number.isFinite(z) ? 0 : 255)), lattice.nx, lattice.ny, RedFormat);
    holes.minFilter = holes.magFilter = LinearFilter;
    holes.unpackAlignment = 1;
    holes.needsUpdate = true;
    const first = this.textures[0];
    this.shared = {
      depthA: { value: first.a }, depthB: { value: first.b }, permanentDepth: { value: first.first }, between: { value: 0 },
      ground: { value: ground }, holes: { value: holes }, hasHoles: { value: app.data.holes > 0 ? 1 : 0 },
      wet: { value: app.data.wet_depth }, permanentApart: { value: 0 },
      classes: { value: DEPTH_COLOURS.map(colour) }, bounds: { value: new Vector3(...DEPTH_BOUNDS) },
      permanent: { value: colour(PERMANENT) }, shore: { value: colour(SHORE) },
      water: { value: colour(PERMANENT) }, bottom: { value: this.bottom },
      damage: { value: DAMAGE_COLOURS.map(colour) }, wallColour: { value: colour(WALL) }, roofColour: { value: colour(ROOF) },
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
    for (const scenario of app.scenarios) {
      const own = scenario.ownBed || this.groundMeshes.length === 0;
      const mesh = own ? new Mesh(new BufferGeometry(), groundMaterial) : this.groundMeshes[0];
      const skirt = own ? new Mesh(new BufferGeometry(), skirtMaterial) : this.skirts[0];
      for (const each of [mesh, skirt]) {
        each.frustumCulled = false;
        this.root.add(each);
      }
      this.groundMeshes.push(mesh);
      this.skirts.push(skirt);
      const lines = scenario.meta.lines;
      const dike = lines.length === 0 ? null : new Mesh(new BufferGeometry(), new ShaderMaterial({
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
    app.choices.showFlow = app.hasFlow && flowAtFirst(software);
    this.streaks = app.scenarios.map((scenario) => {
      if (!scenario.meta.flow) return null;
      const made = new StreakMesh(new Flow(app, scenario, STREAKS));
      this.root.add(made.mesh);
      return made;
    });
    this.scene.add(this.root);
    this.build();
    this.resize();
    this.home(false);
    this.controls.addEventListener("change", () => {
      this.moving = performance.now();
      this.dirty = true;
    });
    this.controls.addEventListener("start", () => {
      this.flight = null;
    });
    app.on((changed) => {
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

  private get every(): number {
    const { nx, ny } = this.app.territory.lattice;
    return Math.max(1, Math.ceil(Math.sqrt((nx * ny) / VERTEX_BUDGETS[this.level])));
  }

  /** (Re)make what depends on the level of detail. */
  private build(): void {
    const { territory, scenarios } = this.app;
    const { lattice, lowest } = territory;
    const every = this.every;
    scenarios.forEach((scenario, k) => {
      const own = k === 0 || scenario.ownBed;
      if (own) {
        for (const mesh of [this.groundMeshes[k], this.skirts[k]]) mesh.geometry.dispose();
        this.groundMeshes[k].geometry = groundGeometry(lattice, scenario.bed, every, lowest);
        this.skirts[k].geometry = skirtGeometry(lattice, scenario.bed, every, lowest);
      }
      const dike = this.dikes[k];
      if (dike) {
        dike.geometry.dispose();
        dike.geometry = dikeGeometry(scenario.meta.lines, (x, y) => this.meshHeight(x, y), lattice.cell);
      }
    });
    if (this.roadMesh) {
      this.roadMesh.geometry.dispose();
      this.roadMesh.geometry = roadGeometry(territory.roads, (x, y) => this.meshHeight(x, y), Math.max(6, lattice.cell * Math.min(every, 3)));
    }
    this.dirty = true;
  }

  private meshHeight(x: number, y: number): number {
    const { lattice, bed } = this.app.territory;
    return lattice.bilinear(bed, x, y, this.every);
  }

  invalidate(): void {
    this.dirty = true;
  }

  resize(): void {
    const { clientWidth, clientHeight } = this.host;
    // The still picture of a software renderer is drawn finer instead of smoothed.
    const fine = this.software && this.ratio === 1 && this.measured > 0 && this.measured < 350;
    const finest = fine ? Math.max(1.5, devicePixelRatio) : devicePixelRatio;
    this.renderer.setPixelRatio(this.ratio * Math.min(2, finest));
    this.renderer.setSize(clientWidth, clientHeight, false);
    this.eye.aspect = clientWidth / Math.max(1, clientHeight);
    this.eye.updateProjectionMatrix();
    this.dirty = true;
  }

  private tick(now: number): void {
    if (this.flight) this.fly(now);
    this.controls.update();
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
    const still = !app.choices.showFlow || app.whole || document.hidden || this.spans.length < 5;
    const passed = (now - this.flowed) / 1000;
    if (still || passed < Math.max(0.03, (1.6 * this.measured) / 1000)) return;
    this.flowed = now;
    const perPixel = this.metresPerPixel();
    const screen = this.renderer.getSize(new Vector2());
    const reach = 0.62 * Math.max(screen.x, 1.3 * screen.y) * perPixel;
    const { target } = this.controls;
    for (const k of this.shownNow) {
      const streaks = this.streaks[k];
      if (!streaks || streaks.flow.empty) continue;
      streaks.flow.step(Math.min(0.2, passed), target.x, target.y, reach, perPixel);
      const { scenario } = this.textures[k];
      const { lattice } = app.territory;
      streaks.update((x, y) => lattice.bilinear(scenario.bed, x, y, this.every) + scenario.depthAt(lattice.cellAt(x, y), app.choices.time),
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
    if (this.spans.length >= 5) return;
    const gl = this.renderer.getContext();
    const before = performance.now();
    gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4)); // waits for the picture
    this.spans.push(cpu + performance.now() - before);
    this.dirty = true;
    if (this.spans.length < 5) return;
    this.measured = [...this.spans.slice(1)].sort((a, b) => a - b)[1]; // the first one compiles shaders
    if (this.software) this.resize();
    const finer = this.measured < 14 && this.level < VERTEX_BUDGETS.length - 1;
    const coarser = this.measured > 110 && this.level > 0;
    if (!finer && !coarser) return;
    this.level += finer ? 1 : -1;
    if (finer) this.spans.length = 0; // look again at the finer one
    this.build();
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
    const target = this.controls.target;
    const distance = this.eye.position.distanceTo(target);
    const { lattice } = app.territory;
    this.eye.near = Math.max(1, distance * 0.02);
    this.eye.far = distance + 4 * Math.max(lattice.halfX, lattice.halfY) + 4000;
    this.eye.updateProjectionMatrix();
    const size = this.renderer.getSize(new Vector2());
    this.shared["perPixel"].value = (2 * Math.tan((FIELD_OF_VIEW * Math.PI) / 360)) / Math.max(1, size.y);
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

  private drawScenario(k: number): void {
    const { choices } = this.app;
    const textures = this.textures[k];
    const { shared } = this;
    shared["depthA"].value = textures.a;
    shared["depthB"].value = textures.b;
    shared["between"].value = textures.between;
    shared["changing"].value = choices.difference ? 1 : 0;
    if (choices.difference) shared["change"].value = this.changeTexture();
    shared["permanentDepth"].value = textures.first;
    shared["permanentApart"].value = choices.permanentApart && textures.scenario.meta.permanent ? 1 : 0;
    this.groundMeshes.forEach((mesh) => (mesh.visible = mesh === this.groundMeshes[k]));
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
    this.renderer.render(this.scene, this.eye);
  }

  /** What changes between the two scenarios chosen, made when first asked for. */
  private changeTexture(): DataTexture {
    const { choices, scenarios, territory, data } = this.app;
    const key = `${choices.scenario}/${choices.other}`;
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
    const eye = this.eye.position.clone();
    const ray = new Vector3(((clientX - box.left) / box.width) * 2 - 1, 1 - ((clientY - box.top) / box.height) * 2, 0.5)
      .unproject(this.eye).sub(eye).normalize();
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
    const at = new Vector3(x, y, Number.isFinite(z) ? z : 0).project(this.eye);
    return {
      x: ((at.x + 1) / 2) * this.host.clientWidth,
      y: ((1 - at.y) / 2) * this.host.clientHeight,
      ahead: at.z < 1,
    };
  }

  zoom(factor: number): void {
    const { target } = this.controls;
    this.eye.position.sub(target).multiplyScalar(1 / factor).add(target);
    this.touched();
  }

  turn(degrees: number): void {
    const arm = this.eye.position.clone().sub(this.controls.target);
    arm.applyAxisAngle(new Vector3(0, 0, 1), (degrees * Math.PI) / 180);
    this.eye.position.copy(this.controls.target).add(arm);
    this.touched();
  }

  pan(right: number, up: number): void {
    const angle = (this.bearing() * Math.PI) / 180;
    const step = 0.12 * this.eye.position.distanceTo(this.controls.target);
    const shift = new Vector3(
      step * (right * Math.cos(angle) + up * Math.sin(angle)), step * (up * Math.cos(angle) - right * Math.sin(angle)), 0);
    this.eye.position.add(shift);
    this.controls.target.add(shift);
    this.touched();
  }

  tilt(): void {
    const arm = this.eye.position.clone().sub(this.controls.target);
    const distance = arm.length();
    const flat = Math.hypot(arm.x, arm.y);
    const above = flat / distance < 0.15;
    const angle = (this.bearing() * Math.PI) / 180;
    const lean = above ? 0.92 : 0.01;
    arm.set(-Math.sin(angle) * Math.sin(lean), -Math.cos(angle) * Math.sin(lean), Math.cos(lean)).multiplyScalar(distance);
    this.eye.position.copy(this.controls.target).add(arm);
    this.touched();
  }

  north(): void {
    this.turn(this.bearing());
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
    const wide = Math.max(east - west, (north - south) * 1.25 * Math.min(1.6, this.eye.aspect), 0.18 * lattice.halfX, 300);
    const distance = (0.6 * wide) / (Math.tan((FIELD_OF_VIEW * Math.PI) / 360) * Math.max(0.8, this.eye.aspect));
    const z = this.surface(x, y) * this.app.choices.exaggeration;
    this.controls.target.set(x, y, Number.isFinite(z) ? z : 0);
    const lean = 0.86;
    const turn = 0.26;
    this.eye.position.set(x - Math.sin(turn) * Math.sin(lean) * distance, y - Math.cos(turn) * Math.sin(lean) * distance,
      this.controls.target.z + Math.cos(lean) * distance);
    this.controls.minDistance = 60;
    this.controls.maxDistance = 8 * Math.max(lattice.halfX, lattice.halfY);
    if (smooth) this.touched();
    else this.controls.update();
  }

  goTo(x: number, y: number): void {
    this.setCamera({ ...this.camera3(), x, y }, true);
  }

  camera(): Camera {
    return this.flight?.to ?? this.camera3();
  }

  private camera3(): Camera {
    const { target } = this.controls;
    const arm = this.eye.position.clone().sub(target);
    const distance = arm.length();
    return { x: target.x, y: target.y, distance, bearing: this.bearing(), lean: (Math.acos(arm.z / distance) * 180) / Math.PI };
  }

  setCamera(camera: Camera, smooth: boolean): void {
    const from = this.camera3();
    const far = Math.hypot(camera.x - from.x, camera.y - from.y) / Math.max(from.distance, camera.distance);
    if (smooth && this.controls.enableDamping) {
      this.flight = { from, to: camera, start: performance.now(), span: Math.min(2200, 700 + 500 * far + 8 * Math.abs(turnBetween(from.bearing, camera.bearing))) };
    } else {
      this.flight = null;
      this.place(camera);
    }
    this.dirty = true;
  }

  private place({ x, y, distance, bearing, lean }: Camera): void {
    const z = this.surface(x, y) * this.app.choices.exaggeration;
    const turn = (bearing * Math.PI) / 180;
    const tilt = (Math.max(0.6, lean) * Math.PI) / 180;
    this.controls.target.set(x, y, Number.isFinite(z) ? z : 0);
    this.eye.position.set(x - Math.sin(turn) * Math.sin(tilt) * distance, y - Math.cos(turn) * Math.sin(tilt) * distance,
      this.controls.target.z + Math.cos(tilt) * distance);
    this.controls.update();
    this.dirty = true;
  }

  private fly(now: number): void {
    if (!this.flight) return;
    const { from, to, start, span } = this.flight;
    const share = Math.min(1, (now - start) / span);
    const eased = share * share * (3 - 2 * share);
    const mix = (a: number, b: number): number => a + (b - a) * eased;
    this.place({
      x: mix(from.x, to.x), y: mix(from.y, to.y), distance: from.distance * (to.distance / from.distance) ** eased,
      bearing: from.bearing + turnBetween(from.bearing, to.bearing) * eased, lean: mix(from.lean, to.lean),
    });
    this.moving = now;
    if (share >= 1) this.flight = null;
  }

  drawNow(): void {
    this.draw();
    this.onDraw();
  }

  private touched(): void {
    this.flight = null;
    this.moving = performance.now();
    this.controls.update();
    this.dirty = true;
  }

  bearing(): number {
    const arm = this.controls.target.clone().sub(this.eye.position);
    return (Math.atan2(arm.x, arm.y) * 180) / Math.PI;
  }

  metresPerPixel(): number {
    const distance = this.eye.position.distanceTo(this.controls.target);
    return (2 * distance * Math.tan((FIELD_OF_VIEW * Math.PI) / 360)) / Math.max(1, this.host.clientHeight);
  }
}
