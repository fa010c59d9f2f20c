// The offline page: reads what is inside the file, shows it, answers clicks and keys.

import { makeCard } from "./card";
import { jump } from "./chapters";
import { type DialogName, openDialog } from "./dialogs";
import { byId, h, icon, refill, svg } from "./dom";
import { Ensemble } from "./ensemble";
import { counted, language, number, setLanguage, setTexts, t } from "./i18n";
import { Labels } from "./labels";
import { makePanel } from "./legend";
import { readHash } from "./link";
import { Loader } from "./loader";
import { Map2D } from "./map2d";
import { cautions, notices } from "./notices";
import { Decoder } from "./decoder";
import { readScenario } from "./scenario";
import { readTerritory } from "./territory";
import { preparePrint } from "./picture";
import { drawProfileLine, makeProfile, profilePoint, section, startProfile } from "./profile";
import { commonStart, makeSwitch } from "./switch";
import { type Drawing, openDrawing } from "./drawing";
import { Scene3D } from "./scene3d";
import { makeSearch } from "./search";
import { App } from "./state";
import { makeStory, startStory } from "./story";
import { goToChapter, makeTimebar, togglePlay } from "./timebar";
import type { PageData } from "./types";
import type { View } from "./view";

async function start(): Promise<void> {
  const data = JSON.parse(byId("data").textContent ?? "") as PageData;
  byId("data").remove();
  setTexts(data.texts, data.lang);
  byId("veil-text").textContent = t("loading");
  performance.mark("start");
  // The graphics card makes its programs while the blocks are unpacked.
  const drawing = openDrawing(byId("map"), data);
  performance.mark("card");
  const reading = readTerritory(data);
  const opening = data.scenarios.map((meta) => readScenario(data, meta, reading));
  const [territory, ensemble, ...scenarios] = await Promise.all([reading, Ensemble.read(data), ...opening]);
  performance.mark("scenarios");
  const app = new App(data, territory, scenarios, ensemble);
  const decoder = new Decoder();
  const view = makeView(byId("map"), app, decoder, drawing);
  const loader = new Loader(app, view, decoder);
  makeInterface(app, view, loader);
  readHash(app, view, location.hash);
  addEventListener("hashchange", () => readHash(app, view, location.hash));
  Object.assign(window, { twin: { app, view: () => view, section, decoder, loader } }); // for the tests, and for the curious
  document.documentElement.dataset["ready"] = "first";
  await Promise.race([view.shown, hidden()]); // nothing before the first picture
  performance.mark("picture");
  const houses = view.build();
  // The page can be used meanwhile.
  const rest = async (): Promise<void> => {
    for (const scenario of scenarios) await scenario.readChange();
    if (app.hasDifference) app.tell("difference"); // drawn and told again: nobody knew it before
    await houses;
    performance.mark("all");
    app.tell("frames");
    document.documentElement.dataset["ready"] = "all";
  };
  await Promise.all([houses, loader.run(() => void rest().catch(failed))]);
  decoder.close(); // everything is decoded
}

/** A page in the background draws nothing. */
function hidden(): Promise<void> {
  return new Promise((done) => {
    const look = (): void => {
      if (document.hidden) done();
    };
    look();
    document.addEventListener("visibilitychange", look, { once: true });
  });
}

function makeView(map: HTMLElement, app: App, decoder: Decoder, drawing: Drawing | null): View {
  if (drawing) {
    try {
      return new Scene3D(map, app, drawing, decoder);
    } catch (error) {
      console.warn("WebGL did not start, the map is drawn in 2D", error);
      map.querySelector("canvas")?.remove();
    }
  }
  return new Map2D(map, app);
}

function makeInterface(app: App, view: View, loader: Loader): void {
  performance.mark("interface");
  byId("veil").hidden = true;
  document.body.dataset["view"] = view.mode;
  const labels = new Labels(app, () => view.invalidate());
  makeHead(app, view);
  makeMore();
  makePanel(app, view.mode);
  makeTimebar(app, view);
  makeCard(app, () => byId("map").focus());
  uncover(app, view);
  makeTools(app, view);
  makeSearch(app, view);
  makeStory(app, view);
  makeProfile(app, () => byId("map").focus());
  makeSplit(app, view);
  listen(app, view);
  const map = byId("map");
  const needle = document.querySelector<SVGElement>("#compass g");
  view.onDraw = () => {
    loader.look();
    labels.update(view);
    needle?.setAttribute("transform", `rotate(${-view.bearing()} 12 12)`);
    updateScale(app, view);
    drawProfileLine(app, view);
  };
  addEventListener("beforeprint", () => preparePrint(app, view));
  new ResizeObserver(() => view.resize()).observe(map);
}

function makeHead(app: App, view: View): void {
  const { data } = app;
  const render = (): void => {
    byId("kicker").textContent = t("kicker");
    const names = data.scenarios.map((s) => s.name);
    const start = commonStart(names);
    const common = names[0].slice(0, start).replace(/[\s,:–+-]+$/, "");
    byId("title").textContent = data.ensemble ? t("head.ensemble", { n: data.ensemble.members.length }) : !app.choices.compare && !app.choices.difference ? app.shown.meta.name
      : common || t("head.versus", { a: app.shown.meta.name, b: app.scenarios[app.choices.other].meta.name });
    refill(byId("reserve"), h("span", { class: "long" }, t("head.reserve")), h("span", { class: "short" }, t("head.reserve_short")));
    const now = cautions(app);
    byId("caution").textContent = now.join(" ");
    byId("caution").hidden = now.length === 0;
    const found = notices(app);
    const items: [DialogName, string][] = [["figures", t("figures.title")], ["about", found.length > 0 ? t("head.about_n", { n: found.length }) : t("about.title")], ["share", t("share.title")], ["help", t("help.title")]];
    byId("more").textContent = t("head.more");
    byId("menu").setAttribute("aria-label", t("head.menu"));
    refill(byId("menu"),
      ...(data.story.length > 0 ? [h("button", { class: "link", id: "open-story", onclick: () => startStory(app, view) }, counted("story.open", data.story.length))] : []),
      ...items.map(([name, text]) => h("button", { class: "link", id: `open-${name}`, onclick: () => openDialog(app, name, view) }, text)),
      h("button", {
        class: "link", id: "language", lang: language() === "fr" ? "en" : "fr", "aria-label": language() === "fr" ? "English" : "Français",
        onclick: () => { setLanguage(language() === "fr" ? "en" : "fr"); app.tell("language"); },
      }, language() === "fr" ? "English" : "Français"));
    makeSwitch(app, names);
    document.title = data.title;
    byId("map").setAttribute("aria-label", t(view.mode === "3d" ? "map.label" : "map.label_2d"));
  };
  render();
  app.on((changed) => {
    if (["language", "scenario", "compare", "difference", "other"].some((key) => changed.has(key as never)) || (app.ensemble && changed.has("water"))) render();
  });
}

/** Where the card lies over the place that it tells of, as on a telephone, the view moves the place out from under it. */
function uncover(app: App, view: View): void {
  app.on((changed) => {
    const { picked } = app.choices;
    if (!changed.has("picked") || !picked) return;
    const card = byId("card").getBoundingClientRect();
    const { x, y, ahead } = view.project(picked.x, picked.y, 0);
    if (!ahead || x < card.left || x > card.right || y < card.top || y > card.bottom + 12) return;
    const { bearing, lean, ...camera } = view.camera();
    const room = byId("time").getBoundingClientRect().top - card.bottom;
    if (room < 60) return; // nowhere to go
    const tilt = (lean * Math.PI) / 180;
    // How far ahead of the eye, along the ground, a height on the screen is.
    const reach = (at: number): number => camera.distance * Math.cos(tilt)
      * Math.tan(tilt - Math.atan(((at - 0.5 * byId("map").clientHeight) * view.metresPerPixel()) / camera.distance));
    const metres = reach(y) - reach(card.bottom + 0.5 * room);
    const turn = (bearing * Math.PI) / 180;
    view.setCamera({ ...camera, bearing, lean, x: camera.x + metres * Math.sin(turn), y: camera.y + metres * Math.cos(turn) }, true);
  });
}

/** On a small screen the search and the menu are unfolded on demand. */
function makeMore(): void {
  const more = byId("more");
  more.addEventListener("click", () => {
    const open = byId("head").classList.toggle("open");
    more.setAttribute("aria-expanded", String(open));
  });
}

function makeTools(app: App, view: View): void {
  const render = (): void => {
    const button = (id: string, label: string, path: string, act: () => void): HTMLElement =>
      h("button", { id, class: "tool", "aria-label": label, title: label, onclick: act }, icon(path));
    const compass = h("button", { id: "compass", class: "tool", "aria-label": t("tools.north"), title: t("tools.north"), onclick: () => view.north() },
      svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" },
        svg("g", {}, svg("path", { d: "M12 2 L15.5 12 L8.5 12Z", fill: "#c9191e" }), svg("path", { d: "M12 22 L15.5 12 L8.5 12Z", fill: "#929292" }),
          svg("text", { x: 12, y: 11, "text-anchor": "middle", class: "north" }, "N"))));
    const items = [
      compass, button("zoom-in", t("tools.in"), "M10 4 V16 M4 10 H16", () => view.zoom(1.35)),
      button("zoom-out", t("tools.out"), "M4 10 H16", () => view.zoom(1 / 1.35)),
    ];
    if (view.mode === "3d") {
      items.push(
        button("turn-left", t("tools.left"), "M6 5 V9 H10 M6.3 8.8 A5.5 5.5 0 1 1 5 13", () => view.turn(-20)),
        button("turn-right", t("tools.right"), "M14 5 V9 H10 M13.7 8.8 A5.5 5.5 0 1 0 15 13", () => view.turn(20)),
        button("tilt", t("tools.tilt"), "M3 13 L10 16.5 L17 13 L10 9.5Z M10 9.5 V3 M7.5 5.5 L10 3 L12.5 5.5", () => view.tilt()));
    }
    items.push(button("home", t("tools.home"), "M3.5 10 L10 4 L16.5 10 M5.5 8.8 V16 H14.5 V8.8", () => view.home()));
    const profile = button("profile-tool", t("profile.tool"), "M2.5 15.5 L7 8 L10.5 12 L14 5 L17.5 15.5Z M2.5 11 H6", () => startProfile(app));
    profile.setAttribute("aria-pressed", String(app.choices.profile !== null || app.choices.tool === "profile"));
    items.unshift(profile);
    byId("tools").replaceChildren(...items);
  };
  render();
  app.on((changed) => {
    if (!changed.has("language")) return;
    render();
    view.invalidate();
  });
}

function makeSplit(app: App, view: View): void {
  const split = byId("split");
  const map = byId("map");
  const { choices } = app;
  const place = (): void => {
    split.hidden = !choices.compare;
    byId("side-left").hidden = byId("side-right").hidden = !choices.compare;
    split.style.left = `${choices.split * 100}%`;
    split.setAttribute("aria-label", t("map.split"));
    split.setAttribute("aria-valuemin", "0");
    split.setAttribute("aria-valuemax", "100");
    split.setAttribute("aria-valuenow", String(Math.round(choices.split * 100)));
    name();
    byId("side-left").style.right = `${(1 - choices.split) * 100}%`;
    byId("side-right").style.left = `${choices.split * 100}%`;
    view.invalidate();
  };
  const name = (): void => {
    byId("side-left").textContent = app.named(app.shown);
    byId("side-right").textContent = app.named(app.scenarios[choices.other]);
  };
  const to = (share: number): void => app.set({ split: Math.min(0.97, Math.max(0.03, share)) });
  split.addEventListener("pointerdown", (e) => {
    split.setPointerCapture(e.pointerId);
    e.preventDefault();
    split.focus();
  });
  split.addEventListener("pointermove", (e) => {
    if (!split.hasPointerCapture(e.pointerId)) return;
    const box = map.getBoundingClientRect();
    to((e.clientX - box.left) / box.width);
  });
  split.addEventListener("keydown", (e) => {
    const by: Record<string, number> = { ArrowLeft: -0.02, ArrowRight: 0.02, PageDown: -0.1, PageUp: 0.1 };
    if (e.key in by) to(choices.split + by[e.key]);
    else if (e.key === "Home") to(0);
    else if (e.key === "End") to(1);
    else return;
    e.preventDefault();
    e.stopPropagation();
  });
  place();
  app.on((changed) => {
    if (["split", "compare", "scenario", "other", "language"].some((key) => changed.has(key as never))) place();
    else if (choices.compare && (changed.has("time") || changed.has("water"))) name();
  });
}

function listen(app: App, view: View): void {
  const map = byId("map");
  let down: [number, number] | null = null;
  map.addEventListener("pointerdown", (e) => {
    down = (e.target as HTMLElement).tagName === "CANVAS" && e.button === 0 ? [e.clientX, e.clientY] : null;
  });
  map.addEventListener("pointerup", (e) => {
    if (!down || Math.hypot(e.clientX - down[0], e.clientY - down[1]) > 5) return;
    const at = view.pick(e.clientX, e.clientY);
    if (!profilePoint(app, at)) app.set({ picked: at });
    view.invalidate();
  });
  map.addEventListener("keydown", (e) => {
    if (e.target !== map || e.ctrlKey || e.metaKey || e.altKey) return;
    const box = map.getBoundingClientRect();
    const acts: Record<string, () => void> = {
      ArrowLeft: () => view.pan(-1, 0), ArrowRight: () => view.pan(1, 0), ArrowUp: () => view.pan(0, 1), ArrowDown: () => view.pan(0, -1),
      "+": () => view.zoom(1.25), "=": () => view.zoom(1.25), "-": () => view.zoom(0.8),
      q: () => view.turn(-15), e: () => view.turn(15), n: () => view.north(), v: () => view.tilt(), Home: () => view.home(),
      PageDown: () => goToChapter(app, view, jump(app, 1)), PageUp: () => goToChapter(app, view, jump(app, -1)),
      Enter: () => {
        const at = view.pick(box.left + box.width / 2, box.top + box.height / 2);
        if (!profilePoint(app, at)) app.set({ picked: at });
      },
      p: () => startProfile(app),
    };
    const act = acts[e.key] ?? acts[e.key.toLowerCase()];
    if (!act) return;
    e.preventDefault();
    act();
    view.invalidate();
  });
  document.addEventListener("keydown", (e) => {
    if (byId<HTMLDialogElement>("dialog").open) return;
    const target = e.target as HTMLElement;
    if (e.key === " " && (target === map || target === document.body)) {
      e.preventDefault();
      togglePlay(app);
    } else if (e.key === "Escape" && app.choices.tool === "profile") {
      app.set({ tool: "none", profile: null });
    } else if (e.key === "Escape" && app.choices.picked) {
      app.set({ picked: null });
    }
  });
}

function updateScale(app: App, view: View): void {
  const perPixel = view.metresPerPixel();
  const room = perPixel * 130;
  const power = 10 ** Math.floor(Math.log10(room));
  const length = [5, 2, 1].map((m) => m * power).find((m) => m <= room) ?? power;
  const wide = `${Math.round(length / perPixel)}px`;
  if (byId("scale-bar").style.width !== wide) byId("scale-bar").style.width = wide;
  const text = length >= 1000 ? `${number(length / 1000)} km` : `${number(length)} m`;
  const { exaggeration } = app.choices;
  const said = view.mode === "2d" ? text : `${text} · ${t("scale.relief", { x: number(exaggeration, exaggeration % 1 ? 1 : 0) })}`;
  if (byId("scale-text").textContent !== said) byId("scale-text").textContent = said;
}

function failed(error: unknown): void {
  console.error(error);
  const veil = byId("veil");
  veil.hidden = false;
  veil.className = "failed";
  veil.replaceChildren(h("p", {}, t("failed")), h("pre", {}, error instanceof Error ? error.message : String(error)));
}

start().catch(failed);
