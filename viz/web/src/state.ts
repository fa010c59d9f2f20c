// What the reader has chosen, and who wants to know when it changes.

import type { Scenario, Territory } from "./model";
import type { PageData } from "./types";

export type WaterMode = "now" | "maximum";
export type BuildingMode = "reached" | "now";

export interface Picked {
  x: number;
  y: number;
  building: number | null;
  road: number | null;
}

export interface Choices {
  time: number;
  playing: boolean;
  speed: number;
  scenario: number;
  other: number;
  compare: boolean;
  split: number;
  water: WaterMode;
  buildingMode: BuildingMode;
  permanentApart: boolean;
  showBuildings: boolean;
  showRoads: boolean;
  showPlaces: boolean;
  showFlow: boolean;
  exaggeration: number;
  picked: Picked | null;
}

export type Choice = keyof Choices;

export class App {
  readonly data: PageData;
  readonly territory: Territory;
  readonly scenarios: Scenario[];
  readonly choices: Choices;
  private readonly listeners: ((changed: Set<Choice | "frames" | "language">) => void)[] = [];
  private pending: Set<Choice | "frames" | "language"> = new Set();

  constructor(data: PageData, territory: Territory, scenarios: Scenario[]) {
    this.data = data;
    this.territory = territory;
    this.scenarios = scenarios;
    this.choices = {
      time: scenarios[0].meta.times[0],
      playing: false,
      speed: 1,
      scenario: 0,
      other: scenarios.length > 1 ? 1 : 0,
      compare: false,
      split: 0.5,
      water: "now",
      buildingMode: "reached",
      permanentApart: scenarios.some((s) => s.meta.permanent),
      showBuildings: true,
      showRoads: true,
      showPlaces: true,
      showFlow: false, // the picture says whether it can
      exaggeration: 1,
      picked: null,
    };
  }

  get from(): number {
    return Math.min(...this.scenarios.map((s) => s.meta.times[0]));
  }

  get to(): number {
    return Math.max(...this.scenarios.map((s) => s.lastTime));
  }

  /** The scenario in front (left of the handle when comparing). */
  get shown(): Scenario {
    return this.scenarios[this.choices.scenario];
  }

  /** Whether any run kept velocities. */
  get hasFlow(): boolean {
    return this.scenarios.some((s) => s.meta.flow !== null);
  }

  on(listener: (changed: Set<Choice | "frames" | "language">) => void): void {
    this.listeners.push(listener);
  }

  set(change: Partial<Choices>): void {
    for (const key of Object.keys(change) as Choice[]) {
      if (this.choices[key] !== change[key]) {
        (this.choices[key] as unknown) = change[key];
        this.tell(key);
      }
    }
  }

  /** Several changes before the next task reach the listeners together. */
  tell(what: Choice | "frames" | "language"): void {
    if (this.pending.size === 0) {
      queueMicrotask(() => {
        const changed = this.pending;
        this.pending = new Set();
        for (const listener of this.listeners) listener(changed);
      });
    }
    this.pending.add(what);
  }
}

export const enum RoadState {
  Open = 0,
  Slow = 1,
  Cut = 2,
}

/** Water and traffic on a road at an instant. Bridges have no water of their own here. */
export function roadState(app: App, scenario: Scenario, road: number, time: number): RoadState {
  const n = scenario.meta.times.length;
  const { a } = scenario.moment(time);
  if (scenario.closed && scenario.closed[road * n + a]) return RoadState.Cut;
  if (!scenario.roadDepth) return RoadState.Open;
  const soFar = app.choices.water === "maximum";
  const depth = scenario.thingDepth(scenario.roadDepth, road, soFar ? scenario.lastTime : time, soFar);
  if (depth >= app.data.closure_depth) return RoadState.Cut;
  return depth > app.data.wet_depth ? RoadState.Slow : RoadState.Open;
}

/** Depth at the foot of a building as the reader wants it drawn. */
export function buildingDepth(app: App, scenario: Scenario, building: number): number {
  if (!scenario.buildingDepth) return 0;
  const whole = app.choices.water === "maximum";
  return scenario.thingDepth(scenario.buildingDepth, building, whole ? scenario.lastTime : app.choices.time,
    whole || app.choices.buildingMode === "reached");
}
