// What the reader asked for by a click: a point, a building or a road, and its story.

import { outOfUse } from "./chapters";
import { SCENARIO_LINES } from "./colours";
import { byId, h, icon, refill, svg } from "./dom";
import { capital, duration, metres, number, properName, t } from "./i18n";
import { nameOf } from "./places";
import { type Scenario, changeAt } from "./scenario";
import { shortNames } from "./switch";
import { type App, type Picked, RoadState, roadStateAt, unhurried } from "./state";

/** A street further away than this (m) says nothing about a place. */
const NEAR = 80;
/** Saturation is kept up to here (%): viz/page_features.py. */
const MOST_SATURATED = 255;
const CLOSE = "M5 5 L15 15 M15 5 L5 15";

interface Story {
  scenario: Scenario;
  colour: string;
  series: number[];
  /** The frames at this place are not all decoded yet. */
  waits: boolean;
  /** A building fills the cell: no water of its own. */
  roof: boolean;
  now: number;
  most: number;
}

/** When a series first passes a bound; Infinity for never. */
function firstAbove(times: number[], series: number[], bound: number): number {
  for (let k = 0; k < series.length; k++) {
    if (series[k] <= bound) continue;
    if (k === 0) return times[0];
    const share = (bound - series[k - 1]) / (series[k] - series[k - 1]);
    return times[k - 1] + share * (times[k] - times[k - 1]);
  }
  return Infinity;
}

/** When it was last above; Infinity where it still is at the end. */
function lastAbove(times: number[], series: number[], bound: number): number {
  const n = series.length - 1;
  for (let k = n; k >= 0; k--) {
    if (series[k] <= bound) continue;
    if (k === n) return Infinity;
    const share = (series[k] - bound) / (series[k] - series[k + 1]);
    return times[k] + share * (times[k + 1] - times[k]);
  }
  return -Infinity;
}

/** From when to when a road is closed by decision. */
function closure({ closures }: Scenario, road: number): [number, number] {
  const decided = closures.get(road) ?? [];
  return [Math.min(...decided.map(([start]) => start)), Math.max(...decided.map(([, end]) => end))];
}

export function makeCard(app: App, onClose: () => void): void {
  const card = byId("card");
  const { choices, territory, data } = app;

  const when = (scenario: Scenario, time: number): string =>
    scenario.meta.start ? `${app.hour(time, scenario)} (T+${duration(time)})` : app.hour(time, scenario);

  const stories = (): Story[] => {
    const picked = choices.picked;
    if (!picked) return [];
    const cell = territory.lattice.cellAt(picked.x, picked.y);
    return app.scenarios.map((scenario, k) => {
      const [bytes, worst] = picked.building !== null ? [scenario.buildingDepth, scenario.buildingMost]
        : picked.road !== null ? [scenario.roadDepth, scenario.roadMost] : [null, null];
      const thing = picked.building ?? picked.road ?? 0;
      const roof = bytes === null && scenario.isRoof(cell);
      const known = bytes ? scenario.series(bytes, thing) : scenario.cellSeries(cell);
      const series = roof ? [] : known ?? [];
      const now = bytes ? scenario.thingDepth(bytes, thing, choices.time, false) : scenario.depthAt(cell, choices.time);
      const most = worst ? scenario.thingMost(worst, thing) : scenario.maximumAt(cell);
      return { scenario, colour: SCENARIO_LINES[k % SCENARIO_LINES.length], series, waits: known === null, roof, now, most };
    });
  };

  /** What it is, of which kind, and the name that the data have for it. */
  const heading = (): [string, string, string] => {
    const { picked } = choices;
    const thing = headingOf(picked);
    return picked?.place ? [nameOf(picked.place), thing[0], thing[2]] : thing;
  };

  const headingOf = (picked: Picked | null): [string, string, string] => {
    if (picked?.building != null && territory.buildings && data.buildings) {
      const b = territory.buildings;
      const use = data.buildings.uses[b.use[picked.building]];
      const nature = data.buildings.natures[b.nature[picked.building]];
      return [use || nature || t("card.building"), t("card.building"), b.ids?.[picked.building] ?? ""];
    }
    if (picked?.road != null && data.roads) {
      const name = properName(data.roads.names[territory.roadName[picked.road]]);
      const nature = data.roads.natures[territory.roadNature[picked.road]];
      return [name || nature || t("card.road"), [t("card.road"), name ? nature : ""].filter(Boolean).join(" · "), territory.roadIds?.[picked.road] ?? ""];
    }
    return [t("card.point"), "", ""];
  };

  /** The street that a building or a point lies at. */
  let street: { picked: typeof choices.picked; name: string } | null = null;
  const near = (): string => {
    const { picked } = choices;
    if (!picked || picked.road !== null || !data.roads) return "";
    if (street?.picked !== picked) {
      const named = (k: number): boolean => properName(data.roads?.names[territory.roadName[k]] ?? "") !== "";
      const at = picked.building !== null && territory.buildings ? territory.buildings.list[picked.building] : picked;
      const road = app.finder.road(at.x, at.y, NEAR, named);
      street = { picked, name: road === null ? "" : properName(data.roads.names[territory.roadName[road]]) };
    }
    return street.name;
  };

  const update = (): void => {
    const picked = choices.picked;
    card.hidden = picked === null;
    if (!picked) return;
    const all = stories();
    const { lattice } = territory;
    const [title, subtitle, id] = heading();
    const facts = h("dl", { class: "facts" });
    const fact = (name: string, value: string): void => {
      facts.append(h("dt", {}, name), h("dd", {}, value));
    };
    const cell = lattice.cellAt(picked.x, picked.y);
    const ground = app.shown.bed[cell];
    if (near()) fact(t("card.near"), near());
    fact(t("card.ground"), Number.isFinite(ground) ? metres(ground) : t("card.no_data"));
    if (picked.building !== null && territory.buildings) {
      const { list, assumed } = territory.buildings;
      const height = `${number(list[picked.building].height, 1)} m`;
      const guessed = assumed && assumed[picked.building >> 3] & (128 >> (picked.building & 7));
      fact(t("card.height"), guessed ? t("card.assumed", { height }) : height);
    }
    if (picked.road !== null && territory.roads[picked.road].level > 0) fact(t("card.level"), t("card.bridge"));

    const knownHere = Number.isFinite(ground) || picked.building !== null || picked.road !== null;
    const rows = h("tbody", {});
    for (const story of all) {
      const { scenario, series } = story;
      const isRoad = picked.building === null && picked.road !== null;
      const bound = isRoad ? scenario.meta.closure_depth : data.wet_depth;
      const { times } = scenario.meta;
      const bridge = isRoad ? outOfUse(app, scenario, picked.road ?? 0) : null;
      const [shut, open] = isRoad ? closure(scenario, picked.road ?? 0) : [Infinity, -Infinity];
      const arrival = bridge ? Math.max(times[0], bridge[0]?.[0] ?? Infinity) : Math.min(shut, firstAbove(times, series, bound));
      const leaving = bridge ? (bridge[bridge.length - 1]?.[1] ?? -Infinity) : Math.max(open, lastAbove(times, series, bound));
      const ever = arrival < Infinity;
      // A run says nothing of what comes after it.
      let told = ever ? when(scenario, arrival) : story.most > bound ? t("card.between")
        : scenario.cutShort ? t("card.not_before", { at: duration(scenario.lastTime) })
          : t("card.not_during", { span: duration(scenario.lastTime - times[0]) });
      if (story.roof) told = t("card.on_roof");
      else if (story.waits) told = t("card.decoding");
      else if (arrival <= times[0]) told = t("card.from_start");
      if (isRoad && ever) told += ` → ${Number.isFinite(leaving) ? when(scenario, leaving) : t("card.end")}`;
      const cells = [
        h("td", {}, knownHere && !story.roof && scenario.knows(choices.time) ? (story.waits ? "…" : metres(story.now)) : "—"),
        h("td", {}, story.roof ? "—" : metres(story.most)), h("td", {}, told),
      ];
      if (isRoad && scenario.knows(choices.time)) {
        cells[0] = h("td", {}, stateText(scenario, picked.road ?? 0), h("br"), h("span", { class: "fine" }, metres(story.now)));
      }
      rows.append(h("tr", {},
        h("th", { scope: "row" }, h("span", { class: "keyed" }, key(story.colour, all.indexOf(story)), h("span", {}, app.scenarios.length > 1 ? capital(shortNames(app)[all.indexOf(story)]) : t("card.depth")))), ...cells));
    }
    // Of the two that the map shows, the same way round; of two runs, the second against the first else.
    const [a, b] = choices.compare || choices.difference ? [choices.scenario, choices.other] : [0, all.length - 1];
    if (app.hasDifference && (choices.compare || choices.difference || all.length === 2)) {
      const point = picked.building === null && picked.road === null;
      const change = point ? changeAt(app.scenarios[a], app.scenarios[b], cell) : all[b].most - all[a].most;
      const size = Math.abs(change) < 0.005 ? 0 : change;
      const read = !point || [a, b].every((k) => k === 0 || app.scenarios[k].change !== null);
      rows.append(h("tr", { class: "change" }, h("th", { scope: "row" }, t("figures.difference")), h("td", {}),
        h("td", {}, all[a].roof || all[b].roof ? "—" : read ? `${size > 0 ? "+ " : size < 0 ? "− " : ""}${metres(Math.abs(size))}` : "…"), h("td", {})));
    }
    const isRoad = picked.building === null && picked.road !== null;
    const table = h("table", { class: "told" },
      h("thead", {}, h("tr", {}, h("td", {}), h("th", { scope: "col" }, t("card.now")), h("th", { scope: "col" }, t(isRoad ? "card.most_road" : "card.most")), h("th", { scope: "col" }, t(isRoad ? "card.cut_from" : "card.arrival")))),
      rows);
    const traffic = isRoad ? trafficRows() : null;
    const { ensemble } = app;
    const chance = ensemble && Number.isFinite(ground) && !app.shown.isRoof(cell) ? (() => {
      const { least, middle, greatest } = ensemble.range(cell);
      return h("p", { class: "callout", id: "chance" }, h("strong", {}, t("card.chance", { n: ensemble.count[cell], all: ensemble.members.length })), ensemble.count[cell] > 0
        ? ` ; ${t("card.chance_range", { least: metres(least), middle: metres(middle), greatest: metres(greatest) })}.` : ".");
    })() : null;
    card.setAttribute("aria-label", title);
    const x = data.grid.x_west + lattice.halfX + picked.x;
    const y = data.grid.y_north - lattice.halfY + picked.y;
    card.setAttribute("aria-live", choices.playing ? "off" : "polite"); // ten tables a second are not for reading aloud
    refill(card,
      h("div", { class: "card-head" }, h("div", {}, h("h2", {}, title), subtitle && h("p", { class: "fine" }, subtitle)),
        h("button", { id: "card-close", class: "quiet", "aria-label": t("card.close"), title: t("card.close"), onclick: () => { app.set({ picked: null }); onClose(); } }, icon(CLOSE))),
      facts, ...(chance ? [chance] : []), table, ...(traffic ? [traffic] : []),
      ...(all.some((story) => !story.roof) ? [chart(all)] : []), h("p", { class: "fine" }, [t("card.where", { x: number(Math.round(x)), y: number(Math.round(y)), crs: data.grid.crs }), id].filter(Boolean).join(" · ")),
    );
  };

  const isOut = (scenario: Scenario, road: number): boolean =>
    outOfUse(app, scenario, road)?.some(([from, to]) => from <= choices.time && choices.time < to) ?? false;

  const stateText = (scenario: Scenario, road: number): string => {
    const state = roadStateAt(app, scenario, road, choices.time);
    return t(isOut(scenario, road) ? "card.out" : state === RoadState.Cut ? "card.cut" : state === RoadState.Slow ? "card.slow" : "card.open");
  };

  const trafficRows = (): HTMLElement | null => {
    const road = choices.picked?.road;
    if (road == null) return null;
    const list = h("dl", { class: "facts" });
    for (const scenario of app.scenarios) {
      const { traffic, times } = scenario.meta;
      if (!traffic || !scenario.volume || !scenario.saturation || !scenario.knows(choices.time)) continue;
      const { a } = scenario.moment(choices.time);
      const at = road * times.length + a;
      const volume = (scenario.volume[at] / 255) ** 2 * traffic.greatest_volume;
      list.append(
        h("dt", {}, app.scenarios.length > 1 ? t("card.traffic_of", { name: scenario.meta.name }) : t("card.traffic")),
        // Traffic is worked out now and then: a road that was cut since still has that of before.
        h("dd", {}, roadStateAt(app, scenario, road, choices.time) === RoadState.Cut || isOut(scenario, road)
          ? t("card.traffic_none", { at: app.hour(traffic.times.filter((time) => time <= choices.time).pop() ?? times[0], scenario) })
          : t(scenario.saturation[at] < MOST_SATURATED ? "card.traffic_value" : "card.traffic_value_least", { volume: number(Math.round(volume)), percent: number(scenario.saturation[at]) })));
    }
    return list.childElementCount > 0 ? list : null;
  };

  const chart = (all: Story[]): Node => {
    const wide = 320, tall = 128, left = 46, right = 8, top = 10, low = 20;
    const most = Math.max(0.2, ...all.map((s) => s.most), ...all.flatMap((s) => s.series));
    const nice = [0.2, 0.5, 1, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 50, 100].find((v) => v >= most * 1.05) ?? most * 1.1;
    const span = Math.max(1, app.to - app.from);
    const px = (time: number): number => left + ((time - app.from) / span) * (wide - left - right);
    const py = (depth: number): number => tall - low - (depth / nice) * (tall - low - top);
    const title = t("card.chart");
    const summary = all.map((s) => `${s.scenario.meta.name}: ${metres(s.most)}`).join("; ");
    const picture = svg("svg", { class: "chart", viewBox: `0 0 ${wide} ${tall}`, role: "img", "aria-label": `${title}. ${summary}` });
    for (const share of [0, 0.5, 1]) {
      const z = nice * share;
      picture.append(
        svg("line", { x1: left, x2: wide - right, y1: py(z), y2: py(z), stroke: share === 0 ? "#666" : "#ddd" }),
        svg("text", { x: left - 5, y: py(z) + 3.5, "text-anchor": "end" }, `${number(z, z < 1 && z > 0 ? 2 : z % 1 ? 1 : 0)} m`));
    }
    all.forEach((story, k) => {
      const points = story.series.map((depth, n) => `${px(story.scenario.meta.times[n]).toFixed(1)},${py(depth).toFixed(1)}`);
      picture.append(svg("polyline", { points: points.join(" "), fill: "none", stroke: story.colour, "stroke-width": 2, "stroke-linejoin": "round", ...(k ? { "stroke-dasharray": "6 3" } : {}) }));
    });
    const x = px(Math.min(app.to, Math.max(app.from, choices.time)));
    picture.append(
      svg("line", { x1: x, x2: x, y1: top - 4, y2: tall - low, stroke: "#161616", "stroke-dasharray": "2 2" }),
      svg("text", { x: left, y: tall - 6 }, app.hour(app.from)),
      svg("text", { x: wide - right, y: tall - 6, "text-anchor": "end" }, app.hour(app.to)));
    return h("figure", {}, h("figcaption", {}, title), picture);
  };

  update();
  const follow = unhurried(app, update);
  app.on((changed) => {
    if (choices.picked || changed.has("picked")) follow(changed);
  });
}

function key(colour: string, n: number): SVGSVGElement {
  return svg("svg", { class: "key", viewBox: "0 0 18 8", "aria-hidden": "true" },
    svg("line", { x1: 0, x2: 18, y1: 4, y2: 4, stroke: colour, "stroke-width": 3, ...(n ? { "stroke-dasharray": "6 3" } : {}) }));
}
