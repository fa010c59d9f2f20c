// The panel on the right: what the colours mean, and what is shown.

import {
  CHANGE_BOUNDS, CHANGE_COLOURS, DAMAGE_COLOURS, DEPTH_COLOURS, DIKE, PERMANENT, ROAD_CUT_DARK, ROAD_EDGE, ROAD_OPEN, ROAD_SLOW, ROOF, SHORE, TRAFFIC,
} from "./colours";
import { byId, h, icon, svg } from "./dom";
import { number, t } from "./i18n";
import type { App, BuildingMode, WaterMode } from "./state";

function swatch(fill: string, edge = "rgba(0,0,0,.28)"): SVGSVGElement {
  return svg("svg", { class: "swatch", viewBox: "0 0 26 16", "aria-hidden": "true" },
    svg("rect", { x: 0.5, y: 0.5, width: 25, height: 15, rx: 2, fill, stroke: edge }));
}

function gap(): HTMLElement {
  return h("i", { class: "swatch" });
}

function roadSwatch(kind: "open" | "slow" | "cut" | string): SVGSVGElement {
  const box = svg("svg", { class: "swatch", viewBox: "0 0 26 16", "aria-hidden": "true" });
  const band = (fill: string, edge: string): void => {
    box.append(svg("rect", { x: 0, y: 4, width: 26, height: 8, fill: edge }), svg("rect", { x: 0, y: 5.2, width: 26, height: 5.6, fill }));
  };
  if (kind === "cut") {
    box.append(svg("rect", { x: 0, y: 4, width: 26, height: 8, fill: ROAD_SLOW }));
    for (const x of [1, 10, 19]) box.append(svg("path", { d: `M${x} 12 l3 -8 h4 l-3 8z`, fill: ROAD_CUT_DARK }));
  } else if (kind === "slow") band(ROAD_SLOW, "#6b5710");
  else if (kind === "open") band(ROAD_OPEN, ROAD_EDGE);
  else band(kind, ROAD_EDGE);
  return box;
}

function row(mark: Node, text: string, second?: Node | null): HTMLElement {
  return h("li", {}, mark, second ?? null, h("span", {}, text));
}

function bounds(): string[] {
  return [
    t("legend.less", { b: number(0.5, 1) }),
    t("legend.between", { a: number(0.5, 1), b: "1" }),
    t("legend.between", { a: "1", b: "2" }),
    t("legend.more", { a: "2" }),
  ];
}

export function makePanel(app: App, mode: "3d" | "2d"): void {
  const panel = byId("panel");
  const { data, choices } = app;
  let open = innerWidth > 760;
  // On a low screen only what explains the water is unfolded; the rest is one click away.
  const unfolded = new Set(innerHeight >= 840 ? ["roads", "measures", "show"] : []);
  const group = (name: string, title: string, ...content: (Node | null)[]): HTMLElement =>
    h("details", {
      class: "group", id: `group-${name}`, open: unfolded.has(name),
      ontoggle: (e) => ((e.target as HTMLDetailsElement).open ? unfolded.add(name) : unfolded.delete(name)),
    }, h("summary", {}, h("h3", {}, title)), ...content);

  const toggle = (key: "showBuildings" | "showRoads" | "showPlaces" | "showFlow" | "permanentApart", text: string): HTMLElement =>
    h("label", { class: "check" },
      h("input", { type: "checkbox", id: `show-${key}`, checked: choices[key], onchange: (e) => app.set({ [key]: (e.target as HTMLInputElement).checked }) }),
      h("span", {}, text));
  const segments = <T extends string>(label: string, name: string, now: T, options: [T, string][], apply: (value: T) => void): HTMLElement =>
    h("div", { class: "segments small", role: "radiogroup", "aria-label": label },
      ...options.map(([value, text]) => h("label", {},
        h("input", { type: "radio", name, value, checked: value === now, onchange: () => apply(value) }), h("span", {}, text))));

  const changeLegend = (): HTMLElement[] => {
    const [low, middle, high] = CHANGE_BOUNDS.map((b) => number(b * 100));
    const sizes = [t("legend.change_more", { a: high }), t("legend.change_between", { a: middle, b: high }), t("legend.change_between", { a: low, b: middle })];
    const mark = (text: string): HTMLElement => h("strong", {}, text);
    const saved = h("ul", { class: "legend" }, h("li", {}, mark(t("legend.change_saved"))), ...sizes.map((text, k) => row(swatch(CHANGE_COLOURS[k]), `− ${text}`)));
    const same = h("ul", { class: "legend" }, row(swatch(CHANGE_COLOURS[3]), t("legend.change_same", { cm: low })));
    const worse = h("ul", { class: "legend" }, h("li", {}, mark(t("legend.change_worse"))),
      ...[...sizes].reverse().map((text, k) => row(swatch(CHANGE_COLOURS[4 + k]), `+ ${text}`)));
    const out: HTMLElement[] = [
      h("h3", {}, t("legend.change")),
      h("p", { class: "fine" }, t("legend.change_of", { a: app.shown.meta.name, b: app.scenarios[choices.other].meta.name })),
      saved, same, worse,
    ];
    if (data.roads) {
      out.push(h("h3", {}, t("legend.roads")), h("ul", { class: "legend" }, row(roadSwatch(CHANGE_COLOURS[0]), t("legend.road_freed")),
        row(roadSwatch(CHANGE_COLOURS[6]), t("legend.road_newly_cut")), row(roadSwatch("cut"), t("legend.road_still_cut"))));
    }
    return out;
  };

  const render = (): void => {
    // Water and buildings share their classes: one table, two swatches a row.
    const water = h("ul", { class: data.buildings ? "legend two" : "legend" });
    if (data.buildings) water.append(h("li", { class: "heads" }, h("span", {}, t("legend.head_water")), h("span", {}, t("legend.head_buildings"))));
    water.append(...DEPTH_COLOURS.map((c, k) => row(swatch(c), bounds()[k], data.buildings ? swatch(DAMAGE_COLOURS[k]) : null)));
    if (data.buildings) water.append(row(gap(), t("legend.dry"), swatch(ROOF)));
    const also = h("ul", { class: "legend" });
    if (app.scenarios.some((s) => s.meta.permanent)) also.append(row(swatch(PERMANENT), t("legend.permanent")));
    also.append(row(svg("svg", { class: "swatch", viewBox: "0 0 26 16", "aria-hidden": "true" },
      svg("path", { d: "M1 11 C7 3 12 14 25 5", fill: "none", stroke: SHORE, "stroke-width": 2 })), t("legend.shore")));

    const body = h("div", { id: "panel-body", hidden: !open }, ...(choices.difference ? changeLegend() : [
      h("h3", {}, t("legend.water")),
      segments<WaterMode>(t("legend.water"), "water", choices.water, [["now", t("legend.now")], ["maximum", t("legend.maximum")]], (water) => app.set({ water })),
      water,
      also,
      h("p", { class: "fine" }, t("legend.thin", { cm: number(data.wet_depth * 100) }))]));
    if (data.buildings && !choices.difference) {
      body.append(h("h3", {}, t("legend.buildings_by")),
        segments<BuildingMode>(t("legend.buildings_by"), "buildings", choices.buildingMode, [["reached", t("legend.reached")], ["now", t("legend.now")]], (buildingMode) => app.set({ buildingMode })));
    }
    if (data.roads && !choices.difference) {
      const roads = h("ul", { class: "legend" },
        row(roadSwatch("open"), t("legend.open")),
        row(roadSwatch("slow"), t("legend.slow", { cm: number(data.wet_depth * 100) })),
        row(roadSwatch("cut"), t("legend.cut", { m: number(data.closure_depth, 2) })));
      if (data.scenarios.some((s) => s.traffic)) {
        roads.append(row(roadSwatch(TRAFFIC[1]), t("legend.dense")), row(roadSwatch(TRAFFIC[2]), t("legend.heavy")), row(roadSwatch(TRAFFIC[3]), t("legend.saturated")));
      }
      body.append(group("roads", t("legend.roads"), roads,
        data.scenarios.some((s) => s.traffic) ? h("p", { class: "fine" }, t("legend.traffic_width")) : null));
    }
    if (data.scenarios.some((s) => s.lines.length > 0)) {
      body.append(group("measures", t("legend.measures"), h("ul", { class: "legend" }, row(swatch(DIKE), t("legend.dike")))));
    }
    const layers = group("show", t("legend.show"));
    body.append(layers);
    if (data.buildings) layers.append(toggle("showBuildings", t("legend.buildings")));
    if (data.roads) layers.append(toggle("showRoads", t("legend.roads")));
    if (data.places.length > 0) layers.append(toggle("showPlaces", t("legend.places")));
    if (app.hasFlow) layers.append(toggle("showFlow", t("legend.flow")));
    if (app.scenarios.some((s) => s.meta.permanent)) layers.append(toggle("permanentApart", t("legend.permanent_apart")));
    if (mode === "3d") {
      const out = h("output", { for: "exaggeration" }, `× ${number(choices.exaggeration, 1)}`);
      layers.append(h("label", { class: "range", for: "exaggeration" }, h("span", {}, t("legend.exaggeration"), " ", out),
        h("input", {
          id: "exaggeration", type: "range", min: 1, max: 4, step: 0.5, value: choices.exaggeration,
          oninput: (e) => {
            const exaggeration = Number((e.target as HTMLInputElement).value);
            out.textContent = `× ${number(exaggeration, 1)}`;
            app.set({ exaggeration });
          },
        })));
    }
    panel.replaceChildren(
      h("button", {
        class: "fold", "aria-expanded": open ? "true" : "false", "aria-controls": "panel-body",
        onclick: () => {
          open = !open;
          render();
          panel.querySelector<HTMLElement>(".fold")?.focus();
        },
      }, h("h2", {}, t("legend.title")), icon(open ? "M5 12.5 10 7.5 15 12.5" : "M5 7.5 10 12.5 15 7.5")), body);
    panel.setAttribute("aria-label", t("legend.title"));
  };
  render();
  app.on((changed) => {
    if (changed.has("language") || changed.has("difference") || (choices.difference && changed.has("other"))) render();
    else if (changed.has("water")) {
      const chosen = panel.querySelector<HTMLInputElement>(`input[name="water"][value="${choices.water}"]`);
      if (chosen) chosen.checked = true;
    }
  });
}
