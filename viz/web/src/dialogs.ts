// Key figures, sources and limits, help: one dialog, three contents.

import { byId, h, icon } from "./dom";
import { capital, changeOf, instant, language, length, maybe, number, quantity, t } from "./i18n";
import { writeHash } from "./link";
import { cautions, notices, stops } from "./notices";
import { observedTables } from "./observed";
import { savePicture } from "./picture";
import type { App } from "./state";
import type { EnsembleMeta, Indicator } from "./types";
import type { View } from "./view";

export type DialogName = "figures" | "about" | "share" | "help";

function indicatorText(indicator: Indicator | undefined): string {
  if (!indicator || indicator.value === null) return "—";
  const { value, unit } = indicator;
  if (typeof value === "number") return quantity(value, unit);
  if (typeof value === "boolean") return t(value ? "figures.yes" : "figures.no");
  return `${value}${unit && unit !== "1" ? ` ${unit}` : ""}`;
}

/** By which method a figure is found, in the language of the page. */
function howText(row: { method?: string; method_en?: string }): HTMLElement | null {
  const text = (language() === "fr" ? row.method : row.method_en || row.method) ?? "";
  return text ? h("span", { class: "fine block" }, text) : null;
}

/** The figures of an ensemble: between what bounds, and in the middle. */
function ranges(ensemble: EnsembleMeta): Node[] {
  const rows = Object.entries(ensemble.indicators).map(([key, row]) => h("tr", {},
    h("th", { scope: "row" }, capital((language() === "fr" ? row.label_fr : row.label_en) || key), howText(row)),
    ...[row.least, row.middle, row.greatest].map((number) => h("td", {}, quantity(number, row.unit)))));
  if (rows.length === 0) return [h("p", {}, t("figures.none"))];
  const head = h("tr", {}, ...["figure", "least", "middle", "greatest"].map((name) => h("th", { scope: "col" }, t(`figures.${name}`))));
  return [h("p", {}, t("head.ensemble", { n: ensemble.members.length })),
    h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": t("figures.title") }, h("table", { class: "grid" }, h("thead", {}, head), h("tbody", {}, ...rows))),
    h("p", { class: "fine" }, t("figures.note"))];
}

const warned = (texts: string[]): HTMLElement[] => texts.map((text) => h("p", { class: "callout caution" }, text));

function figures(app: App): Node[] {
  const { scenarios } = app.data;
  const keys = [...new Set(scenarios.flatMap((s) => Object.keys(s.indicators)))];
  if (keys.length === 0) return [h("p", {}, t("figures.none")), ...observedTables(app)];
  if (app.data.ensemble) return [...warned(cautions(app)), ...ranges(app.data.ensemble)];
  const two = scenarios.length === 2;
  const head = h("tr", {}, h("th", { scope: "col" }, t("figures.figure")), ...scenarios.map((s) => h("th", { scope: "col" }, s.name)));
  if (two) head.append(h("th", { scope: "col" }, t("figures.difference")));
  const body = h("tbody", {});
  for (const key of keys) {
    const mine = scenarios.map((s) => s.indicators[key] as Indicator | undefined);
    const some = mine.find((i) => i !== undefined);
    if (!some) continue;
    const label = (language() === "fr" ? some.label_fr : some.label_en) || key;
    const row = h("tr", {},
      h("th", { scope: "row" }, capital(label), howText(some)),
      ...mine.map((i) => h("td", {}, indicatorText(i))));
    if (two) {
      const [a, b] = [mine[0]?.value, mine[1]?.value];
      row.append(h("td", { class: "difference" }, typeof a === "number" && typeof b === "number" ? changeOf(a, b, some.unit) : "—"));
    }
    body.append(row);
  }
  return [...warned(stops(app)), h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": t("figures.title") }, h("table", { class: "grid" }, h("thead", {}, head), body)), h("p", { class: "fine" }, t("figures.note")), ...observedTables(app)];
}

/** A provenance entry in words: whatever keys the run wrote, the ones a reader can use first. */
function layerRows(provenance: Record<string, unknown>): HTMLElement[] {
  const layers = provenance["layers"] ?? provenance["inputs"];
  if (!layers || typeof layers !== "object") return [];
  const rows: HTMLElement[] = [];
  const entries: [string, unknown][] = Array.isArray(layers)
    ? layers.map((l, k) => [String((l as Record<string, unknown> | null)?.["name"] ?? (l as Record<string, unknown> | null)?.["path"] ?? k + 1), l])
    : Object.entries(layers as Record<string, unknown>);
  const words = (value: unknown): string => {
    if (value === null || value === undefined) return "";
    if (Array.isArray(value)) return value.map(words).filter(Boolean).map((v) => v.split(/[\\/]/).slice(-1)[0]).join(", ");
    if (typeof value === "object") return Object.keys(value).map((v) => v.split(/[\\/]/).slice(-1)[0]).join(", ");
    return String(value);
  };
  for (const [name, entry] of entries) {
    const e = (typeof entry === "object" && entry !== null ? entry : { source: entry }) as Record<string, unknown>;
    const first = words(e["source"] ?? e["path"]).split(", ");
    const source = first.slice(0, 2).join(", ") + (first.length > 2 ? ` … (${first.length})` : "");
    const key = words(e["layer"]) || name.split(/[\\/]/).slice(-1)[0];
    const notes = Array.isArray(e["notes"]) ? e["notes"].map(String) : [];
    rows.push(h("tr", {}, h("th", { scope: "row" }, maybe(`layer.${key}`) ?? key),
      h("td", {}, source, notes.length > 0 ? h("details", { class: "fine" }, h("summary", {}, t("about.notes", { n: notes.length })), ...notes.map((note) => h("span", { class: "block" }, note))) : null),
      h("td", {}, words(e["edition"]) || "—"), h("td", {}, words(e["licence"]) || "—"),
      h("td", {}, [words(e["crs"]), words(e["vertical_datum"])].filter(Boolean).join(" · ") || "—")));
  }
  return rows;
}

/** What draws this page here, and how fast, as measured on the reader's own machine. */
function drawingLine(view: View): string {
  const { images, card, software, level } = view.drawn();
  const by = view.mode === "2d" ? t("drawn.map") : software ? t("drawn.software", { name: card }) : card ? t("drawn.card", { name: card }) : t("drawn.unnamed");
  const fine = level ? t("drawn.level", { now: level.now, most: level.most }) : "";
  return [images === null ? t("drawn.unmeasured") : t("drawn.images", { n: number(images, images < 10 ? 1 : 0) }), by, fine].join("");
}

/** The line, kept up to date while the dialog is open, and a button that turns the view to measure. */
function drawing(app: App, view: View): HTMLElement {
  const line = h("span", { id: "drawn" }, drawingLine(view));
  const done = h("span", { role: "status", class: "fine" });
  const follow = (): void => {
    if (!line.isConnected) return;
    const now = drawingLine(view);
    if (line.textContent !== now) line.textContent = now;
    setTimeout(follow, 500);
  };
  setTimeout(follow, 500);
  const button = h("button", { id: "measure", class: "second", onclick: () => void measure() }, t("drawn.measure"));
  const measure = async (): Promise<void> => {
    button.disabled = true;
    done.textContent = t("drawn.measuring");
    const before = view.camera();
    await turned(view, 3000);
    view.setCamera(before, false);
    done.textContent = line.textContent = drawingLine(view);
    button.disabled = false;
    app.tell("frames");
  };
  return h("li", {}, line, " ", button, " ", done);
}

/** The view turns for `span` ms, ten times that where pictures are too slow to be counted; in 2D it is drawn again. */
function turned(view: View, span: number): Promise<void> {
  return new Promise((end) => {
    const start = performance.now();
    const step = (): void => {
      const passed = performance.now() - start;
      if ((passed > span && view.drawn().images !== null) || passed > 10 * span || !byId<HTMLDialogElement>("dialog").open) {
        end();
        return;
      }
      view.turn(0.4);
      view.invalidate();
      requestAnimationFrame(step);
    };
    step();
  });
}

function about(app: App, view: View): Node[] {
  const { data } = app;
  const { grid } = data;
  const out: Node[] = [h("p", { class: "callout" }, t("about.reserve"))];
  const list = notices(app);
  if (list.length > 0) out.push(h("h3", {}, t("about.missing")), h("ul", {}, ...list.map((text) => h("li", {}, text))));
  out.push(h("h3", {}, t("about.model")), h("ul", {},
    h("li", {}, t("about.resolution", { cell: length(grid.model_cell), crs: grid.crs, nx: number(grid.model_nx), ny: number(grid.model_ny) })),
    h("li", {}, t("about.encoding", { cm: number(data.curve_errors[0] * 100, 1), all: number(data.curve_errors[1] * 100, 1), max: number(data.greatest_depth, 1) })),
    h("li", {}, t("about.drawing", { cm: number(data.wet_depth * 100) })),
    h("li", {}, t("about.between")),
    ...(app.hasFlow ? [h("li", {}, t("about.flow", { cell: length(grid.cell * 4) }))] : []),
    h("li", {}, t("about.roofs")),
    drawing(app, view),
    h("li", {}, t("about.version", { version: data.version, three: THREE_VERSION, made: instant(data.made) }))));
  for (const s of data.scenarios) {
    const p = s.provenance;
    const versions = p["packages"] ?? p["versions"];
    const facts: string[] = [];
    facts.push(t("about.solvers", { solvers: s.solvers.map((name) => maybe(`solver.${name}`) ?? name).join(", ") || "—" }));
    if (typeof p["twin"] === "string") facts.push(t("about.computed", { version: p["twin"] }));
    if (typeof p["commit"] === "string" && p["commit"]) facts.push(t("about.commit", { commit: p["commit"].slice(0, 12) }));
    if (versions && typeof versions === "object") facts.push(t("about.versions", { list: Object.entries(versions).map(([k, v]) => `${k} ${String(v)}`).join(", ") }));
    out.push(h("h3", {}, s.name), h("ul", {}, ...facts.map((f) => h("li", {}, f))));
    const rows = layerRows(p);
    if (rows.length > 0) {
      out.push(h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": `${t("about.sources")} : ${s.name}` }, h("table", { class: "grid" },
        h("caption", {}, t("about.sources")),
        h("thead", {}, h("tr", {}, ...["layer", "source", "edition", "licence", "reference"].map((k) => h("th", { scope: "col" }, t(`about.${k}`))))), h("tbody", {}, ...rows))));
    } else out.push(h("p", { class: "fine" }, t("about.no_sources")));
  }
  return out;
}

function help(app: App, mode: "3d" | "2d"): Node[] {
  const rows: [string, string][] = mode === "3d"
    ? [["help.drag", "help.drag_what"], ["help.right", "help.right_what"], ["help.wheel", "help.wheel_what"], ["help.click", "help.click_what"]]
    : [["help.drag", "help.drag_what"], ["help.wheel", "help.wheel_what"], ["help.click", "help.click_what"]];
  rows.push(["help.arrows", "help.arrows_what"], ["help.plus", "help.plus_what"]);
  if (mode === "3d") rows.push(["help.q", "help.q_what"]);
  rows.push(["help.space", "help.space_what"], ["help.page", "help.page_what"], ["help.profile", "help.profile_what"], ["help.enter", "help.enter_what"], ["help.escape", "help.escape_what"]);
  return [
    h("table", { class: "grid" }, h("tbody", {}, ...rows.map(([a, b]) => h("tr", {}, h("th", { scope: "row" }, t(a)), h("td", {}, t(b)))))),
    ...(mode === "2d" ? [h("p", { class: "callout" }, t("help.no_webgl"))] : []),
    h("p", { class: "fine" }, t("help.offline")),
    ...(app.scenarios.length > 1 ? [h("p", { class: "fine" }, t("help.compare"))] : []),
  ];
}

/** The address of this very view, a picture of it, a sheet of paper. */
function share(app: App, view: View): Node[] {
  const address = `${location.href.split("#")[0]}#${writeHash(app, view)}`;
  const field = h("input", { id: "share-link", type: "text", readonly: true, value: address, onfocus: (e) => (e.target as HTMLInputElement).select() });
  const told = h("p", { class: "fine", role: "status" });
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(address);
      told.textContent = t("share.copied");
    } catch {
      field.focus(); // some browsers give no clipboard to a file: the address is selected, Ctrl+C does it
      told.textContent = t("share.select");
    }
  };
  return [
    h("h3", {}, t("share.link")), h("label", { class: "fine block", for: "share-link" }, t("share.link_what")),
    h("div", { class: "row" }, field, h("button", { id: "share-copy", class: "second", onclick: () => void copy() }, t("share.copy"))), told,
    h("h3", {}, t("share.picture")), h("p", { class: "fine" }, t("share.picture_what")),
    h("div", { class: "row" },
      h("button", { id: "share-png", class: "second", onclick: () => savePicture(app, view) }, t("share.png")),
      h("button", { id: "share-print", class: "second", onclick: () => { byId<HTMLDialogElement>("dialog").close(); print(); } }, t("share.print"))),
  ];
}

export function openDialog(app: App, name: DialogName, view: View): void {
  const dialog = byId<HTMLDialogElement>("dialog");
  const content = name === "figures" ? figures(app) : name === "about" ? about(app, view) : name === "share" ? share(app, view) : help(app, view.mode);
  dialog.setAttribute("aria-labelledby", "dialog-title");
  dialog.replaceChildren(
    h("div", { class: "card-head" }, h("h2", { id: "dialog-title" }, t(`${name}.title`)),
      h("button", { class: "quiet", "aria-label": t("card.close"), onclick: () => dialog.close() }, icon("M5 5 L15 15 M15 5 L5 15"))),
    h("div", { class: "dialog-body" }, ...content));
  dialog.onclick = (event) => {
    if (event.target === dialog) dialog.close();
  };
  dialog.showModal();
}
