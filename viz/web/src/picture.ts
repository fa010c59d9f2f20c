// The view as a picture with what a reader needs to trust it: title, time, legend, scale, sources, date, reserve.

import { CHANCE_BOUNDS, CHANCE_COLOURS, CHANGE_COLOURS, DAMAGE_COLOURS, DEPTH_COLOURS, PERMANENT, ROAD_CUT_DARK, ROAD_SLOW, SCALE_DEPTHS } from "./colours";
import { byId, h } from "./dom";
import { number, t } from "./i18n";
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

export function madeWith(app: App): string {
  return t("share.made", { version: app.data.version, made: app.data.made.slice(0, 10), cell: number(app.data.grid.model_cell, app.data.grid.model_cell % 1 ? 1 : 0) });
}

/** The map alone, with its names. */
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
  context.textAlign = "center";
  context.textBaseline = "middle";
  const origin = map.getBoundingClientRect();
  for (const label of map.querySelectorAll<HTMLElement>(".label")) {
    if (label.style.visibility !== "visible") continue;
    const span = label.querySelector("span");
    if (!span) continue;
    const r = span.getBoundingClientRect();
    const x = (r.left - origin.left + r.width / 2) * scale;
    const y = (r.top - origin.top + r.height / 2) * scale;
    context.font = `600 ${12.5 * scale}px ${getComputedStyle(span).fontFamily}`;
    context.lineWidth = 4 * scale;
    context.strokeStyle = "rgba(255,255,255,.92)";
    context.lineJoin = "round";
    context.strokeText(span.textContent ?? "", x, y);
    context.fillStyle = "#161616";
    context.fillText(span.textContent ?? "", x, y);
  }
}

function swatches(app: App): [string, string | null, string][] {
  const { choices, data } = app;
  if (app.chance) {
    const [a, b, c, d] = CHANCE_BOUNDS.map((bound) => `${Math.round(bound * 100)} %`);
    return CHANCE_COLOURS.map((colour, k) => [colour, null, [`< ${a}`, `${a}–${b}`, `${b}–${c}`, `${c}–${d}`, `> ${d}`][k]]);
  }
  if (choices.difference) {
    const texts = ["− > 50 cm", "− 20–50 cm", "− 5–20 cm", t("legend.change_same", { cm: "5" }), "+ 5–20 cm", "+ 20–50 cm", "+ > 50 cm"];
    return CHANGE_COLOURS.map((colour, k) => [colour, null, texts[k]]);
  }
  const bounds = [t("legend.less", { b: number(0.5, 1) }), t("legend.between", { a: number(0.5, 1), b: "1" }), t("legend.between", { a: "1", b: "2" }), t("legend.more", { a: "2" })];
  if (choices.scale) return DEPTH_COLOURS.map((colour, k) => [colour, null, `${k === 3 ? "≥ " : ""}${number(SCALE_DEPTHS[k], k === 3 ? 0 : 2)} m`]);
  const out: [string, string | null, string][] = DEPTH_COLOURS.map((colour, k) => [colour, data.buildings ? DAMAGE_COLOURS[k] : null, bounds[k]]);
  if (choices.permanentApart && app.shown.meta.permanent) out.push([PERMANENT, null, t("legend.permanent")]);
  return out;
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
  const small = [t("about.reserve"), `${sourcesLine(app)} ${madeWith(app)}`].flatMap((text) => lines(context, text, wide - 2 * margin));
  const footer = (88 + 17 * small.length) * scale;
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
  context.fillText(caption(app), margin, tall + 29 * scale, wide - 2 * margin);
  // Legend: water beside buildings, as in the panel.
  let x = margin;
  const y = tall + 46 * scale;
  context.font = font(12.5);
  const title = choicesTitle(app);
  context.fillText(title, x, y + 12 * scale);
  x += context.measureText(title).width + 14 * scale;
  for (const [water, building, text] of swatches(app)) {
    for (const colour of building ? [water, building] : [water]) {
      context.fillStyle = colour;
      context.fillRect(x, y, 20 * scale, 14 * scale);
      context.strokeStyle = "rgba(0,0,0,.4)";
      context.lineWidth = scale;
      context.strokeRect(x, y, 20 * scale, 14 * scale);
      x += 23 * scale;
    }
    context.fillStyle = "#161616";
    context.fillText(text, x + 3 * scale, y + 12 * scale);
    x += context.measureText(text).width + 16 * scale;
  }
  if (app.choices.showRoads && app.data.roads && !app.choices.difference && !app.chance) {
    for (let k = 0; k < 4; k++) {
      context.fillStyle = k % 2 ? ROAD_CUT_DARK : ROAD_SLOW;
      context.fillRect(x + 5 * k * scale, y + 4 * scale, 5 * scale, 6 * scale);
    }
    context.fillStyle = "#161616";
    context.fillText(t("card.cut"), x + 26 * scale, y + 12 * scale);
  }
  context.fillStyle = "#333";
  context.font = font(12);
  small.forEach((text, k) => context.fillText(text, margin, tall + (84 + 17 * k) * scale));
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

function choicesTitle(app: App): string {
  return app.chance ? t("legend.chance_title") : app.choices.difference ? t("legend.change") : app.data.buildings ? `${t("legend.water")} (${t("legend.head_water")}, ${t("legend.head_buildings")})` : t("legend.water");
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
  image.alt = caption(app);
}
