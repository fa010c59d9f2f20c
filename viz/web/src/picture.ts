// The view as a picture with what a reader needs to trust it: title, time, legend, scale, sources, date, reserve.

import { CHANCE_BOUNDS, CHANCE_COLOURS, CHANGE_COLOURS, DAMAGE_COLOURS, DEPTH_COLOURS, DIKE, PERMANENT, ROAD_CUT_DARK, ROAD_SLOW, ROOF, SCALE_DEPTHS, TRAFFIC } from "./colours";
import { byId, h } from "./dom";
import { date, length, number, t } from "./i18n";
import { cautions } from "./notices";
import type { App } from "./state";
import type { View } from "./view";

/** Names, editions and licences of the data of the scenario shown, once each. */
export function sourcesLine(app: App): string {
  const p = app.shown.meta.provenance;
  const layers = p["inputs"] ?? p["layers"];
  if (!layers || typeof layers !== "object") return t("about.no_sources");
  const found = new Set<string>();
  const licences = new Set<string>();
  for (const layer of Object.values(layers as Record<string, unknown>)) {
    if (typeof layer !== "object" || layer === null) continue;
    const { source, edition, licence } = layer as Record<string, unknown>;
    if (edition === undefined) continue; // a file of the scenario, no data of the territory
    const first = Array.isArray(source) ? source[0] : source;
    const name = typeof first === "string" ? (first.split(/[\\/]/).slice(-1)[0] ?? "").replace(/\.\w+$/, "") : "";
    if (name) found.add(typeof edition === "string" && edition ? `${name} (${edition})` : name);
    if (typeof licence === "string" && licence) licences.add(licence);
  }
  if (found.size === 0) return t("about.no_sources");
  const list = [...found];
  const shown = list.slice(0, 6).join(", ") + (list.length > 6 ? "…" : "");
  return t("share.sources", { list: shown + (licences.size > 0 ? ` — ${[...licences].slice(0, 2).join(", ")}` : "") });
}

/** What is shown, in words: scenario and instant. */
export function caption(app: App): string {
  const { choices } = app;
  const name = choices.compare || choices.difference
    ? t("head.versus", { a: app.shown.meta.name, b: app.scenarios[choices.other].meta.name }) : app.shown.meta.name;
  return `${name} · ${byId("clock").textContent ?? ""}, ${byId("since").textContent ?? ""}`;
}

/** The same for paper: with the year, and which run of an ensemble, or of two, it is. */
function heading(app: App): string {
  const { choices, ensemble, shown } = app;
  const { meta } = shown;
  if (app.chance) return `${byId("title").textContent ?? ""} · ${t("legend.chance_title")}`;
  if (choices.difference) return `${t("legend.change_of", { a: meta.name, b: app.scenarios[choices.other].meta.name })} · ${t("time.difference")}`;
  const name = ensemble ? `${meta.name} (${t("share.middle", { n: ensemble.members.length })})` : meta.name;
  const beyond = app.beyond(shown);
  const whole = choices.compare ? t("head.versus", { a: beyond ? `${name} (${beyond})` : name, b: app.named(app.scenarios[choices.other]) }) : name;
  if (app.whole || !meta.start || (beyond && !choices.compare)) return `${whole} · ${byId("clock").textContent ?? ""}, ${byId("since").textContent ?? ""}`;
  return `${whole} · ${date(shown.startMs + (meta.offset_s + choices.time) * 1000, true)} (${byId("since").textContent ?? ""})`;
}

export function madeWith(app: App): string {
  const made = Date.parse(app.data.made);
  return t("share.made", { version: app.data.version, made: Number.isFinite(made) ? date(made, false) : app.data.made, cell: length(app.data.grid.model_cell) });
}

/** The map alone, with its names and the place that was asked about. */
function drawMap(context: CanvasRenderingContext2D, view: View, scale: number): void {
  const map = byId("map");
  view.drawNow();
  const sky = context.createLinearGradient(0, 0, 0, map.clientHeight * scale); // as in style.css
  for (const [stop, colour] of [[0, "#cfdeea"], [0.46, "#edf2f6"], [1, "#e4e9ed"]] as const) sky.addColorStop(stop, colour);
  context.fillStyle = sky;
  context.fillRect(0, 0, map.clientWidth * scale, map.clientHeight * scale);
  for (const canvas of map.querySelectorAll("canvas")) {
    if (!canvas.hidden) context.drawImage(canvas, 0, 0, map.clientWidth * scale, map.clientHeight * scale);
  }
  const origin = map.getBoundingClientRect();
  for (const label of map.querySelectorAll<HTMLElement>(".label")) {
    if (label.style.visibility === "visible") drawLabel(context, label, origin, scale);
  }
  const pin = byId("pin");
  if (pin.checkVisibility({ visibilityProperty: true })) drawPin(context, pin.getBoundingClientRect(), origin, scale);
}

/** A name as the page has it: its box, its stem, its colours; names of areas are letters with a pale edge. */
function drawLabel(context: CanvasRenderingContext2D, label: HTMLElement, origin: DOMRect, scale: number): void {
  const [span, stem] = [label.querySelector("span"), label.querySelector("i")];
  if (!span) return;
  const look = getComputedStyle(span);
  const r = span.getBoundingClientRect();
  const [left, top] = [(r.left - origin.left) * scale, (r.top - origin.top) * scale];
  if (stem) {
    const s = stem.getBoundingClientRect();
    context.fillStyle = getComputedStyle(stem).backgroundColor;
    context.fillRect((s.left - origin.left) * scale, (s.top - origin.top) * scale, s.width * scale, s.height * scale);
    context.beginPath();
    context.roundRect(left, top, r.width * scale, r.height * scale, 4 * scale);
    context.fillStyle = look.backgroundColor;
    context.fill();
    context.lineWidth = Math.max(0.75, parseFloat(look.borderTopWidth) || 0) * scale;
    context.strokeStyle = parseFloat(look.borderTopWidth) > 0 ? look.borderTopColor : "rgba(0,0,0,.3)";
    context.stroke();
  }
  const [x, y] = [left + (r.width * scale) / 2, top + (r.height * scale) / 2];
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.font = `${look.fontWeight} ${parseFloat(look.fontSize) * scale}px ${look.fontFamily}`;
  if (!stem) {
    context.lineWidth = 4 * scale;
    context.strokeStyle = "rgba(255,255,255,.92)";
    context.lineJoin = "round";
    context.strokeText(span.textContent ?? "", x, y);
  }
  context.fillStyle = look.color;
  context.fillText(span.textContent ?? "", x, y);
}

function drawPin(context: CanvasRenderingContext2D, r: DOMRect, origin: DOMRect, scale: number): void {
  const [x, top] = [(r.left + r.width / 2 - origin.left) * scale, (r.top - origin.top) * scale];
  context.fillStyle = "#000091";
  context.fillRect(x - scale, top + 15 * scale, 2 * scale, 11 * scale);
  context.beginPath();
  context.arc(x, top + 8 * scale, 6.5 * scale, 0, 2 * Math.PI);
  context.fill();
  context.lineWidth = 3 * scale;
  context.strokeStyle = "#fff";
  context.stroke();
}

function swatches(app: App): [string, string | null, string][] {
  const { choices, data } = app;
  const permanent: [string, null, string][] = choices.permanentApart && app.shown.meta.permanent ? [[PERMANENT, null, t("legend.permanent")]] : [];
  if (app.chance) {
    const [a, b, c, d] = CHANCE_BOUNDS.map((bound) => `${Math.round(bound * 100)} %`);
    const texts = [`< ${a}`, `${a}–${b}`, `${b}–${c}`, `${c}–${d}`, `> ${d}`];
    return [...CHANCE_COLOURS.map((colour, k): [string, null, string] => [colour, null, texts[k]]), ...permanent];
  }
  if (choices.difference) {
    const texts = ["− > 50 cm", "− 20–50 cm", "− 5–20 cm", t("legend.change_same", { cm: "5" }), "+ 5–20 cm", "+ 20–50 cm", "+ > 50 cm"];
    return CHANGE_COLOURS.map((colour, k) => [colour, null, texts[k]]);
  }
  const bounds = [t("legend.less", { b: number(0.5, 1) }), t("legend.between", { a: number(0.5, 1), b: "1" }), t("legend.between", { a: "1", b: "2" }), t("legend.more", { a: "2" })];
  const water: [string, string | null, string][] = DEPTH_COLOURS.map((colour, k) => (choices.scale
    ? [colour, null, `${k === 3 ? "≥ " : ""}${number(SCALE_DEPTHS[k], k === 3 ? 0 : 2)} m`] : [colour, data.buildings ? DAMAGE_COLOURS[k] : null, bounds[k]]));
  // Houses keep their classes beside water in continuous colours.
  const houses = choices.scale && data.buildings ? DAMAGE_COLOURS.map((colour, k): [string, null, string] => [colour, null, t("share.building", { depth: bounds[k] })]) : [];
  return [...water, ...permanent, ...houses];
}

/** Roads by their states: colours along a short piece, and what they mean. */
function roadSwatches({ choices, chance, data, whole }: App): [string[], string][] {
  if (!choices.showRoads || !data.roads || chance) return [];
  const cut = [ROAD_SLOW, ROAD_CUT_DARK, ROAD_SLOW, ROAD_CUT_DARK];
  // Traffic is of an instant.
  const traffic = !whole && data.scenarios.some((s) => s.traffic) ? ["dense", "heavy", "saturated"].map((name, k): [string[], string] => [[TRAFFIC[k + 1]], t(`legend.${name}`)]) : [];
  if (!choices.difference) return [[[ROAD_SLOW], t("share.road_slow")], [cut, t("share.road_cut")], ...traffic];
  return [[[CHANGE_COLOURS[0]], t("share.road_freed")], [[CHANGE_COLOURS[6]], t("share.road_newly_cut")], [cut, t("share.road_still_cut")]];
}

/** Breaks a text into lines that fit. */
function lines(context: CanvasRenderingContext2D, text: string, wide: number): string[] {
  const out: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line ? `${line} ${word}` : word;
    if (line && context.measureText(longer).width > wide) {
      out.push(line);
      line = word;
    } else line = longer;
  }
  return line ? [...out, line] : out;
}

/** The map as it is seen, and under it everything that explains it. */
export function makePicture(app: App, view: View): HTMLCanvasElement {
  const map = byId("map");
  const scale = Math.max(1, Math.min(2, devicePixelRatio));
  const wide = map.clientWidth * scale;
  const tall = map.clientHeight * scale;
  const canvas = document.createElement("canvas");
  const context = canvas.getContext("2d");
  if (!context) throw new Error("no 2D canvas");
  const family = getComputedStyle(document.body).fontFamily;
  const font = (size: number, weight = 400): string => `${weight} ${size * scale}px ${family}`;
  const margin = 18 * scale;
  context.font = font(12);
  const small = [...cautions(app), t("about.reserve"), `${sourcesLine(app)} ${madeWith(app)}`].flatMap((text) => lines(context, text, wide - 2 * margin));
  context.font = font(17, 700);
  const title = lines(context, heading(app), wide - 2 * margin);
  context.font = font(12.5);
  const legend = legendRows(context, app, margin, wide - margin, scale);
  const under = 14 + 21 * title.length; // where the legend begins
  const footer = (under + 24 * legend.rows + 8 + 17 * small.length) * scale;
  canvas.width = wide;
  canvas.height = tall + footer;
  drawMap(context, view, scale);
  context.fillStyle = "#fff";
  context.fillRect(0, tall, wide, footer);
  context.fillStyle = "#000091";
  context.fillRect(0, tall, wide, 3 * scale);
  context.textAlign = "left";
  context.textBaseline = "alphabetic";
  context.fillStyle = "#161616";
  context.font = font(17, 700);
  title.forEach((line, k) => context.fillText(line, margin, tall + (28 + 21 * k) * scale));
  context.font = font(12.5);
  for (const { x, row, colours, slim, text } of legend.entries) {
    const y = tall + (under + 24 * row + 5) * scale;
    let at = x;
    for (const colour of colours) {
      context.fillStyle = colour;
      if (slim) context.fillRect(at, y + 4 * scale, (20 / colours.length) * scale, 6 * scale);
      else {
        context.fillRect(at, y, 20 * scale, 14 * scale);
        context.strokeStyle = "rgba(0,0,0,.4)";
        context.lineWidth = scale;
        context.strokeRect(at, y, 20 * scale, 14 * scale);
      }
      at += (slim ? 20 / colours.length : 23) * scale;
    }
    context.fillStyle = "#161616";
    context.fillText(text, at + (colours.length > 0 ? (slim ? 6 : 3) : 0) * scale, y + 12 * scale);
  }
  context.fillStyle = "#333";
  context.font = font(12);
  small.forEach((text, k) => context.fillText(text, margin, tall + (under + 24 * legend.rows + 13 + 17 * k) * scale));
  // Scale and north, on the map.
  const bar = byId("scale-bar").getBoundingClientRect().width * scale;
  const right = wide - margin;
  context.lineWidth = 2 * scale;
  context.strokeStyle = "#161616";
  context.fillStyle = "rgba(255,255,255,.85)";
  context.fillRect(right - Math.max(bar, 150 * scale) - 12 * scale, tall - 62 * scale, Math.max(bar, 150 * scale) + 12 * scale + 8 * scale, 54 * scale);
  context.beginPath();
  context.moveTo(right - bar, tall - 22 * scale);
  context.lineTo(right - bar, tall - 15 * scale);
  context.lineTo(right, tall - 15 * scale);
  context.lineTo(right, tall - 22 * scale);
  context.stroke();
  context.fillStyle = "#161616";
  context.textAlign = "right";
  context.font = font(12, 600);
  context.fillText(byId("scale-text").textContent ?? "", right, tall - 28 * scale);
  const angle = (-view.bearing() * Math.PI) / 180;
  context.save();
  context.translate(right - Math.max(bar, 150 * scale) + 8 * scale, tall - 35 * scale);
  context.rotate(angle);
  context.fillStyle = "#c9191e";
  context.beginPath();
  context.moveTo(0, -17 * scale);
  context.lineTo(6 * scale, 8 * scale);
  context.lineTo(0, 4 * scale);
  context.lineTo(-6 * scale, 8 * scale);
  context.fill();
  context.restore();
  return canvas;
}

interface Entry {
  x: number;
  row: number;
  colours: string[];
  /** A piece of road instead of a square. */
  slim: boolean;
  text: string;
}

/** The legend in as many rows as the width asks for: water beside buildings, as in the panel, then roads. */
function legendRows(context: CanvasRenderingContext2D, app: App, left: number, right: number, scale: number): { entries: Entry[]; rows: number } {
  const entries: Entry[] = [];
  let x = left;
  let row = 0;
  const add = (colours: string[], slim: boolean, text: string): void => {
    const marks = slim ? 26 * scale : (23 * colours.length + (colours.length > 0 ? 3 : 0)) * scale;
    const long = marks + context.measureText(text).width;
    if (x > left && x + long > right) {
      x = left;
      row++;
    }
    entries.push({ x, row, colours, slim, text });
    x += long + 15 * scale;
  };
  add([], false, choicesTitle(app));
  for (const [water, building, text] of swatches(app)) add(building ? [water, building] : [water], false, text);
  if (app.data.buildings && app.choices.showBuildings && !app.choices.difference && !app.chance) add([ROOF], false, t("share.dry"));
  // Water at the instant of the title, houses by the most so far: two times on one picture.
  const { choices, data, shown } = app;
  if (data.buildings && choices.showBuildings && choices.buildingMode === "reached" && !app.whole) add([], false, t("share.reached"));
  for (const [colours, text] of roadSwatches(app)) add(colours, true, text);
  const other = app.scenarios[choices.other];
  const drawn = choices.difference ? [other] : choices.compare ? [shown, other] : [shown];
  if (drawn.some((s) => s.meta.lines.length > 0)) add([DIKE], true, t("legend.dike"));
  return { entries, rows: row + 1 };
}

function choicesTitle(app: App): string {
  return app.chance ? t("legend.chance_title") : app.choices.difference ? t("legend.change") : app.data.buildings && !app.choices.scale ? `${t("legend.water")} (${t("legend.head_water")}, ${t("legend.head_buildings")})` : t("legend.water");
}

export function savePicture(app: App, view: View): void {
  makePicture(app, view).toBlob((blob) => {
    if (!blob) return;
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `${caption(app).replace(/[^\p{L}\p{N}]+/gu, "_").replace(/^_|_$/g, "").slice(0, 90)}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }, "image/png");
}

/** Paper gets the same picture, larger texts around it: the style sheet for print shows it alone. */
export function preparePrint(app: App, view: View): void {
  let image = document.querySelector<HTMLImageElement>("#paper");
  if (!image) document.body.append((image = h("img", { id: "paper", decoding: "sync" })));
  image.src = makePicture(app, view).toDataURL("image/png");
  image.alt = heading(app);
}
