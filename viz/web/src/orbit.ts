// The eye of the 3D picture: how it turns around a place on the ground, and how it flies to another.

import { MOUSE, PerspectiveCamera, Vector3 } from "three";
import { MapControls } from "three/examples/jsm/controls/MapControls.js";
import { type Camera, FIELD_OF_VIEW } from "./view";

/** Degrees from one bearing to another, the short way round. */
function turnBetween(from: number, to: number): number {
  return ((((to - from) % 360) + 540) % 360) - 180;
}

export class Orbit {
  readonly eye = new PerspectiveCamera(FIELD_OF_VIEW, 1, 5, 100_000);
  readonly controls: MapControls;
  private readonly surface: (x: number, y: number) => number;
  private readonly onMove: () => void;
  flight: { from: Camera; to: Camera; start: number; span: number } | null = null;

  /** `surface`: height (m, as drawn) of what is seen at a place; `onMove`: called after every move. */
  constructor(canvas: HTMLCanvasElement, surface: (x: number, y: number) => number, onMove: () => void) {
    this.surface = surface;
    this.onMove = onMove;
    this.eye.up.set(0, 0, 1);
    this.controls = new MapControls(this.eye, canvas);
    this.controls.enableDamping = !matchMedia("(prefers-reduced-motion: reduce)").matches;
    this.controls.dampingFactor = 0.12;
    this.controls.maxPolarAngle = 1.42;
    this.controls.zoomToCursor = true;
    this.controls.minDistance = 60;
    this.controls.mouseButtons = { LEFT: MOUSE.PAN, MIDDLE: MOUSE.ROTATE, RIGHT: MOUSE.ROTATE };
    this.controls.addEventListener("change", onMove);
    this.controls.addEventListener("start", () => {
      this.flight = null;
    });
  }

  get distance(): number {
    return this.eye.position.distanceTo(this.controls.target);
  }

  resize(aspect: number): void {
    this.eye.aspect = aspect;
    this.eye.updateProjectionMatrix();
  }

  /** Near and far planes for a territory of this half size (m). */
  clip(reach: number): void {
    this.eye.near = Math.max(1, this.distance * 0.02);
    this.eye.far = this.distance + 4 * reach + 4000;
    this.eye.updateProjectionMatrix();
    this.eye.updateMatrixWorld();
  }

  tick(now: number): void {
    if (this.flight) this.fly(now);
    this.controls.update();
  }

  private arm(): Vector3 {
    return this.eye.position.clone().sub(this.controls.target);
  }

  private moved(): void {
    this.flight = null;
    this.controls.update();
    this.onMove();
  }

  zoom(factor: number): void {
    this.eye.position.copy(this.arm().multiplyScalar(1 / factor).add(this.controls.target));
    this.moved();
  }

  turn(degrees: number): void {
    this.eye.position.copy(this.arm().applyAxisAngle(new Vector3(0, 0, 1), (degrees * Math.PI) / 180).add(this.controls.target));
    this.moved();
  }

  pan(right: number, up: number): void {
    const angle = (this.bearing() * Math.PI) / 180;
    const step = 0.12 * this.distance;
    const shift = new Vector3(
      step * (right * Math.cos(angle) + up * Math.sin(angle)), step * (up * Math.cos(angle) - right * Math.sin(angle)), 0);
    this.eye.position.add(shift);
    this.controls.target.add(shift);
    this.moved();
  }

  tilt(): void {
    const { x, y, distance, bearing, lean } = this.now();
    this.setCamera({ x, y, distance, bearing, lean: lean < 9 ? 53 : 0 }, false);
    this.moved();
  }

  now(): Camera {
    const { target } = this.controls;
    const arm = this.arm();
    const distance = arm.length();
    return { x: target.x, y: target.y, distance, bearing: this.bearing(), lean: (Math.acos(arm.z / distance) * 180) / Math.PI };
  }

  /** Where the eye is, or where it is flying to. */
  camera(): Camera {
    return this.flight?.to ?? this.now();
  }

  setCamera(camera: Camera, smooth: boolean): void {
    const from = this.now();
    const far = Math.hypot(camera.x - from.x, camera.y - from.y) / Math.max(from.distance, camera.distance);
    if (smooth && this.controls.enableDamping) {
      this.flight = { from, to: camera, start: performance.now(), span: Math.min(2200, 700 + 500 * far + 8 * Math.abs(turnBetween(from.bearing, camera.bearing))) };
    } else {
      this.flight = null;
      this.place(camera);
    }
    this.onMove();
  }

  private place({ x, y, distance, bearing, lean }: Camera): void {
    const z = this.surface(x, y);
    const turn = (bearing * Math.PI) / 180;
    const tilt = (Math.max(0.6, lean) * Math.PI) / 180;
    this.controls.target.set(x, y, Number.isFinite(z) ? z : 0);
    this.eye.position.set(x - Math.sin(turn) * Math.sin(tilt) * distance, y - Math.cos(turn) * Math.sin(tilt) * distance,
      this.controls.target.z + Math.cos(tilt) * distance);
    this.controls.update();
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
    this.onMove();
    if (share >= 1) this.flight = null;
  }

  bearing(): number {
    const arm = this.controls.target.clone().sub(this.eye.position);
    return (Math.atan2(arm.x, arm.y) * 180) / Math.PI;
  }
}
