// What the reader has chosen, and who wants to know when it changes.

import type { Ensemble } from "./ensemble";
import { Finder } from "./finder";
import { clock, duration, t } from "./i18n";
import type { Scenario } from "./scenario";
import type { Territory } from "./territory";
import type { PageData, PlaceMeta } from "./types";

/** `chance`: in how many runs of the ensemble. */
export type WaterMode = "now" | "maximum" | "chance";
export type BuildingMode = "reached" | "now";

export interface Picked {
  x: number;
  y: number;
  building: number | null;
  road: number | null;
  /** What was looked for by name. */
  place?: PlaceMeta | null;
}

export interface Choices {
  time: number;
  playing: boolean;
  speed: number;
  scenario: number;
  other: number;
  compare: boolean;
  /** The map of what changes from `scenario` to `other`, instead of water. */
  difference: boolean;
  split: number;
  water: WaterMode;
  buildingMode: BuildingMode;
  permanentApart: boolean;
  showBuildings: boolean;
  showRoads: boolean;
  showPlaces: boolean;
  showFlow: boolean;
  /** Flood marks with their error, discharges through sections. */
  showObserved: boolean;
  /** Continuous colours of depth instead of classes. */
  scale: boolean;
  /** The orthophoto instead of the drawn ground. */
  showPhoto: boolean;
  exaggeration: number;
  picked: Picked | null;
  /** What a click on the map gives. */
  tool: "none" | "profile";
  /** One end or both of the profile's line: x, y, x, y in metres from the centre. */
  profile: readonly number[] | null;
  /** Slide of the guided tour that is shown. */
  slide: number | null;
}

export type Choice = keyof Choices;

export class App {
  readonly data: PageData;
  readonly territory: Territory;
  readonly scenarios: Scenario[];
  readonly ensemble: Ensemble | null;
  readonly choices: Choices;
  private readonly listeners: ((changed: Set<Choice | "frames" | "language">) => void)[] = [];
  private found: Finder | null = null;
  private pending: Set<Choice | "frames" | "language"> = new Set();

  constructor(data: PageData, territory: Territory, scenarios: Scenario[], ensemble: Ensemble | null) {
    this.data = data;
    this.territory = territory;
    this.scenarios = scenarios;
    this.ensemble = ensemble;
    this.choices = {
      time: scenarios[0].openingTime,
      playing: false,
      speed: 1,
      scenario: 0,
      other: scenarios.length > 1 ? 1 : 0,
      compare: false,
      difference: false,
      split: 0.5,
      water: "now",
      buildingMode: "reached",
      permanentApart: scenarios.some((s) => s.meta.permanent),
      showBuildings: true,
      showRoads: true,
      showPlaces: true,
      showObserved: true,
      showFlow: false, // the picture says whether it can
      scale: false,
      showPhoto: false,
      exaggeration: 1,
      picked: null,
      tool: "none",
      profile: null,
      slide: null,
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

  /** Whether the change from the first scenario to the others is known. */
  get hasDifference(): boolean {
    return this.scenarios.length > 1 && this.scenarios.every((s) => s.meta.maximum !== null)
      && this.scenarios.slice(1).every((s) => s.meta.difference !== null);
  }

  /** What lies where; worked out when somebody first asks. */
  get finder(): Finder {
    return (this.found ??= new Finder(this.territory));
  }

  /** An instant by the clock, with the day where the run is longer than one. */
  hour(time: number, { meta, startMs } = this.shown): string {
    return meta.start ? clock(startMs, meta.offset_s, time, this.to - this.from > 86_400) : `T+${duration(time)}`;
  }

  /** What stands instead of an instant that a run was not computed to; null where it was. */
  beyond(scenario: Scenario): string | null {
    return this.whole || scenario.knows(this.choices.time) ? null : t("time.beyond", { at: duration(scenario.lastTime) });
  }

  /** The name of a run beside another one, and whether it ends before the instant shown. */
  named(scenario: Scenario): string {
    const beyond = this.beyond(scenario);
    return beyond ? `${scenario.meta.name} (${beyond})` : scenario.meta.name;
  }

  /** Water over the whole run instead of an instant. */
  get whole(): boolean {
    return this.choices.water !== "now" || this.choices.difference;
  }

  /** What all runs of the ensemble say, instead of one of them. */
  get chance(): boolean {
    return this.choices.water === "chance" && this.ensemble !== null && !this.choices.difference;
  }

  /** Whether there are flood marks or sections to show. */
  get hasObserved(): boolean {
    return this.scenarios.some(({ meta }) => meta.marks.length + meta.sections.length > 0);
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

/**
 * Numbers and charts that follow time: while it plays they are made ten times a second, not in every picture.
 * Any other change, the end of playing too, is answered at once.
 */
export function unhurried(app: App, update: () => void): (changed: Set<Choice | "frames" | "language">) => void {
  let last = 0;
  return (changed) => {
    const now = performance.now();
    if (app.choices.playing && now - last < 100 && [...changed].every((what) => what === "time" || what === "frames")) return;
    last = now;
    update();
  };
}

export const enum RoadState {
  Open = 0,
  Slow = 1,
  Cut = 2,
  /** Only on the map of changes: cut in the first scenario and not in the other, or the contrary. */
  Freed = 3,
  NewlyCut = 4,
}

/** Water and traffic on a road as the map shows them. Bridges have no water of their own here. */
export function roadState(app: App, scenario: Scenario, road: number): RoadState {
  if (app.chance) return RoadState.Open; // a state is one run's
  if (app.choices.difference) {
    const before = everCut(app.shown, road);
    const after = everCut(app.scenarios[app.choices.other], road);
    return before ? (after ? RoadState.Cut : RoadState.Freed) : after ? RoadState.NewlyCut : RoadState.Open;
  }
  if (!app.whole) return roadStateAt(app, scenario, road, app.choices.time);
  if (everCut(scenario, road)) return RoadState.Cut;
  return scenario.thingMost(scenario.roadMost, road) > app.data.wet_depth ? RoadState.Slow : RoadState.Open;
}

/** The same at an instant, whatever the map shows. */
export function roadStateAt(app: App, scenario: Scenario, road: number, time: number): RoadState {
  if (scenario.isClosed(road, time)) return RoadState.Cut;
  if (!scenario.roadDepth) return RoadState.Open;
  const depth = scenario.thingDepth(scenario.roadDepth, road, time, false);
  if (depth >= scenario.meta.closure_depth) return RoadState.Cut;
  return depth > app.data.wet_depth ? RoadState.Slow : RoadState.Open;
}

/** Whether the map shows the traffic of a road: it is of an instant. */
export function hasTraffic(app: App, state: RoadState): boolean {
  return state !== RoadState.Cut && !app.whole;
}

function everCut(scenario: Scenario, road: number): boolean {
  if (scenario.closures.has(road)) return true;
  return scenario.thingMost(scenario.roadMost, road) >= scenario.meta.closure_depth;
}

/** How much deeper the water gets at the foot of a building in the other scenario, at the worst (m). */
export function buildingChange(app: App, building: number): number {
  const most = (s: Scenario): number => s.thingMost(s.buildingMost, building);
  return most(app.scenarios[app.choices.other]) - most(app.shown);
}

/** Depth at the foot of a building as the reader wants it drawn. */
export function buildingDepth(app: App, scenario: Scenario, building: number): number {
  if (!scenario.buildingDepth || app.chance) return 0;
  if (app.whole) return scenario.thingMost(scenario.buildingMost, building);
  return scenario.thingDepth(scenario.buildingDepth, building, app.choices.time, app.choices.buildingMode === "reached");
}
