// Time: play, clock, slider over the flooded area, speed.

import { type Chapter, chapterAt, chapterText, chapterTime, chapters, jump } from "./chapters";
import { SCENARIO_LINES } from "./colours";
import { byId, h, icon, svg } from "./dom";
import { capital, clock, duration, number, t, zone } from "./i18n";
import type { App } from "./state";
import { shortNames } from "./switch";
import { stoppedMembers } from "./notices";
import type { View } from "./view";

const PLAY = "M6 4 L16 10 L6 16Z";
const PAUSE = "M5.5 4 H8.5 V16 H5.5Z M11.5 4 H14.5 V16 H11.5Z";
const WHOLE_RUN = 24; // seconds that the whole run takes at speed 1

const NEXT = "M5 4 L12 10 L5 16Z M13 4 H15.5 V16 H13Z";
const PREVIOUS = "M15 4 L8 10 L15 16Z M7 4 H4.5 V16 H7Z";
const LIST = "M7.5 5 H17 M7.5 10 H17 M7.5 15 H17 M3 5 H4.5 M3 10 H4.5 M3 15 H4.5";

/** To a key instant, and to where it happens. */
export function goToChapter(app: App, view: View, chapter: Chapter | null): void {
  if (!chapter) return;
  app.set({
    time: chapterTime(app, chapter), playing: false, water: "now", difference: false,
    picked: chapter.at && (chapter.road !== null || chapter.building !== null)
      ? { x: chapter.at[0], y: chapter.at[1], road: chapter.road, building: chapter.building } : null,
  });
  if (chapter.at) view.goTo(chapter.at[0], chapter.at[1]);
}

export function makeTimebar(app: App, view: View): void {
  const bar = byId("time");
  const { choices } = app;
  const from = app.from;
  const to = app.to;
  const still = to <= from;

  const clockText = (time: number): string => {
    const s = app.shown;
    return s.meta.start ? clock(s.startMs, s.meta.offset_s, time) : `T+${duration(time)}`;
  };

  const render = (): void => {
    const play = h("button", { id: "play", class: "primary", disabled: still, onclick: () => togglePlay(app) });
    const slider = h("input", {
      id: "slider", type: "range", min: from, max: still ? from + 1 : to, step: "any", value: choices.time, disabled: still, "aria-label": t("time.slider"),
      oninput: (e) => app.set({ time: Number((e.target as HTMLInputElement).value), playing: false, water: "now", difference: false }),
      onkeydown: (e) => onSliderKey(app, e as KeyboardEvent),
    });
    const day = h("strong", { id: "clock" });
    const since = h("span", { id: "since" });
    const kept = h("span", { id: "zone", title: t("time.zone") }, zone(app.shown.meta.start, app.shown.meta.offset_s));
    const area = h("span", { id: "area" });
    const speeds: [number, string][] = [[0.25, `× ${number(0.25, 2)}`], [0.5, `× ${number(0.5, 1)}`], [1, "× 1"], [2, "× 2"], [4, "× 4"]];
    const speed = h("select", { id: "speed", "aria-label": t("time.speed"), title: t("time.speed"), onchange: (e) => app.set({ speed: Number((e.target as HTMLSelectElement).value) }) },
      ...speeds.map(([value, text]) => h("option", { value, selected: value === choices.speed }, text)));
    bar.setAttribute("aria-label", t("time.title"));
    const found = chapters(app, app.shown);
    const leap = (id: string, label: string, path: string, direction: 1 | -1): HTMLElement =>
      h("button", { id, class: "quiet", "aria-label": label, title: label, onclick: () => goToChapter(app, view, jump(app, direction)) }, icon(path, true));
    const list = h("ol", { id: "chapter-list", hidden: true }, ...found.map((chapter) =>
      h("li", {}, h("button", { class: "plain", onclick: () => { opener.click(); opener.focus(); goToChapter(app, view, chapter); } },
        h("span", { class: "when" }, app.hour(chapter.time)), h("span", {}, chapterText(chapter))))));
    const opener = h("button", {
      id: "chapters", class: "quiet", "aria-label": t("chapter.list"), title: t("chapter.list"), "aria-expanded": "false", "aria-controls": "chapter-list",
      onclick: () => {
        list.hidden = !list.hidden;
        byId("chapters").setAttribute("aria-expanded", String(!list.hidden));
      },
    }, icon(LIST));
    for (const part of [list, opener]) {
      part.addEventListener("keydown", (event: Event) => {
        if ((event as KeyboardEvent).key !== "Escape" || list.hidden) return;
        event.stopPropagation();
        opener.click();
        opener.focus();
      });
    }
    // Marks are for the pointer; the list has the same for the keyboard and for screen readers.
    const marks = svg("svg", { class: "marks", "aria-hidden": "true" }, ...found.map((chapter) => {
      const share = ((chapterTime(app, chapter) - from) / Math.max(1, to - from)) * 100;
      const mark = svg("g", { class: `mark ${chapter.kind}`, onclick: () => goToChapter(app, view, chapter) },
        svg("title", {}, `${app.hour(chapter.time)} · ${chapterText(chapter)}`),
        svg("circle", { cx: `${share}%`, cy: 6, r: 9, fill: "transparent" }), svg("circle", { cx: `${share}%`, cy: 6, r: 4.2 }));
      return mark;
    }));
    bar.replaceChildren(
      play,
      ...(found.length > 0 ? [h("div", { class: "leaps", role: "group", "aria-label": t("chapter.list") },
        leap("previous-chapter", t("chapter.previous"), PREVIOUS, -1), leap("next-chapter", t("chapter.next"), NEXT, 1), opener)] : []),
      h("div", { class: "clock" }, day, h("div", {}, since, " ", kept)),
      list,
      h("div", { class: "track" }, graph(app), marks, slider, h("div", { class: "ends", "aria-hidden": "true" }, h("span", {}, app.hour(from)), area, h("span", {}, app.hour(to)))),
      h("label", { class: "speed" }, h("span", {}, t("time.speed_short")), speed),
    );
    update();
  };

  // A text written again, the same, would have the page laid out again in every picture.
  const say = (id: string, text: string): void => {
    const element = byId(id);
    if (element.textContent !== text) element.textContent = text;
  };

  /** Hectares of what the map shows; null where nobody has worked them out. */
  const area = (): number | null => {
    const { meta } = app.shown;
    if (app.whole) {
      const most = choices.water === "maximum" && !choices.difference ? meta.indicators["flooded_area"] : undefined;
      return most?.unit === "ha" && typeof most.value === "number" ? most.value : null;
    }
    if (app.beyond(app.shown)) return null;
    const { a, b, f } = app.shown.moment(choices.time);
    return meta.hectares[a] * (1 - f) + meta.hectares[b] * f;
  };

  const areaText = (hectares: number): string => {
    const ha = number(hectares, hectares < 10 ? 1 : 0);
    return choices.compare ? t("time.area_of", { name: capital(shortNames(app)[choices.scenario]), ha }) : t("time.area", { ha });
  };

  const update = (): void => {
    const play = byId<HTMLButtonElement>("play");
    const does = t(choices.playing ? "time.pause" : "time.play");
    if (play.getAttribute("aria-label") !== does) {
      play.replaceChildren(icon(choices.playing ? PAUSE : PLAY, true), h("span", {}, does));
      play.setAttribute("aria-label", does);
    }
    const slider = byId<HTMLInputElement>("slider");
    slider.value = String(choices.time);
    const share = still ? 0 : ((choices.time - from) / (to - from)) * 100;
    slider.style.setProperty("--done", `${share}%`);
    const valued = `${clockText(choices.time)}, T+${duration(choices.time)}`;
    if (slider.getAttribute("aria-valuetext") !== valued) slider.setAttribute("aria-valuetext", valued);
    const { whole } = app;
    say("clock", choices.difference ? t("time.difference") : app.chance ? t("time.chance") : whole ? t("time.whole") : (choices.compare ? null : app.beyond(app.shown)) ?? clockText(choices.time));
    say("since", whole ? wholeText(app) : `T+${duration(choices.time)}`);
    byId("zone").hidden = whole;
    const chapter = whole || choices.playing || app.beyond(app.shown) ? null : chapterAt(app, choices.time);
    const hectares = area();
    say("area", chapter ? chapterText(chapter) : hectares === null ? "" : areaText(hectares));
    byId("time-cursor").setAttribute("x1", String(share * 10));
    byId("time-cursor").setAttribute("x2", String(share * 10));
  };

  render();
  app.on((changed) => {
    if (changed.has("language") || changed.has("scenario") || changed.has("compare") || (choices.compare && changed.has("other"))) {
      const focus = document.activeElement?.id;
      render();
      if (focus && bar.querySelector(`#${focus}`)) byId(focus).focus();
    } else if (["time", "playing", "water", "frames", "difference"].some((key) => changed.has(key as never))) update();
  });

  let last = 0;
  const loop = (now: number): void => {
    requestAnimationFrame(loop);
    const passed = Math.min(0.25, (now - last) / 1000);
    last = now;
    if (!choices.playing || still) return;
    const next = choices.time + (passed * choices.speed * (to - from)) / WHOLE_RUN;
    if (next >= to) app.set({ time: to, playing: false });
    else app.set({ time: next });
  };
  requestAnimationFrame(loop);
}

/** Over what the maxima are: all of the run, or what there is of it. */
function wholeText(app: App): string {
  const { choices, shown } = app;
  if (app.chance) return t(stoppedMembers(app).length > 0 ? "time.whole_part" : "time.whole_more");
  if (choices.difference || choices.compare) return t(shown.cutShort || app.scenarios[choices.other].cutShort ? "time.whole_part" : "time.whole_more");
  return shown.cutShort ? t("time.whole_until", { at: duration(shown.lastTime) }) : t("time.whole_more");
}

export function togglePlay(app: App): void {
  const { choices } = app;
  if (app.to <= app.from) return;
  if (!choices.playing && choices.time >= app.to - 1e-6) app.set({ time: app.from });
  app.set({ playing: !choices.playing, water: "now", difference: false });
}

function onSliderKey(app: App, event: KeyboardEvent): void {
  const minute = 60;
  const frame = (app.to - app.from) / Math.max(1, app.shown.meta.times.length - 1);
  const step: Record<string, number> = {
    ArrowLeft: -minute, ArrowDown: -minute, ArrowRight: minute, ArrowUp: minute, PageDown: -frame, PageUp: frame,
  };
  const by = step[event.key];
  if (by === undefined) return;
  event.preventDefault();
  app.set({ playing: false, water: "now", difference: false, time: Math.min(app.to, Math.max(app.from, app.choices.time + by)) });
}

/** Flooded area over time, behind the slider. */
function graph(app: App): SVGSVGElement {
  const { choices, scenarios } = app;
  const shown = choices.compare ? [choices.scenario, choices.other] : [choices.scenario];
  const most = Math.max(0.01, ...scenarios.flatMap((s) => s.meta.hectares));
  const span = Math.max(1, app.to - app.from);
  const picture = svg("svg", { class: "graph", viewBox: "0 0 1000 100", preserveAspectRatio: "none", "aria-hidden": "true" });
  for (const k of shown) {
    const { times, hectares } = scenarios[k].meta;
    const points = times.map((time, n) => `${(((time - app.from) / span) * 1000).toFixed(1)},${(100 - (hectares[n] / most) * 94).toFixed(1)}`);
    const stroke = SCENARIO_LINES[k % SCENARIO_LINES.length];
    if (k === choices.scenario) {
      const end = ((times[times.length - 1] - app.from) / span) * 1000;
      picture.append(svg("path", { d: `M0,100 L${points.join(" L")} L${end.toFixed(1)},100Z`, fill: "#6baed6", "fill-opacity": 0.35 }));
    }
    picture.append(svg("polyline", { points: points.join(" "), fill: "none", stroke: k === choices.scenario ? "#2171b5" : stroke, "stroke-width": 1.6, "vector-effect": "non-scaling-stroke", ...(k === choices.scenario ? {} : { "stroke-dasharray": "5 4" }) }));
  }
  picture.append(svg("line", { id: "time-cursor", y1: 0, y2: 100, x1: 0, x2: 0, stroke: "#000091", "stroke-width": 1.5, "vector-effect": "non-scaling-stroke" }));
  return picture;
}
