// A profile: two points on the map, and between them the ground, the water now and at most, and crests.

import { DIKE, SCENARIO_LINES } from "./colours";
import { byId, h, icon, refill, svg } from "./dom";
import { metres, number, t } from "./i18n";
import type { Scenario } from "./scenario";
import { type App, unhurried } from "./state";
import type { View } from "./view";

const SAMPLES = 300;

export interface Section {
  distance: number[];
  ground: number[];
  /** Level of the water (m), NaN where there is none. */
  now: number[];
  most: number[];
  /** Top of the house that the line crosses (m), NaN where there is none. */
  roof: number[];
  crests: { distance: number; crest: number }[];
}

/** Where two segments cross, as a share of the first; null when they do not. */
function crossing(ax: number, ay: number, bx: number, by: number, cx: number, cy: number, dx: number, dy: number): number | null {
  const det = (bx - ax) * (dy - cy) - (by - ay) * (dx - cx);
  if (Math.abs(det) < 1e-9) return null;
  const s = ((cx - ax) * (dy - cy) - (cy - ay) * (dx - cx)) / det;
  const r = ((cx - ax) * (by - ay) - (cy - ay) * (bx - ax)) / det;
  return s >= 0 && s <= 1 && r >= 0 && r <= 1 ? s : null;
}

/** Values along a line, at the present instant of the page. */
export function section(app: App, scenario: Scenario, line: readonly [number, number, number, number]): Section {
  const [ax, ay, bx, by] = line;
  const length = Math.hypot(bx - ax, by - ay);
  const { lattice } = scenario;
  const wet = app.data.wet_depth;
  const n = Math.min(SAMPLES, Math.max(8, Math.ceil((2 * length) / lattice.cell)));
  const out: Section = { distance: [], ground: [], now: [], most: [], roof: [], crests: [] };
  for (let k = 0; k <= n; k++) {
    const x = ax + ((bx - ax) * k) / n;
    const y = ay + ((by - ay) * k) / n;
    const cell = lattice.cellAt(x, y);
    const ground = scenario.bed[cell];
    const depth = scenario.knows(app.choices.time) ? scenario.depthAt(cell, app.choices.time) : NaN;
    const most = scenario.maximumAt(cell);
    out.distance.push((length * k) / n);
    out.ground.push(ground);
    out.now.push(depth > wet ? ground + depth : NaN);
    out.most.push(most > wet ? ground + most : NaN);
    const house = app.finder.building(x, y);
    out.roof.push(house === null ? NaN : ground + (app.territory.buildings?.list[house].height ?? 0));
  }
  for (const { parts, crest } of scenario.meta.lines) {
    if (crest === null) continue;
    for (const part of parts) {
      for (let p = 0; p + 3 < part.length; p += 2) {
        const share = crossing(ax, ay, bx, by, part[p], part[p + 1], part[p + 2], part[p + 3]);
        if (share !== null) out.crests.push({ distance: share * length, crest });
      }
    }
  }
  return out;
}

export function startProfile(app: App): void {
  const drawing = app.choices.tool === "profile" || app.choices.profile !== null;
  app.set(drawing ? { tool: "none", profile: null } : { tool: "profile", profile: null, picked: null });
}

/** A point of the line given by a click (or the middle of the map by Enter): true when it was taken. */
export function profilePoint(app: App, at: { x: number; y: number } | null): boolean {
  const { choices } = app;
  if (choices.tool !== "profile") return false;
  if (!at) return true;
  const started = choices.profile;
  if (!started) app.set({ profile: [at.x, at.y] });
  else if (started.length === 2) {
    if (Math.hypot(at.x - started[0], at.y - started[1]) < 1) return true;
    app.set({ profile: [started[0], started[1], at.x, at.y], tool: "none" });
  }
  return true;
}

export function makeProfile(app: App, onClose: () => void): void {
  const card = byId("profile");
  const { choices } = app;

  const update = (): void => {
    const line = choices.profile;
    card.hidden = choices.tool !== "profile" && line === null;
    byId("map").classList.toggle("drawing", choices.tool === "profile");
    document.getElementById("profile-tool")?.setAttribute("aria-pressed", String(!card.hidden));
    if (card.hidden) return;
    card.setAttribute("aria-label", t("profile.title"));
    const close = h("button", { id: "profile-close", class: "quiet", "aria-label": t("profile.close"), title: t("profile.close"), onclick: () => { app.set({ tool: "none", profile: null }); onClose(); } }, icon("M5 5 L15 15 M15 5 L5 15"));
    if (line?.length !== 4) {
      refill(card, h("div", { class: "card-head" }, h("h2", {}, t("profile.title")), close),
        h("p", { role: "status" }, t(line ? "profile.second" : "profile.first")));
      return;
    }
    const four = line as [number, number, number, number];
    const shown = (choices.compare || choices.difference ? [app.shown, app.scenarios[choices.other]] : [app.shown]).map((scenario) => ({
      scenario, section: section(app, scenario, four), colour: SCENARIO_LINES[app.scenarios.indexOf(scenario) % SCENARIO_LINES.length],
    }));
    refill(card,
      h("div", { class: "card-head" }, h("div", {}, h("h2", {}, t("profile.title")), h("p", { class: "fine" }, t("profile.what", { length: number(Math.hypot(four[2] - four[0], four[3] - four[1])) }))), close),
      chart(shown));
  };

  const chart = (shown: { scenario: Scenario; section: Section; colour: string }[]): HTMLElement => {
    const wide = 640, tall = 230, left = 62, right = 12, top = 10, low = 26;
    const first = shown[0].section;
    const finite = shown.flatMap(({ section: s }) => [...s.ground, ...s.now, ...s.most, ...s.crests.map((c) => c.crest)]).filter(Number.isFinite);
    if (finite.length === 0) return h("p", {}, t("card.no_data"));
    const lowest = Math.min(...finite);
    const highest = Math.max(...finite);
    const room = Math.max(1, 0.06 * (highest - lowest));
    const z0 = lowest - room;
    const z1 = highest + room;
    const length = first.distance[first.distance.length - 1];
    const px = (d: number): number => left + (d / length) * (wide - left - right);
    const py = (z: number): number => tall - low - ((z - z0) / (z1 - z0)) * (tall - low - top);
    // Pieces between holes, so that nothing is drawn where nothing is known.
    const pieces = (values: number[]): [number, number][][] => {
      const out: [number, number][][] = [];
      let open: [number, number][] | null = null;
      values.forEach((z, k) => {
        if (!Number.isFinite(z)) open = null;
        else if (open) open.push([first.distance[k], z]);
        else out.push((open = [[first.distance[k], z]]));
      });
      return out;
    };
    const path = (points: [number, number][]): string => points.map(([d, z], k) => `${k ? "L" : "M"}${px(d).toFixed(1)} ${py(z).toFixed(1)}`).join("");
    const told: string[] = [];
    const picture = svg("svg", { class: "chart", viewBox: `0 0 ${wide} ${tall}`, role: "img" });
    const step = [0.5, 1, 2, 5, 10, 20, 50, 100, 200].find((v) => (z1 - z0) / v <= 5) ?? 500;
    for (let z = Math.ceil(z0 / step) * step; z <= z1; z += step) {
      picture.append(svg("line", { x1: left, x2: wide - right, y1: py(z), y2: py(z), stroke: "#e2e2e2" }),
        svg("text", { x: left - 6, y: py(z) + 3.5, "text-anchor": "end" }, `${number(z, step < 1 ? 1 : 0)} m`));
    }
    shown.forEach(({ scenario, section: s, colour }, n) => {
      if (n === 0) {
        // Water under the ground's own shape, so that only what stands above it shows.
        for (const piece of pieces(s.now)) {
          const back = piece.map(([d]) => [d, z0] as [number, number]).reverse();
          picture.append(svg("path", { d: `${path([...piece, ...back])}Z`, fill: "#6baed6", class: "water-now" }));
        }
      }
      for (const piece of pieces(s.most)) picture.append(svg("path", { d: path(piece), fill: "none", stroke: colour, "stroke-width": 1.6, "stroke-dasharray": n ? "2 3" : "6 3" }));
      if (n > 0) for (const piece of pieces(s.now)) picture.append(svg("path", { d: path(piece), fill: "none", stroke: colour, "stroke-width": 1.8 }));
      const depths = s.now.map((z, k) => z - s.ground[k]).filter(Number.isFinite);
      const mosts = s.most.map((z, k) => z - s.ground[k]).filter(Number.isFinite);
      told.push(t("profile.told", { name: scenario.meta.name, now: scenario.knows(choices.time) ? metres(Math.max(0, ...depths)) : "—", most: metres(Math.max(0, ...mosts)) }));
    });
    for (const piece of pieces(first.ground)) {
      const end = piece[piece.length - 1];
      picture.append(svg("path", { d: `${path([...piece, [end[0], z0], [piece[0][0], z0]])}Z`, fill: "#d8cdb9" }),
        svg("path", { d: path(piece), fill: "none", stroke: "#4d4436", "stroke-width": 1.8, class: "ground-line" }));
    }
    // Houses, with water on both sides of them.
    // Cut off low, as the key says: at their height they would leave no room for the water.
    const stub = 0.17 * (z1 - z0);
    for (const piece of pieces(first.roof.map((z, k) => Math.min(z, z1, first.ground[k] + stub)))) {
      const foot = piece.map(([d]) => [d, first.ground[first.distance.indexOf(d)]] as [number, number]).reverse();
      const from = piece[0][0];
      const to = Math.max(piece[piece.length - 1][0], from + 1);
      picture.append(svg("path", { class: "house", d: piece.length > 1 ? `${path([...piece, ...foot])}Z` : `${path([piece[0], [to, piece[0][1]], [to, foot[0][1]], foot[0]])}Z`, fill: "#a9a3a6" }));
    }
    const crossed = first.roof.some(Number.isFinite);
    for (const { section: s } of shown) {
      for (const { distance, crest } of s.crests) {
        picture.append(svg("path", { class: "crest", d: `M${px(distance)} ${py(z0)}V${py(crest)}m-7 0h14`, stroke: DIKE, "stroke-width": 4, fill: "none" }));
        told.push(t("profile.crest_told", { at: number(distance), crest: metres(crest) }));
      }
    }
    picture.append(svg("text", { x: left, y: tall - 7 }, "A"), svg("text", { x: wide - right, y: tall - 7, "text-anchor": "end" }, `B · ${number(length)} m`));
    picture.setAttribute("aria-label", told.join(" "));
    const key = (line: SVGElement, text: string): HTMLElement => h("li", {}, svg("svg", { class: "key", viewBox: "0 0 18 8", "aria-hidden": "true" }, line), h("span", {}, text));
    const rule = (stroke: string, width: number, dash = ""): SVGElement => svg("line", { x1: 0, x2: 18, y1: 4, y2: 4, stroke, "stroke-width": width, "stroke-dasharray": dash });
    return h("figure", {}, picture,
      h("ul", { class: "keys" }, key(rule("#4d4436", 2), t("profile.ground")), key(svg("rect", { width: 18, height: 8, fill: "#6baed6" }), t("profile.now")),
        ...(crossed ? [key(svg("rect", { width: 18, height: 8, fill: "#a9a3a6" }), t("profile.house"))] : []),
        ...shown.map(({ scenario, colour }, n) => key(rule(colour, 2, n ? "2 3" : "6 3"), shown.length > 1 ? t("profile.most_of", { name: scenario.meta.name }) : t("profile.most"))),
        ...(shown.some(({ section: s }) => s.crests.length > 0) ? [key(rule(DIKE, 4), t("profile.crest"))] : [])),
      h("p", { class: "fine" }, told.join(" ")));
  };

  update();
  const follow = unhurried(app, update);
  app.on((changed) => {
    if (choices.tool === "profile" || choices.profile || changed.has("profile") || changed.has("tool")) follow(changed);
  });
}

/** The line on the picture, over 3D and 2D alike. */
export function drawProfileLine(app: App, view: View): void {
  const host = byId("profile-line");
  const line = app.choices.profile;
  if (!line) {
    if (host.childElementCount > 0) host.replaceChildren();
    return;
  }
  const ends: [number, number][] = line.length === 4 ? [[line[0], line[1]], [line[2], line[3]]] : [[line[0], line[1]]];
  const points: string[] = [];
  if (line.length === 4) {
    for (let k = 0; k <= 60; k++) {
      const at = view.project(line[0] + ((line[2] - line[0]) * k) / 60, line[1] + ((line[3] - line[1]) * k) / 60, 1);
      if (at.ahead) points.push(`${at.x.toFixed(1)},${at.y.toFixed(1)}`);
    }
  }
  host.replaceChildren(
    svg("polyline", { points: points.join(" "), class: "under" }), svg("polyline", { points: points.join(" ") }),
    ...ends.flatMap(([x, y], k) => {
      const at = view.project(x, y, 1);
      return at.ahead ? [svg("circle", { cx: at.x, cy: at.y, r: 8 }), svg("text", { x: at.x, y: at.y + 4, "text-anchor": "middle" }, k ? "B" : "A")] : [];
    }));
}
