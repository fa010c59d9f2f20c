// Flood marks with their error and discharges through sections, in words: labels of the map, tables of the figures.

import { h } from "./dom";
import { capital, counted, maybe, metres, number, t } from "./i18n";
import type { App } from "./state";
import type { MarkMeta, SectionMeta } from "./types";

export function sectionName(section: SectionMeta): string {
  return (section.key ? maybe(`place.${section.key}`) : null) ?? capital(section.label);
}

/** Discharge at an instant (m³/s), straight between those that were kept; null outside them. */
export function dischargeAt({ times, discharge }: SectionMeta, time: number): number | null {
  if (times.length === 0 || time < times[0] || time > times[times.length - 1]) return null;
  const k = Math.max(1, times.findIndex((at) => at >= time));
  if (times.length === 1) return discharge[0];
  const share = (time - times[k - 1]) / Math.max(1e-9, times[k] - times[k - 1]);
  return discharge[k - 1] + share * (discharge[k] - discharge[k - 1]);
}

const flow = (value: number): string => `${number(value, Math.abs(value) < 10 ? 1 : 0)} m³/s`;

export function sectionText(section: SectionMeta, time: number): string {
  const now = dischargeAt(section, time);
  return now === null ? sectionName(section) : `${sectionName(section)} · ${flow(now)}`;
}

/** How far the run is from what was seen: "+ 12 cm". */
export function markText(mark: MarkMeta): string {
  if (mark.difference !== null) {
    const cm = Math.round(100 * mark.difference);
    return `${cm > 0 ? "+ " : cm < 0 ? "− " : ""}${number(Math.abs(cm))} cm`;
  }
  return t(mark.status === "dry" ? "observed.dry" : "observed.unknown");
}

function table(head: string[], rows: (string | Node)[][]): HTMLElement {
  return h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": head[0] }, h("table", { class: "grid" },
    h("thead", {}, h("tr", {}, ...head.map((text) => h("th", { scope: "col" }, text)))),
    h("tbody", {}, ...rows.map(([first, ...rest]) => h("tr", {}, h("th", { scope: "row" }, first), ...rest.map((cell) => h("td", {}, cell)))))));
}

function score(marks: MarkMeta[]): string {
  const found = marks.map((mark) => mark.difference).filter((d): d is number => d !== null);
  if (found.length === 0) return "—";
  const rmse = Math.sqrt(found.reduce((sum, d) => sum + d * d, 0) / found.length);
  return counted("observed.score", found.length, { all: marks.length, cm: number(100 * rmse) });
}

/** Tables under the key figures; nothing where there is nothing. */
export function observedTables(app: App): Node[] {
  const out: Node[] = [];
  const several = app.scenarios.length > 1;
  for (const scenario of app.scenarios) {
    const { marks, sections, name } = scenario.meta;
    const of = (title: string): HTMLElement => h("h3", {}, several ? `${title} — ${name}` : title);
    if (sections.length > 0) {
      out.push(of(t("observed.sections")), table([t("observed.section"), t("observed.greatest"), t("observed.when")],
        sections.map((section) => [sectionName(section), flow(section.greatest[1]), app.hour(section.greatest[0], scenario)])));
    }
    if (marks.length > 0) {
      out.push(of(t("observed.marks")), h("p", { class: "fine" }, score(marks)), table(
        [t("observed.mark"), t("observed.observed"), t("observed.simulated"), t("figures.difference")],
        marks.map((mark) => [mark.name || "—", mark.observed === null ? "—" : metres(mark.observed),
          mark.simulated === null ? "—" : metres(mark.simulated), markText(mark)])));
    }
  }
  return out;
}
