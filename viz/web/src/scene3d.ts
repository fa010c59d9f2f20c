// The 3D picture: ground and water in one mesh, buildings, roads, dikes. Draws only when something changed.

import {
  Box3, type DataTexture, FrontSide, Frustum, Group, LinearMipmapLinearFilter, LinearMipmapNearestFilter,
  Matrix4, Mesh, NoColorSpace, Scene, ShaderMaterial, Texture, Vector2, Vector3, type WebGLRenderer,
} from "three";
import type { Decoder } from "./decoder";
import { type Drawing, type Way, askRest, groundDefines } from "./drawing";
import { Flow, flowAtFirst } from "./flow";
import { GroundTiles, bedTexture } from "./ground";
import { homeCamera } from "./home";
import { Orbit } from "./orbit";
import { LEVELS, MOST_TILES, type Pace } from "./pace";
import { pickAlong } from "./picking";
import * as glsl from "./shaders";
import type { App, Picked } from "./state";
import { type Drawn, Rhythm } from "./rhythm";
import { StreakMesh } from "./streaks";
import { ScenarioTextures } from "./textures";
import { Things } from "./things";
import { ChangeTexture, type Uniforms, sharedUniforms } from "./uniforms";
import { type Camera, FIELD_OF_VIEW, type Screen, type View } from "./view";

const STREAKS = 1500;
export class Scene3D implements View {
  readonly mode = "3d" as const;
  onDraw: () => void = () => undefined;
  readonly shown: Promise<void>;
  private readonly app: App;
  private readonly host: HTMLElement;
  private readonly renderer: WebGLRenderer;
  private readonly scene = new Scene();
  private readonly root = new Group();
  private readonly orbit: Orbit;
  private readonly textures: (ScenarioTextures | null)[];
  private readonly shared: Uniforms;
  private readonly things: Things;
  private readonly decoder: Decoder;
  private readonly pace: Pace;
  private readonly drawer: { card: string; software: boolean };
  private readonly rhythm = new Rhythm();
  /** Of the picture on the page (pixels): asking the page for it would lay it out again. */
  private wide = 1;
  private tall = 1;
  private readonly change = new ChangeTexture();
  private readonly ground: Texture;
  private readonly photo: Texture | null;
  private readonly tiles: GroundTiles;
  private readonly groundMesh: Mesh;
  private readonly groundMaterials = new Map<string, ShaderMaterial>();
  private readonly beds: DataTexture[] = [];
  private divided: number[] = [];
  private ratio = 1;
  private dirty = true;
  private stale = true;
  private moving = 0;
  private still = 0;
  private readonly streaks: (StreakMesh | null)[];
  private readonly flowed: [number, number] = [0, 0];
  private turns = 0;
  private onShown: () => void = () => undefined;
  private seen = false;
  /** A picture that the card has not finished yet: when its work began, and whether it is one of a moving view. */
  private pending: { fence: WebGLSync; began: number; moving: boolean } | null = null;

  constructor(host: HTMLElement, app: App, { canvas, renderer, software, card, pace }: Drawing, decoder: Decoder) {
    this.host = host;
    this.app = app;
    const { territory } = app;
    host.prepend(canvas);
    this.decoder = decoder;
    this.pace = pace;
    this.drawer = { card, software };
    this.ratio = pace.ratio(false);
    this.renderer = renderer;
    this.shown = new Promise((done) => (this.onShown = done));
    this.orbit = new Orbit(canvas, (x, y) => this.surface(x, y) * app.choices.exaggeration, () => {
      this.moving = performance.now();
      this.dirty = true;
    });
    this.orbit.controls.maxDistance = 8 * Math.max(territory.lattice.halfX, territory.lattice.halfY);
    this.textures = app.scenarios.map(() => null);

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
    const first = this.of(app.choices.scenario);
    this.shared = sharedUniforms(app, this.ground, first, this.bottom);
    this.tiles = new GroundTiles(lattice, this.bottom, territory.highest + app.data.greatest_depth, MOST_TILES + 4);
    this.groundMesh = new Mesh(this.tiles.geometry, this.groundMaterial(app.scenarios[app.choices.scenario].meta.permanent));
    this.groundMesh.frustumCulled = false;
    this.groundMesh.renderOrder = 1; // after the houses: what they hide is not drawn
    this.root.add(this.groundMesh);
    for (const scenario of app.scenarios) {
      this.beds.push(scenario.ownBed || this.beds.length === 0 ? bedTexture(lattice, scenario.bed, app.data.holes > 0) : this.beds[0]);
    }
    this.things = new Things(app, this.root, this.shared, first);
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
      if (changed.size === 1 && changed.has("frames") && this.shownNow.every((k) => this.of(k).isCurrent(app))) return;
      if (["time", "frames", "water", "playing", "buildingMode", "difference", "scenario", "other"].some((key) => changed.has(key as never))) this.stale = true;
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

  build(): Promise<void> {
    askRest(this.renderer);
    return this.things.build(this.decoder, () => this.invalidate());
  }

  /** The finest ground whatever the time that takes: for pictures on paper and in documents. */
  finest(): void {
    this.pace.finest();
    this.invalidate();
  }

  /** What a picture takes, ms; tests read it. */
  get measured(): number {
    return this.pace.measured;
  }

  drawn(): Drawn {
    const { pace, rhythm, drawer } = this;
    return { ...drawer, images: rhythm.images, level: { now: LEVELS.indexOf(pace.level) + 1, most: LEVELS.length } };
  }

  /** What a picture asks of the graphics card: viz/web/README.md has the budget. */
  get cost(): { triangles: number; calls: number; textures: number } {
    const { render, memory } = this.renderer.info;
    return { triangles: render.triangles, calls: render.calls, textures: memory.textures };
  }

  resize(): void {
    const { clientWidth, clientHeight } = this.host;
    if (clientWidth === 0 || clientHeight === 0) return; // not on the screen: paper is being laid out
    const finest = this.ratio === 1 && this.pace.fine ? Math.max(1.5, devicePixelRatio) : devicePixelRatio;
    const wanted = this.ratio * Math.min(2, finest);
    const now = this.renderer.getSize(new Vector2());
    if (now.x !== clientWidth || now.y !== clientHeight || this.renderer.getPixelRatio() !== wanted) {
      this.renderer.setDrawingBufferSize(clientWidth, clientHeight, wanted);
    }
    [this.wide, this.tall] = [clientWidth, clientHeight];
    this.orbit.resize(clientWidth / Math.max(1, clientHeight));
    this.dirty = true;
  }

  private tick(now: number): void {
    this.orbit.tick(now);
    const quiet = now - this.moving > 220 && !this.app.choices.playing && !this.pace.open;
    const wanted = this.pace.ratio(quiet);
    if (Math.abs(wanted - this.ratio) > 0.01 && (quiet ? now - this.still > 200 : true)) {
      this.ratio = wanted;
      this.still = now;
      this.resize();
    }
    this.flow(now);
    if (!this.dirty) {
      this.rhythm.rests();
      return;
    }
    this.dirty = false;
    if (quiet) this.rhythm.rests();
    else this.rhythm.drew(now);
    const before = performance.now();
    this.draw();
    this.onDraw();
    this.mark(before, !quiet);
    if (this.app.choices.playing) this.shownNow.some((k) => this.of(k).ahead(this.app, this.renderer));
  }

  /** Ask when the card will have finished this picture: nothing waits for it. */
  private mark(began: number, moving: boolean): void {
    const gl = this.renderer.getContext() as WebGL2RenderingContext;
    if (this.pending) return; // one at a time
    if (!this.seen) { // the first is waited for: a fence is told late while the card still makes programs
      this.seen = true;
      gl.readPixels(0, 0, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(4));
      this.onShown();
    }
    const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    if (!fence) return; // the context is lost
    gl.flush();
    this.pending = { fence, began, moving };
    setTimeout(() => this.look(), 0);
  }

  private look(): void {
    const gl = this.renderer.getContext() as WebGL2RenderingContext;
    if (!this.pending) return;
    const { fence, began, moving } = this.pending;
    if (!gl.isContextLost() && gl.getSyncParameter(fence, gl.SYNC_STATUS) !== gl.SIGNALED) {
      setTimeout(() => this.look(), 1);
      return;
    }
    gl.deleteSync(fence);
    this.pending = null;
    const now = performance.now();
    if (!moving) this.pace.stood(now - began);
    else if (this.pace.took(now - began, now)) this.dirty = true;
    if (this.pace.open) this.dirty = true; // the first pictures find the level
  }

  /** Streaks move on: over a still view as often as the machine bears, and not before it has been measured. */
  private flow(now: number): void {
    const { app } = this;
    const still = !app.choices.showFlow || app.whole || document.hidden || this.measured === 0;
    if (still) return;
    if (now - this.flowed[0] < this.pace.drift && !app.choices.playing) return;
    const perPixel = this.metresPerPixel();
    const screen = this.renderer.getSize(new Vector2());
    const reach = 0.62 * Math.max(screen.x, 1.3 * screen.y) * perPixel;
    const { target } = this.orbit.controls;
    // Two scenarios side by side take turns: each moves on in every other picture.
    const shown = this.shownNow;
    this.turns = (this.turns + 1) % shown.length;
    for (const k of [shown[this.turns]]) {
      const passed = (now - this.flowed[this.turns]) / 1000;
      this.flowed[this.turns] = now;
      const streaks = this.streaks[k];
      if (!streaks || streaks.flow.empty) continue;
      streaks.flow.active = Math.round(this.pace.level.streaks * STREAKS);
      streaks.flow.step(Math.min(0.2, passed), target.x, target.y, reach, perPixel);
      const scenario = app.scenarios[k];
      const { lattice } = app.territory;
      streaks.update((x, y) => lattice.bilinear(scenario.bed, x, y), screen, perPixel);
      this.dirty = true;
    }
  }

  /** The program for the present way to show the water, made when it is first asked for. */
  private groundMaterial(permanent: boolean): ShaderMaterial {
    const { choices, chance, data } = this.app;
    const way: Way = choices.difference ? "change" : chance ? "chance" : choices.scale ? "scale" : "depth";
    const key = `${way}/${permanent}`;
    let made = this.groundMaterials.get(key);
    if (!made) {
      made = new ShaderMaterial({
        vertexShader: glsl.terrainVertex, fragmentShader: glsl.terrainFragment, uniforms: { ...this.shared }, side: FrontSide,
        defines: groundDefines(way, permanent, data.holes > 0),
      });
      this.groundMaterials.set(key, made);
    }
    return made;
  }

  /** The textures of a scenario, made when it is first shown. */
  private of(k: number): ScenarioTextures {
    const { scenarios, territory } = this.app;
    return (this.textures[k] ??= new ScenarioTextures(scenarios[k], territory.buildings?.list.length ?? 0, territory.roads.length));
  }

  /** The scenarios on the screen. */
  private get shownNow(): number[] {
    const { choices } = this.app;
    return choices.compare ? [choices.scenario, choices.other] : [choices.scenario];
  }

  private draw(): void {
    const { app } = this;
    const { choices } = app;
    if (this.stale) {
      for (const textures of this.textures) if (textures) textures.stale = true;
      this.stale = false;
    }
    for (const k of this.shownNow) {
      if (this.of(k).stale) this.of(k).update(app);
    }
    this.root.scale.z = choices.exaggeration;
    const { lattice } = app.territory;
    this.orbit.clip(Math.max(lattice.halfX, lattice.halfY));
    const size = this.renderer.getSize(new Vector2());
    const perPixel = (2 * Math.tan((FIELD_OF_VIEW * Math.PI) / 360)) / Math.max(1, size.y);
    this.shared["perPixel"].value = perPixel;
    this.chooseTiles(perPixel);
    // From the side, what lies far behind the middle of the picture fades into the sky.
    const { distance } = this.orbit;
    (this.shared["hazeFrom"].value as Vector2).set(1.45 * distance, 4.2 * distance + 600);
    this.renderer.info.reset();
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
    // The same view has the same tiles: playing over a still view divides none.
    const seen = [...eye.matrixWorld.elements, ...eye.projectionMatrix.elements, exaggeration, perPixel, this.pace.level.tiles];
    if (seen.every((value, k) => value === this.divided[k])) return;
    this.divided = seen;
    const frustum = this.frustum();
    const box = new Box3();
    const { x, y, z } = eye.position;
    this.tiles.select({
      x, y, z: z / exaggeration, perPixel,
      sees: (west, south, low, east, north, high) => {
        box.min.set(west, south, low * exaggeration);
        box.max.set(east, north, high * exaggeration);
        return frustum.intersectsBox(box);
      },
    }, this.pace.level.tiles);
  }

  private drawScenario(k: number): void {
    const { choices } = this.app;
    const textures = this.of(k);
    const { shared } = this;
    shared["depthA"].value = textures.a;
    shared["depthB"].value = textures.b;
    shared["between"].value = textures.between;
    shared["ground"].value = choices.showPhoto && this.photo ? this.photo : this.ground;
    if (choices.difference) shared["change"].value = this.change.of(this.app);
    shared["permanentDepth"].value = textures.first;
    this.groundMesh.material = this.groundMaterial(choices.permanentApart && textures.scenario.meta.permanent);
    shared["bed"].value = this.beds[k];
    this.streaks.forEach((streaks, n) => {
      if (streaks) streaks.mesh.visible = n === k && choices.showFlow && !this.app.whole;
    });
    this.things.show(k, textures);
    this.renderer.render(this.scene, this.orbit.eye);
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
    return pickAlong(this.app, this.app.finder, (x, y) => this.surface(x, y), eye, ray, Math.max(5, 6 * this.metresPerPixel()));
  }

  sees(west: number, south: number, east: number, north: number): boolean {
    const { lowest, highest } = this.app.territory;
    const { exaggeration } = this.app.choices;
    const box = new Box3(new Vector3(west, south, lowest * exaggeration), new Vector3(east, north, highest * exaggeration));
    return this.frustum().intersectsBox(box);
  }

  private frustum(): Frustum {
    const { eye } = this.orbit;
    return new Frustum().setFromProjectionMatrix(new Matrix4().multiplyMatrices(eye.projectionMatrix, eye.matrixWorldInverse));
  }

  project(x: number, y: number, above: number): Screen {
    const z = (this.surface(x, y) + above) * this.app.choices.exaggeration;
    const at = new Vector3(x, y, Number.isFinite(z) ? z : 0).project(this.orbit.eye);
    return {
      x: ((at.x + 1) / 2) * this.wide,
      y: ((1 - at.y) / 2) * this.tall,
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

  home(smooth = true): void {
    this.orbit.setCamera(homeCamera(this.app, this.orbit.eye.aspect), smooth);
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
    if (this.ratio !== 1) { // a picture is kept with all its pixels
      this.ratio = 1;
      this.resize();
    }
    this.draw();
    this.onDraw();
  }

  bearing(): number {
    return this.orbit.bearing();
  }

  metresPerPixel(): number {
    return (2 * this.orbit.distance * Math.tan((FIELD_OF_VIEW * Math.PI) / 360)) / this.tall;
  }
}
