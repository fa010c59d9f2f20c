// The panel on the right: what the colours mean, and what is shown.

import {
  CHANCE_BOUNDS, CHANCE_COLOURS, CHANGE_BOUNDS, CHANGE_COLOURS, DAMAGE_COLOURS, DEPTH_COLOURS, DIKE, PERMANENT, ROAD_CUT_DARK, ROAD_EDGE, ROAD_OPEN,
  ROAD_SLOW, ROOF, SCALE_DEPTHS, SHORE, TRAFFIC, scaleColour,
} from "./colours";
import { byId, h, icon, svg } from "./dom";
import { duration, number, t } from "./i18n";
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

const LAYERS = ["showBuildings", "showRoads", "showPlaces", "showFlow", "showObserved", "permanentApart", "scale", "showPhoto"] as const;
type Layer = (typeof LAYERS)[number];
/** Choices that others make too (links, the tour, keys): the controls follow them. */
const FOLLOWED = [...LAYERS, "water", "buildingMode", "exaggeration"] as const;

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

  const toggle = (key: Layer, text: string): HTMLElement =>
    h("label", { class: "check" },
      h("input", { type: "checkbox", id: `show-${key}`, checked: choices[key], onchange: (e) => app.set({ [key]: (e.target as HTMLInputElement).checked }) }),
      h("span", {}, text));
  const segments = <T extends string>(label: string, name: string, now: T, options: [T, string][], apply: (value: T) => void): HTMLElement =>
    h("div", { class: options.length > 2 ? "segments small three" : "segments small", role: "radiogroup", "aria-label": label },
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

  const chanceLegend = (): HTMLElement[] => {
    const [a, b, c, d] = CHANCE_BOUNDS.map((bound) => number(bound * 100));
    const texts = [t("legend.chance_less", { b: a }), t("legend.chance_between", { a, b }), t("legend.chance_between", { a: b, b: c }),
      t("legend.chance_between", { a: c, b: d }), t("legend.chance_more", { a: d })];
    return [h("h3", {}, t("legend.chance_title")), h("ul", { class: "legend" }, ...texts.map((text, k) => row(swatch(CHANCE_COLOURS[k]), text)),
      ...(app.scenarios.some((s) => s.meta.permanent) ? [row(swatch(PERMANENT), t("legend.permanent"))] : [])),
    h("p", { class: "fine" }, t("legend.chance_note", { n: app.ensemble?.members.length ?? 0, cm: number(data.wet_depth * 100) }))];
  };

  /** Runs that stopped early are no fair comparison. */
  const cutShort = (): HTMLElement[] => (choices.difference || choices.compare ? [app.shown, app.scenarios[choices.other]] : [])
    .filter((s, _, both) => s.cutShort || s.lastTime < Math.max(...both.map((o) => o.lastTime)) - 1)
    .map((s) => h("p", { class: "callout caution" }, t("legend.cut_short", { name: s.meta.name, at: duration(s.lastTime) })));

  const scaleBar = (): SVGSVGElement => {
    const wide = 190;
    const most = SCALE_DEPTHS[SCALE_DEPTHS.length - 1];
    const bar = svg("svg", { class: "scale-bar", viewBox: `0 0 ${wide + 30} 34`, role: "img", "aria-label": t("legend.scale") });
    for (let k = 0; k < 60; k++) {
      const [r, g, b] = scaleColour((most * (k + 0.5)) / 60).map(Math.round);
      bar.append(svg("rect", { x: 4 + (k * wide) / 60, y: 2, width: wide / 60 + 0.6, height: 14, fill: `rgb(${r},${g},${b})` }));
    }
    for (const depth of [0, 0.5, 1, 2, 3]) {
      const x = 4 + (depth / most) * wide;
      bar.append(svg("line", { x1: x, x2: x, y1: 16, y2: 20, stroke: "#333" }),
        svg("text", { x, y: 31, "text-anchor": "middle" }, depth === most ? `≥ ${depth} m` : number(depth, depth % 1 ? 1 : 0)));
    }
    return bar;
  };

  const waterLegend = (water: HTMLElement, also: HTMLElement): Element[] => [
    ...(choices.scale ? [scaleBar()] : []), water, also,
    h("p", { class: "fine" }, t("legend.thin", { cm: number(data.wet_depth * 100) })),
  ];

  const render = (): void => {
    // Water and buildings share their classes: one table, two swatches a row.
    const water = h("ul", { class: data.buildings ? "legend two" : "legend", hidden: choices.scale && !data.buildings });
    if (data.buildings) {
      water.append(h("li", { class: "heads" }, h("span", {}, choices.scale ? "" : t("legend.head_water")), h("span", {}, t("legend.head_buildings"))));
    }
    water.append(...DEPTH_COLOURS.map((c, k) => row(choices.scale ? gap() : swatch(c), bounds()[k], data.buildings ? swatch(DAMAGE_COLOURS[k]) : null)));
    if (data.buildings) water.append(row(gap(), t("legend.dry"), swatch(ROOF)));
    const also = h("ul", { class: "legend" });
    if (app.scenarios.some((s) => s.meta.permanent)) also.append(row(swatch(PERMANENT), t("legend.permanent")));
    also.append(row(svg("svg", { class: "swatch", viewBox: "0 0 26 16", "aria-hidden": "true" },
      svg("path", { d: "M1 11 C7 3 12 14 25 5", fill: "none", stroke: SHORE, "stroke-width": 2 })), t("legend.shore")));

    const body = h("div", { id: "panel-body", hidden: !open }, ...(choices.difference ? changeLegend() : [
      h("h3", {}, t("legend.water")),
      segments<WaterMode>(t("legend.water"), "water", choices.water, [["now", t("legend.now")], ["maximum", t("legend.maximum")], ...(app.ensemble ? [["chance", t("legend.chance")] as [WaterMode, string]] : [])], (water) => app.set({ water })),
      ...(app.chance ? chanceLegend() : waterLegend(water, also))]), ...cutShort());
    if (data.buildings && !choices.difference && !app.chance) {
      body.append(h("h3", {}, t("legend.buildings_by")),
        segments<BuildingMode>(t("legend.buildings_by"), "buildings", choices.buildingMode, [["reached", t("legend.reached")], ["now", t("legend.now")]], (buildingMode) => app.set({ buildingMode })));
    }
    if (data.roads && !choices.difference && !app.chance) {
      const roads = h("ul", { class: "legend" },
        row(roadSwatch("open"), t("legend.open")),
        row(roadSwatch("slow"), t("legend.slow", { cm: number(data.wet_depth * 100) })),
        row(roadSwatch("cut"), t("legend.cut", { m: [...new Set(data.scenarios.map((s) => number(s.closure_depth, 2)))].join(" / ") })));
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
    if (app.hasObserved) layers.append(toggle("showObserved", t("legend.observed")));
    layers.append(toggle("scale", t("legend.scale")));
    if (data.photo) layers.append(toggle("showPhoto", t("legend.photo")));
    if (app.hasFlow) layers.append(toggle("showFlow", t("legend.flow")));
    if (app.scenarios.some((s) => s.meta.permanent)) layers.append(toggle("permanentApart", t("legend.permanent_apart")));
    if (mode === "3d") {
      const out = h("output", { for: "exaggeration" }, `× ${number(choices.exaggeration, 1)}`);
      layers.append(h("label", { class: "range", for: "exaggeration" }, h("span", {}, t("legend.exaggeration"), " ", out),
        h("input", {
          id: "exaggeration", type: "range", min: 1, max: 4, step: 0.5, value: choices.exaggeration,
          oninput: (e) => app.set({ exaggeration: Number((e.target as HTMLInputElement).value) }),
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
  const follow = (): void => {
    for (const key of LAYERS) {
      const box = panel.querySelector<HTMLInputElement>(`#show-${key}`);
      if (box) box.checked = choices[key];
    }
    for (const [name, value] of [["water", choices.water], ["buildings", choices.buildingMode]]) {
      const chosen = panel.querySelector<HTMLInputElement>(`input[name="${name}"][value="${value}"]`);
      if (chosen) chosen.checked = true;
    }
    const slider = panel.querySelector<HTMLInputElement>("#exaggeration");
    if (!slider) return;
    slider.value = String(choices.exaggeration);
    const out = panel.querySelector("output[for=exaggeration]");
    if (out) out.textContent = `× ${number(choices.exaggeration, 1)}`;
  };
  render();
  app.on((changed) => {
    const other = (choices.difference || choices.compare) && (changed.has("other") || changed.has("scenario"));
    if (["language", "difference", "compare", "scale"].some((key) => changed.has(key as never)) || other || (app.ensemble && changed.has("water"))) {
      const focus = document.activeElement;
      const again = focus instanceof HTMLInputElement && focus.type === "radio" ? `input[name="${focus.name}"]:checked` : focus?.id ? `#${focus.id}` : "";
      const inside = panel.contains(focus);
      render();
      if (inside && again) panel.querySelector<HTMLElement>(again)?.focus();
    } else if (FOLLOWED.some((key) => changed.has(key))) follow();
  });
}
