// What is missing, thinned out or cut short, in words.

import { capital, counted, duration, length, number, t } from "./i18n";
import type { App } from "./state";
import type { EnsembleMeta, Indicator, PageData, ScenarioMeta } from "./types";

const MOST_NAMES = 3;

/** Where and why a run that is not whole ends. */
function stop(s: ScenarioMeta): string | null {
  const at = duration(s.times[s.times.length - 1]);
  if (s.status === "interrupted") return t("notice.interrupted", { at });
  if (s.status === "failed") return t("notice.failed", { at });
  return s.status === "running" ? t("notice.running", { at }) : null;
}

/** The runs of an ensemble that do not go as far as the others, each with where it ends. */
export function stoppedMembers({ data }: App): string[] {
  const { members, ends } = data.ensemble ?? { members: [], ends: [] };
  const last = Math.max(...ends.map(({ time }) => time));
  return members.map((name, k) => ({ name, ...ends[k] }))
    .filter(({ status, time }) => status !== "complete" || time < last - 1)
    .map(({ name, time }) => `${name}, T+${duration(time)}`);
}

/** They count like the others, although nobody knows how far their water would have come. */
function partial(app: App): string[] {
  const found = stoppedMembers(app);
  const list = found.slice(0, MOST_NAMES).join(" ; ") + (found.length > MOST_NAMES ? "…" : "");
  return found.length === 0 ? [] : [counted("notice.members_stopped", found.length, { all: number(app.data.ensemble?.members.length ?? 0), list })];
}

const median = (data: PageData, ensemble: EnsembleMeta): string => t("notice.ensemble", { name: data.scenarios[0].name, n: ensemble.members.length });

/** Everything that "sources and limits" lists. */
export function notices(app: App): string[] {
  const { data } = app;
  const out: string[] = [];
  for (const s of data.scenarios) {
    const of = data.scenarios.length > 1 ? `${s.name} : ` : "";
    const stopped = stop(s);
    if (stopped) out.push(of + stopped);
    if (s.times.length === 1) out.push(of + t("notice.one_frame"));
    if (s.frames_computed > s.times.length) out.push(of + t("notice.thinned", { shown: s.times.length, all: s.frames_computed }));
    if (s.fast_mode) out.push(of + t("notice.fast_mode"));
    const critical = s.indicators["near_critical_share"] as Indicator | undefined;
    if (typeof critical?.value === "number") out.push(of + t("notice.near_critical", { share: number(critical.value, 1) }));
    if (s.subgrid) out.push(of + t(s.over_fine ? "notice.subgrid" : "notice.subgrid_cells", { cell: length(data.grid.model_cell), shown: length(data.grid.cell) }));
  }
  if (!data.buildings) out.push(t("notice.no_buildings"));
  else if (data.buildings.without_height > 0) out.push(counted("notice.no_height", data.buildings.without_height, { all: number(data.buildings.count) }));
  if (data.buildings && data.buildings.assumed_count > 0) out.push(counted("notice.assumed_height", data.buildings.assumed_count, { all: number(data.buildings.count) }));
  if (!data.roads) out.push(t("notice.no_roads"));
  if (!data.scenarios.some((s) => s.traffic)) out.push(t("notice.no_traffic"));
  if (data.places.length === 0) out.push(t("notice.no_places"));
  if (data.holes > 0) out.push(counted("notice.holes", data.holes, { ha: number((data.holes * data.grid.cell ** 2) / 1e4, 1) }));
  if (data.ensemble) out.push(median(data, data.ensemble), ...partial(app));
  if (data.grid.factor > 1) out.push(t("notice.coarse", { shown: length(data.grid.cell), model: length(data.grid.model_cell) }));
  return out;
}

/** Runs that stopped early, each with its name where there are several. */
export function stops({ data }: App): string[] {
  return data.scenarios.flatMap((s) => {
    const stopped = stop(s);
    return stopped === null ? [] : [`${data.scenarios.length > 1 ? `${s.name} : ${stopped}` : capital(stopped)}.`];
  });
}

/** What nobody may overlook in the present picture: runs that stopped early, one run that stands for many. */
export function cautions(app: App): string[] {
  const { choices, data, scenarios } = app;
  const shown = choices.compare || choices.difference ? [app.shown, scenarios[choices.other]] : [app.shown];
  const out = (app.chance ? [] : shown).flatMap(({ meta }) => {
    const stopped = stop(meta);
    return stopped === null ? [] : [shown.length > 1 ? `${meta.name} : ${stopped}` : capital(stopped)];
  });
  if (data.ensemble && !app.chance) out.push(capital(median(data, data.ensemble)));
  out.push(...partial(app).map(capital));
  return out.map((text) => `${text}.`);
}
