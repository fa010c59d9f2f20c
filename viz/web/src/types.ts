// The table that viz/page.py writes into the page.

export interface TerrainMeta {
  blob: number;
  low: number;
  step: number;
}

export interface Indicator {
  value: number | string | boolean | null;
  unit: string;
  label_fr: string;
  label_en: string;
  method?: string;
  method_en?: string;
}

export interface TrafficMeta {
  greatest_volume: number;
  volume: number;
  saturation: number;
  times: number[];
}

/** Roads that people close, from when until when (s; null: beyond the end of the run). */
export interface ClosureMeta {
  roads: number[];
  start: number;
  end: number | null;
}

export interface MeasureLine {
  kind: string;
  crest: number | null;
  parts: number[][];
}

/** What was observed at a place beside what the run says: viz/page_observed.py. Levels in metres. */
export interface MarkMeta {
  name: string;
  x: number;
  y: number;
  observed: number | null;
  simulated: number | null;
  difference: number | null;
  status: string;
}

/** Discharge (m³/s) through a line. */
export interface SectionMeta {
  label: string;
  key: string;
  line: number[];
  times: number[];
  discharge: number[];
  /** Its instant (s) and value. */
  greatest: [number, number];
}

/** Directions and speeds for streaks, a byte a block of cells: viz/flow.py. */
export interface FlowMeta {
  block: number;
  rows: number;
  columns: number;
  greatest: number;
  per_chunk: number;
  chunks: number[];
}

export interface ScenarioMeta {
  name: string;
  status: string;
  start: string;
  offset_s: number;
  times: number[];
  frames_computed: number;
  /** Depth from which water cuts a road (m). */
  closure_depth: number;
  /** Whether cells carried the fine terrain, over which figures, buildings and roads are told. */
  subgrid: boolean;
  /** Whether the view shows its water over that terrain. */
  over_fine: boolean;
  /** Whether the flood was computed by local inertia. */
  fast_mode: boolean;
  duration: number | null;
  per_chunk: number;
  /** Cells a side of the squares, row by row from the north-west, and each one's blobs over time. */
  tile: number;
  chunks: number[][];
  /** Bits of the cells that are ever wet: frames and maximum hold only those. */
  wet: number;
  /** The first frame and the one that the page opens on, read before all others. */
  opening: { frames: number[]; blob: number };
  maximum: number | null;
  /** The same over the frames that were kept, when the run did not keep its own. */
  frames_maximum: number | null;
  /** Greatest depth less that of the first scenario. */
  difference: { size: number; sign: number } | null;
  bed: TerrainMeta | null;
  roofs: number | null;
  permanent: boolean;
  /** Bits of the cells that are water from the start or on the map: null when only the first frame tells. */
  mapped_water: number | null;
  /** Permanent water at the start, a code for each cell of `wet`: null when it is that of the first frame. */
  permanent_depth: number | null;
  hectares: number[];
  building_depth: number | null;
  road_depth: number | null;
  /** Greatest depths at buildings and roads over the whole run, between the frames too. */
  building_most: number | null;
  road_most: number | null;
  traffic: TrafficMeta | null;
  closures: ClosureMeta[];
  flow: FlowMeta | null;
  traffic_summary: Record<string, unknown> | null;
  indicators: Record<string, Indicator>;
  provenance: Record<string, unknown>;
  lines: MeasureLine[];
  marks: MarkMeta[];
  sections: SectionMeta[];
  solvers: string[];
}

/** Least, middle and greatest of a figure over the runs of an ensemble. */
export interface RangedIndicator {
  unit: string;
  label_fr: string;
  label_en: string;
  method: string;
  method_en: string;
  least: number;
  middle: number;
  greatest: number;
}

/** What the runs of an ensemble say together: viz/page_ensemble.py. */
export interface EnsembleMeta {
  members: string[];
  /** How each run ended, and its last instant (s). */
  ends: { status: string; time: number }[];
  count: number;
  least: number;
  middle: number;
  greatest: number;
  indicators: Record<string, RangedIndicator>;
}

export interface BuildingsMeta {
  count: number;
  rings: number;
  holes: number;
  outline: number;
  height: number;
  without_height: number;
  /** Bits of those whose height was not measured; null where the run does not say. */
  assumed: number | null;
  assumed_count: number;
  natures: string[];
  nature: number;
  uses: string[];
  use: number;
  ids: number | null;
  step: number;
}

export interface RoadsMeta {
  count: number;
  parts: number;
  outline: number;
  names: string[];
  name: number;
  natures: string[];
  nature: number;
  importance: number;
  level: number;
  drivable: number;
  ids: number | null;
  step: number;
}

export interface PlaceMeta {
  label: string;
  /** The place's key when it has no name of its own: the page may know a word for it. */
  key: string;
  kind: string;
  shape: string;
  x: number;
  y: number;
}

/** A slide of the guided tour: `[[story]]` of the scenario. */
export interface SlideMeta {
  text: string;
  text_en: string | null;
  x: number | null;
  y: number | null;
  time: number | null;
  distance: number | null;
  bearing: number | null;
  lean: number | null;
  show: string;
}

export interface PageData {
  lang: string;
  texts: Record<string, Record<string, string>>;
  version: string;
  made: string;
  title: string;
  grid: {
    nx: number;
    ny: number;
    cell: number;
    crs: string;
    x_west: number;
    y_north: number;
    model_cell: number;
    factor: number;
    model_nx: number;
    model_ny: number;
  };
  curve: number[];
  curve_errors: [number, number];
  wet_depth: number;
  greatest_depth: number;
  ground: { blob: number; mime: string };
  photo: { blob: number; mime: string } | null;
  ensemble: EnsembleMeta | null;
  bed: TerrainMeta;
  holes: number;
  buildings: BuildingsMeta | null;
  roads: RoadsMeta | null;
  places: PlaceMeta[];
  story: SlideMeta[];
  scenarios: ScenarioMeta[];
}
