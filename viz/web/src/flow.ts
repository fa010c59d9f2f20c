// Streaks that drift with the water: which way it goes, at a calm pace. The pictures draw them.

import type { Scenario } from "./scenario";
import type { App } from "./state";

/** On the screen, water at 1 m/s moves this many pixels a second, whatever the scale. */
const PACE = 17;
const LEAST = 9;
const MOST = 42;
const LIFE = 3.4; // seconds
const STREAK = 1.15; // seconds of travel that a streak is long

export class Flow {
  readonly count: number;
  /** How many of them are moved and drawn. */
  active: number;
  readonly x: Float32Array;
  readonly y: Float32Array;
  /** On the screen: pixels to the tail, east and north. */
  readonly tailX: Float32Array;
  readonly tailY: Float32Array;
  /** 0 invisible … 1; 0 for those that wait for a place. */
  readonly light: Float32Array;
  /** Depth of the water there: pale streaks on deep water, dark ones on shallow. */
  readonly depth: Float32Array;
  private readonly age: Float32Array;
  private readonly life: Float32Array;
  private readonly scenario: Scenario;
  private readonly app: App;
  private readonly velocity: [number, number] = [0, 0];

  constructor(app: App, scenario: Scenario, count: number) {
    this.app = app;
    this.scenario = scenario;
    this.count = this.active = count;
    const column = (): Float32Array => new Float32Array(count);
    this.x = column();
    this.y = column();
    this.tailX = column();
    this.tailY = column();
    this.light = column();
    this.depth = column();
    this.age = column();
    this.life = column();
    this.age.fill(1e9);
  }

  /** Everybody somewhere else: after a jump in time or of the view. */
  scatter(): void {
    this.age.fill(1e9);
  }

  /** Nothing to show yet: the velocities of this instant are not decoded. */
  get empty(): boolean {
    return !this.scenario.hasFlow(this.scenario.moment(this.app.choices.time));
  }

  /** Move on by `seconds` of the reader's time; new ones appear within `reach` metres of a place. */
  step(seconds: number, middleX: number, middleY: number, reach: number, metresPerPixel: number): void {
    const { scenario, velocity, app } = this;
    const moment = scenario.moment(app.choices.time);
    if (!scenario.hasFlow(moment)) return;
    const whole = app.choices.water === "maximum";
    const wet = app.data.wet_depth;
    const { lattice } = scenario;
    for (let k = 0; k < this.active; k++) {
      this.age[k] += seconds;
      const away = Math.abs(this.x[k] - middleX) > reach || Math.abs(this.y[k] - middleY) > reach;
      if (this.age[k] > this.life[k] || away) {
        this.light[k] = 0;
        // A few tries a picture: land is passed over, and nothing waits long where there is water.
        for (let tries = 0; tries < 3; tries++) {
          const x = middleX + (2 * Math.random() - 1) * reach;
          const y = middleY + (2 * Math.random() - 1) * reach;
          if (!lattice.inside(x, y) || !this.flows(lattice.cellAt(x, y), x, y, moment, wet)) continue;
          this.x[k] = x;
          this.y[k] = y;
          this.life[k] = LIFE * (0.6 + 0.8 * Math.random());
          this.age[k] = away || this.age[k] < 1e8 ? 0 : Math.random() * this.life[k];
          break;
        }
        if (this.age[k] > this.life[k]) continue;
      }
      scenario.velocity(this.x[k], this.y[k], moment, velocity);
      const speed = Math.hypot(velocity[0], velocity[1]);
      const cell = lattice.cellAt(this.x[k], this.y[k]);
      const depth = whole ? 0 : scenario.depthAt(cell, app.choices.time);
      if (speed < 0.01 || !(depth > wet)) {
        this.age[k] = 1e7;
        this.light[k] = 0;
        continue;
      }
      const pace = Math.min(MOST, Math.max(LEAST, PACE * speed));
      const east = velocity[0] / speed;
      const north = velocity[1] / speed;
      this.x[k] += east * pace * metresPerPixel * seconds;
      this.y[k] += north * pace * metresPerPixel * seconds;
      this.tailX[k] = -east * pace * STREAK;
      this.tailY[k] = -north * pace * STREAK;
      this.depth[k] = depth;
      const share = this.age[k] / this.life[k];
      // Water that hardly moves has faint streaks: short strong ones would look like dirt.
      this.light[k] = Math.min(1, 5 * share, 3 * (1 - share)) * Math.min(1, 0.06 + speed / 0.7);
    }
  }

  private flows(cell: number, x: number, y: number, moment: { a: number; b: number; f: number }, wet: number): boolean {
    const { scenario } = this;
    if (!(scenario.depthAt(cell, this.app.choices.time) > wet)) return false;
    scenario.velocity(x, y, moment, this.velocity);
    return this.velocity[0] !== 0 || this.velocity[1] !== 0;
  }
}

/** Whether streaks move by themselves: not for readers who asked for less motion, nor where the processor draws. */
export function flowAtFirst(software: boolean): boolean {
  return !software && !matchMedia("(prefers-reduced-motion: reduce)").matches;
}
