// The picture without WebGL: a map from above on a 2D canvas, with the same water, legend, slider and clicks.

import {
  CHANCE_COLOURS, CHANGE_COLOURS, DAMAGE_COLOURS, DEPTH_COLOURS, DIKE, PERMANENT, ROAD_CUT_DARK, ROAD_EDGE, ROAD_OPEN, ROAD_SLOW, ROOF,
  SATURATION_BOUNDS, SHADOW, SHORE, TRAFFIC, chanceClass, changeClass, depthClass, rgb, scaleColour,
} from "./colours";
import { Flow, flowAtFirst } from "./flow";
import { halfWidth } from "./geometry";
import { type Drawn, Rhythm } from "./rhythm";
import { type Scenario, changeAt } from "./scenario";
import { type App, type Picked, RoadState, buildingChange, buildingDepth, hasTraffic, roadState } from "./state";
import { type Camera, FIELD_OF_VIEW, type Screen, type View } from "./view";

const STREAKS = 600;
const MAX_WATER = 900_000; // pixels of water image worked out at a time

/** Signed depth in metres from 16-bit floats. */
function unhalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  return exponent === 0 ? (sign * fraction) / 16777216 : sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
}

export class Map2D implements View {
  readonly mode = "2d" as const;
  onDraw: () => void = () => undefined;
  readonly shown: Promise<void>;
  private readonly host: HTMLElement;
  private readonly app: App;
  private readonly canvas = document.createElement("canvas");
  private readonly context: CanvasRenderingContext2D;
  /** Streaks move on a sheet of their own: the map below is not drawn again. */
  private readonly sheet = document.createElement("canvas");
  private readonly flows: Flow[];
  private flowed = 0;
  private readonly water = document.createElement("canvas");
  private readonly fields = new Map<string, Float32Array>();
  private readonly rises = new Map<Scenario, Float32Array>();
  private readonly outlines: Path2D[];
  private readonly roadPaths: Path2D[];
  private x = 0;
  private y = 0;
  private scale = 1; // CSS pixels per metre
  private dirty = true;
  private readonly rhythm = new Rhythm();

  constructor(host: HTMLElement, app: App) {
    this.host = host;
    this.app = app;
    host.prepend(this.canvas, this.sheet);
    this.sheet.id = "streaks";
    this.flows = app.scenarios.map((scenario) => new Flow(app, scenario, STREAKS));
    const context = this.canvas.getContext("2d");
    if (!context) throw new Error("neither WebGL nor a 2D canvas");
    this.context = context;
    const { territory } = app;
    this.outlines = (territory.buildings?.list ?? []).map((b) => {
      const path = new Path2D();
      for (const { xy } of b.rings) this.trace(path, xy, true);
      return path;
    });
    this.roadPaths = territory.roads.map((road) => {
      const path = new Path2D();
      for (const xy of road.lines) this.trace(path, xy, false);
      return path;
    });
    app.choices.showFlow = app.hasFlow && flowAtFirst(false);
    this.listen();
    this.resize();
    this.home();
    app.on(() => this.invalidate());
    this.shown = new Promise((done) => {
      const loop = (now: number): void => {
        requestAnimationFrame(loop);
        this.flow(now);
        if (!this.dirty) {
          this.rhythm.rests();
          return;
        }
        this.dirty = false;
        this.rhythm.drew(now);
        this.draw();
        this.onDraw();
        done();
      };
      requestAnimationFrame(loop);
    });
  }

  private trace(path: Path2D, xy: Float32Array, close: boolean): void {
    for (let p = 0; p < xy.length; p += 2) {
      if (p === 0) path.moveTo(xy[p], -xy[p + 1]);
      else path.lineTo(xy[p], -xy[p + 1]);
    }
    if (close) path.closePath();
  }

  private listen(): void {
    const { canvas } = this;
    const pointers = new Map<number, [number, number]>();
    canvas.addEventListener("pointerdown", (e) => {
      canvas.setPointerCapture(e.pointerId);
      pointers.set(e.pointerId, [e.clientX, e.clientY]);
    });
    canvas.addEventListener("pointermove", (e) => {
      const before = pointers.get(e.pointerId);
      if (!before) return;
      if (pointers.size === 2) {
        const other = [...pointers].find(([id]) => id !== e.pointerId)?.[1] ?? before;
        const was = Math.hypot(before[0] - other[0], before[1] - other[1]);
        const is = Math.hypot(e.clientX - other[0], e.clientY - other[1]);
        this.zoomAt(is / Math.max(1, was), e.clientX, e.clientY);
      } else {
        this.x -= (e.clientX - before[0]) / this.scale;
        this.y += (e.clientY - before[1]) / this.scale;
      }
      pointers.set(e.pointerId, [e.clientX, e.clientY]);
      this.invalidate();
    });
    for (const kind of ["pointerup", "pointercancel"] as const) canvas.addEventListener(kind, (e) => pointers.delete(e.pointerId));
    canvas.addEventListener("wheel", (e) => {
      e.preventDefault();
      this.zoomAt(Math.exp(-e.deltaY / 400), e.clientX, e.clientY);
    }, { passive: false });
  }

  private zoomAt(factor: number, clientX: number, clientY: number): void {
    const [x, y] = this.place(clientX, clientY);
    const { lattice } = this.app.territory;
    const least = Math.min(this.host.clientWidth / (4 * lattice.halfX), this.host.clientHeight / (4 * lattice.halfY));
    const next = Math.min(12, Math.max(least, this.scale * factor));
    this.x = x - ((x - this.x) * this.scale) / next;
    this.y = y - ((y - this.y) * this.scale) / next;
    this.scale = next;
    this.invalidate();
  }

  build(): Promise<void> {
    return Promise.resolve(); // footprints are drawn as they are
  }

  sees(west: number, south: number, east: number, north: number): boolean {
    const wide = this.host.clientWidth / 2 / this.scale;
    const tall = this.host.clientHeight / 2 / this.scale;
    return west < this.x + wide && east > this.x - wide && south < this.y + tall && north > this.y - tall;
  }

  private place(clientX: number, clientY: number): [number, number] {
    const box = this.host.getBoundingClientRect();
    return [this.x + (clientX - box.left - box.width / 2) / this.scale, this.y - (clientY - box.top - box.height / 2) / this.scale];
  }

  /** Signed depth of a frame, kept for the few frames in use. */
  private field(scenario: Scenario, key: string, codes: () => Uint8Array): Float32Array {
    return this.made(scenario, key, () => scenario.signed(codes()));
  }

  /** Where water is no flood. */
  private before(scenario: Scenario): Float32Array {
    return this.made(scenario, "permanent", () => scenario.permanent());
  }

  /** What the bed beside permanent water is raised by for the colours of a flood (m). */
  private rise(scenario: Scenario): Float32Array {
    const made = this.rises.get(scenario) ?? scenario.bankRise(scenario.permanent());
    this.rises.set(scenario, made);
    return made;
  }

  private made(scenario: Scenario, key: string, depths: () => Uint16Array): Float32Array {
    const name = `${this.app.scenarios.indexOf(scenario)}/${key}`;
    let found = this.fields.get(name);
    if (!found) {
      if (this.fields.size > (scenario.bed.length > 2e6 ? 5 : 8)) this.fields.delete(this.fields.keys().next().value as string);
      found = Float32Array.from(depths(), unhalf);
    } else this.fields.delete(name);
    this.fields.set(name, found); // newest last
    return found;
  }

  private draw(): void {
    const { context, host, app } = this;
    const ratio = this.canvas.width / Math.max(1, host.clientWidth);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.fillStyle = "#eef2f6";
    context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    const { choices } = app;
    if (choices.compare && app.scenarios.length > 1) {
      const middle = Math.round(this.canvas.width * choices.split);
      this.drawScenario(app.scenarios[choices.scenario], ratio, 0, middle);
      this.drawScenario(app.scenarios[choices.other], ratio, middle, this.canvas.width);
    } else this.drawScenario(app.shown, ratio, 0, this.canvas.width);
  }

  private flow(now: number): void {
    const { app, sheet, host } = this;
    const { choices } = app;
    const passed = (now - this.flowed) / 1000;
    if (passed < 0.05) return;
    this.flowed = now;
    const still = !choices.showFlow || app.whole || document.hidden;
    sheet.hidden = still;
    if (still) return;
    const context = sheet.getContext("2d");
    if (!context) return;
    const ratio = sheet.width / Math.max(1, host.clientWidth);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, host.clientWidth, host.clientHeight);
    const middle = choices.compare ? host.clientWidth * choices.split : host.clientWidth;
    const sides: [number, number, number][] = [[choices.scenario, 0, middle]];
    if (choices.compare) sides.push([choices.other, middle, host.clientWidth]);
    context.lineCap = "round";
    context.lineWidth = 1.7;
    for (const [k, from, to] of sides) {
      const flow = this.flows[k];
      flow.step(Math.min(0.2, passed), this.x, this.y, (0.5 * Math.max(host.clientWidth, host.clientHeight)) / this.scale, 1 / this.scale);
      for (let n = 0; n < flow.count; n++) {
        if (flow.light[n] <= 0) continue;
        const at = this.project(flow.x[n], flow.y[n]);
        if (at.x < from || at.x > to) continue;
        context.strokeStyle = flow.depth[n] < 1 ? `rgba(18,48,79,${0.5 * flow.light[n]})` : `rgba(255,255,255,${0.9 * flow.light[n]})`;
        context.beginPath();
        context.moveTo(at.x, at.y);
        context.lineTo(at.x + flow.tailX[n], at.y - flow.tailY[n]);
        context.stroke();
      }
    }
  }

  private drawScenario(scenario: Scenario, ratio: number, from: number, to: number): void {
    const { context, app } = this;
    const { territory, choices } = app;
    const { lattice } = territory;
    const k = this.scale * ratio;
    const left = this.canvas.width / 2 - this.x * k;
    const top = this.canvas.height / 2 + this.y * k;
    context.save();
    context.beginPath();
    context.rect(from, 0, to - from, this.canvas.height);
    context.clip();
    context.imageSmoothingEnabled = true;
    context.fillStyle = SHADOW; // shows through the image where buildings take the light
    context.fillRect(left - lattice.halfX * k, top - lattice.halfY * k, 2 * lattice.halfX * k, 2 * lattice.halfY * k);
    context.drawImage((choices.showPhoto && territory.photo) || territory.ground, left - lattice.halfX * k, top - lattice.halfY * k, 2 * lattice.halfX * k, 2 * lattice.halfY * k);
    this.drawWater(scenario, k, left, top, from, to);
    context.setTransform(k, 0, 0, k, left, top);
    context.beginPath();
    context.rect(-lattice.halfX, -lattice.halfY, 2 * lattice.halfX, 2 * lattice.halfY);
    context.clip(); // roads go on, the ground does not
    const line = (path: Path2D, width: number, style: string, dash: number[] = []): void => {
      context.lineWidth = width;
      context.strokeStyle = style;
      context.setLineDash(dash);
      context.stroke(path);
    };
    context.lineJoin = "round";
    if (choices.showRoads) {
      const n = scenario.meta.times.length;
      const { a } = scenario.moment(choices.time);
      const drawn = territory.roads.map((road, r) => ({ road, r, state: roadState(app, scenario, r) }))
        .sort((p, q) => p.state - q.state || q.road.importance - p.road.importance);
      for (const { road, r, state } of drawn) {
        const traffic = hasTraffic(app, state);
        const busy = traffic && scenario.volume ? scenario.volume[r * n + a] / 255 : 0;
        const full = traffic && scenario.saturation ? scenario.saturation[r * n + a] / 100 : 0;
        const width = Math.max(2 * halfWidth(road) * (1 + 1.6 * busy), ((state ? 2.6 : 1.2) + 2 * busy) / this.scale);
        if (width * this.scale > 2.2) line(this.roadPaths[r], width * 1.3, state === RoadState.Open ? ROAD_EDGE : ROAD_CUT_DARK);
        const level = full < SATURATION_BOUNDS[0] ? 0 : full < SATURATION_BOUNDS[1] ? 1 : full < SATURATION_BOUNDS[2] ? 2 : 3;
        const body = state === RoadState.Open ? (level ? TRAFFIC[level] : ROAD_OPEN)
          : state === RoadState.Freed ? CHANGE_COLOURS[0] : state === RoadState.NewlyCut ? CHANGE_COLOURS[6] : ROAD_SLOW;
        line(this.roadPaths[r], width, body);
        if (state === RoadState.Cut) line(this.roadPaths[r], width, ROAD_CUT_DARK, [1.5 * width, 2.9 * width]);
        if (choices.picked?.building == null && choices.picked?.road === r) line(this.roadPaths[r], width, "#000091");
      }
    }
    for (const { parts } of (choices.difference ? app.scenarios[choices.other] : scenario).meta.lines) {
      for (const part of parts) {
        const path = new Path2D();
        this.trace(path, Float32Array.from(part), false);
        line(path, Math.max(6, 3 / this.scale), DIKE);
      }
    }
    context.setLineDash([]);
    if (choices.showBuildings) {
      this.outlines.forEach((path, b) => {
        const depth = choices.difference ? 0 : buildingDepth(app, scenario, b);
        const step = choices.difference ? changeClass(buildingChange(app, b)) : 3;
        context.fillStyle = choices.picked?.building === b ? "#000091" : step !== 3 ? CHANGE_COLOURS[step] : depth > app.data.wet_depth ? DAMAGE_COLOURS[depthClass(depth)] : ROOF;
        context.fill(path, "evenodd");
        if (this.scale > 0.5) line(path, 0.6 / this.scale, "rgba(60,50,40,.65)");
      });
    }
    if (choices.picked) {
      context.beginPath();
      context.arc(choices.picked.x, -choices.picked.y, 6 / this.scale, 0, 7);
      context.lineWidth = 2.5 / this.scale;
      context.strokeStyle = "#000091";
      context.stroke();
    }
    context.restore();
  }

  /** Water at the resolution of the screen (or half of it), with the same shoreline rule as in 3D. */
  private drawWater(scenario: Scenario, k: number, left: number, top: number, from: number, to: number): void {
    const { app } = this;
    const { lattice } = app.territory;
    const { choices } = app;
    const coarse = Math.max(1, Math.sqrt(((to - from) * this.canvas.height) / MAX_WATER));
    const wide = Math.max(1, Math.floor((to - from) / coarse));
    const tall = Math.max(1, Math.floor(this.canvas.height / coarse));
    if (to <= from) return;
    const { a, b, f } = scenario.decoded(choices.time);
    const { most } = scenario;
    const whole = app.whole && most !== null;
    const first = whole ? this.field(scenario, "maximum", () => most) : this.field(scenario, scenario.stamp(a), () => scenario.codes(a));
    const second = whole || f === 0 ? first : this.field(scenario, scenario.stamp(b), () => scenario.codes(b));
    const before = choices.permanentApart && scenario.meta.permanent ? this.before(scenario) : null;
    const rise = before && this.rise(scenario);
    this.water.width = wide;
    this.water.height = tall;
    const context = this.water.getContext("2d");
    if (!context) return;
    const image = context.createImageData(wide, tall);
    const classes = DEPTH_COLOURS.map(rgb);
    const calm = rgb(PERMANENT);
    const shore = rgb(SHORE);
    const wet = app.data.wet_depth;
    const { nx, ny } = lattice;
    const other = choices.difference ? app.scenarios[choices.other] : null;
    const changes = CHANGE_COLOURS.map(rgb);
    const runs = app.chance ? app.ensemble : null;
    const chances = CHANCE_COLOURS.map(rgb);
    const depths = new Float32Array(wide);
    const above = new Float32Array(wide).fill(-1);
    for (let row = 0; row < tall; row++) {
      const v = (((row + 0.5) * coarse - top) / k + lattice.halfY) / lattice.cell - 0.5;
      for (let column = 0; column < wide; column++) {
        const u = ((from + (column + 0.5) * coarse - left) / k + lattice.halfX) / lattice.cell - 0.5;
        let depth = -1;
        if (u > -0.5 && v > -0.5 && u < nx - 0.5 && v < ny - 0.5) {
          const j = Math.min(nx - 2, Math.max(0, Math.floor(u)));
          const i = Math.min(ny - 2, Math.max(0, Math.floor(v)));
          const fu = Math.min(1, Math.max(0, u - j));
          const fv = Math.min(1, Math.max(0, v - i));
          const c = i * nx + j;
          const w00 = (1 - fu) * (1 - fv), w01 = fu * (1 - fv), w10 = (1 - fu) * fv, w11 = fu * fv;
          const at = (field: Float32Array): number => w00 * field[c] + w01 * field[c + 1] + w10 * field[c + nx] + w11 * field[c + nx + 1];
          depth = (1 - f) * at(first) + f * at(second);
          if (whole) depth = at(first);
          const p = (row * wide + column) * 4;
          const near = (fv < 0.5 ? c : c + nx) + (fu < 0.5 ? 0 : 1);
          if (runs) {
            const share = runs.chance(near);
            if (before && at(before) > wet) [image.data[p], image.data[p + 1], image.data[p + 2]] = calm;
            else if (share > 0) [image.data[p], image.data[p + 1], image.data[p + 2]] = chances[chanceClass(share)];
            else image.data.fill(236, p, p + 3);
            image.data[p + 3] = 255;
            continue;
          }
          if (other) {
            if (scenario.maximumAt(near) > wet || other.maximumAt(near) > wet) {
              const change = w00 * changeAt(scenario, other, c) + w01 * changeAt(scenario, other, c + 1)
                + w10 * changeAt(scenario, other, c + nx) + w11 * changeAt(scenario, other, c + nx + 1);
              [image.data[p], image.data[p + 1], image.data[p + 2]] = changes[changeClass(change)];
            } else image.data.fill(236, p, p + 3);
            image.data[p + 3] = 255;
            continue;
          }
          const edge = (depth > wet) !== (above[column] > wet) || (column > 0 && (depth > wet) !== (depths[column - 1] > wet));
          if (depth > wet || edge) {
            const flood = rise ? depth - at(rise) : depth;
            const colour = edge ? shore : before && at(before) > wet ? calm : choices.scale ? scaleColour(flood) : classes[depthClass(flood)];
            image.data[p] = colour[0];
            image.data[p + 1] = colour[1];
            image.data[p + 2] = colour[2];
            image.data[p + 3] = 255;
          }
        }
        depths[column] = depth;
      }
      above.set(depths);
    }
    context.putImageData(image, 0, 0);
    this.context.drawImage(this.water, from, 0, wide * coarse, tall * coarse);
  }

  invalidate(): void {
    this.dirty = true;
  }

  drawn(): Drawn {
    return { images: this.rhythm.images, card: "", software: true, level: null };
  }

  resize(): void {
    if (this.host.clientWidth === 0 || this.host.clientHeight === 0) return; // paper is being laid out
    const ratio = Math.min(2, devicePixelRatio);
    this.canvas.width = Math.max(1, Math.round(this.host.clientWidth * ratio));
    this.canvas.height = Math.max(1, Math.round(this.host.clientHeight * ratio));
    this.sheet.width = this.canvas.width;
    this.sheet.height = this.canvas.height;
    this.dirty = true;
  }

  pick(clientX: number, clientY: number): Picked | null {
    const [x, y] = this.place(clientX, clientY);
    if (!this.app.territory.lattice.inside(x, y)) return null;
    const building = this.app.finder.building(x, y);
    const road = building === null && this.app.choices.showRoads ? this.app.finder.road(x, y, Math.max(5, 6 / this.scale)) : null;
    return { x, y, building, road };
  }

  project(x: number, y: number): Screen {
    return {
      x: this.host.clientWidth / 2 + (x - this.x) * this.scale,
      y: this.host.clientHeight / 2 - (y - this.y) * this.scale,
      ahead: true,
    };
  }

  zoom(factor: number): void {
    const box = this.host.getBoundingClientRect();
    this.zoomAt(factor, box.left + box.width / 2, box.top + box.height / 2);
  }

  turn(): void {
    // North is up on this map.
  }

  pan(right: number, up: number): void {
    this.x += (right * 90) / this.scale;
    this.y += (up * 90) / this.scale;
    this.invalidate();
  }

  tilt(): void {
    // There is only the view from above.
  }

  north(): void {
    // North is up already.
  }

  home(): void {
    const { lattice } = this.app.territory;
    this.x = 0;
    this.y = 0;
    this.scale = 0.94 * Math.min(this.host.clientWidth / (2 * lattice.halfX), this.host.clientHeight / (2 * lattice.halfY));
    this.invalidate();
  }

  bearing(): number {
    return 0;
  }

  metresPerPixel(): number {
    return 1 / this.scale;
  }

  goTo(x: number, y: number): void {
    this.x = x;
    this.y = y;
    this.invalidate();
  }

  private get spread(): number {
    return (2 * Math.tan((FIELD_OF_VIEW * Math.PI) / 360)) / Math.max(1, this.host.clientHeight);
  }

  camera(): Camera {
    return { x: this.x, y: this.y, distance: 1 / (this.scale * this.spread), bearing: 0, lean: 1 };
  }

  setCamera(camera: Camera): void {
    this.x = camera.x;
    this.y = camera.y;
    this.scale = 1 / (camera.distance * this.spread);
    this.invalidate();
  }

  drawNow(): void {
    this.draw();
    this.onDraw();
  }
}
