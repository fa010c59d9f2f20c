// What the interface asks of a picture, 3D or 2D.

import type { Drawn } from "./rhythm";
import type { Picked } from "./state";

export interface Screen {
  x: number;
  y: number;
  /** False behind the viewer. */
  ahead: boolean;
}

/** Where the reader looks from: the place at the middle, how far, from which side, how far from straight down. */
export interface Camera {
  x: number;
  y: number;
  /** Metres between the eye and the middle of the picture. */
  distance: number;
  /** Degrees clockwise from north. */
  bearing: number;
  /** Degrees from straight down. */
  lean: number;
}

export const FIELD_OF_VIEW = 38; // degrees, from top to bottom

export interface View {
  readonly mode: "3d" | "2d";
  /** Called after every picture: labels, scale and compass follow. */
  onDraw: () => void;
  /** Resolved when the first picture is on the screen. */
  readonly shown: Promise<void>;
  invalidate(): void;
  /** Add what the first picture does without; resolved when it is there. */
  build(): Promise<void>;
  resize(): void;
  /** What is under a point of the page (client coordinates). */
  pick(clientX: number, clientY: number): Picked | null;
  /** Place on the ground to page coordinates relative to the map. */
  project(x: number, y: number, above: number): Screen;
  /** Whether any of a rectangle of ground (m from the centre) may be on the screen. */
  sees(west: number, south: number, east: number, north: number): boolean;
  zoom(factor: number): void;
  turn(degrees: number): void;
  pan(right: number, up: number): void;
  /** From the side or from above. */
  tilt(): void;
  north(): void;
  home(): void;
  /** Direction of the view, degrees clockwise from north. */
  bearing(): number;
  /** Ground metres per pixel at the middle of the picture. */
  metresPerPixel(): number;
  goTo(x: number, y: number): void;
  camera(): Camera;
  setCamera(camera: Camera, smooth: boolean): void;
  /** What draws, and how fast. */
  drawn(): Drawn;
  /** Draw at once, for a picture. */
  drawNow(): void;
}
