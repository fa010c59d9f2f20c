// The guided tour of a scenario: slides that a council can leave at any moment to explore.

import { byId, h, icon } from "./dom";
import { language, t } from "./i18n";
import type { App, Choices } from "./state";
import type { View } from "./view";

const BACK = "M12.5 4 L6.5 10 L12.5 16";
const ON = "M7.5 4 L13.5 10 L7.5 16";
const CLOSE = "M5 5 L15 15 M15 5 L5 15";

/** Put the map as a slide wants it; what the slide does not say stays. */
function show(app: App, view: View, number: number): void {
  const slide = app.data.story[number];
  const { territory } = app;
  const two = app.scenarios.length > 1;
  const change: Partial<Choices> = {
    slide: number, playing: false, picked: null, profile: null, tool: "none", scenario: 0, other: two ? 1 : 0,
    water: slide.show === "maximum" ? "maximum" : "now",
    compare: two && slide.show === "compare",
    difference: slide.show === "difference" && app.hasDifference,
  };
  if (slide.time !== null) change.time = Math.min(app.to, Math.max(app.from, slide.time));
  app.set(change);
  if (slide.x === null || slide.y === null) {
    if (slide.distance === null && slide.bearing === null && slide.lean === null) {
      if (number === 0) view.home();
      return;
    }
  }
  if (number === 0) view.home(); // what the first slide leaves open
  const now = view.camera();
  const { lattice } = territory;
  view.setCamera({
    x: slide.x ?? now.x, y: slide.y ?? now.y,
    distance: Math.min(8 * Math.max(lattice.halfX, lattice.halfY), Math.max(80, slide.distance ?? now.distance)),
    bearing: slide.bearing ?? now.bearing, lean: slide.lean ?? now.lean,
  }, true);
}

export function startStory(app: App, view: View): void {
  show(app, view, 0);
}

export function makeStory(app: App, view: View): void {
  const card = byId("story");
  const { choices, data } = app;
  const leave = (): void => {
    app.set({ slide: null });
    byId("map").focus();
  };
  const go = (by: number): void => {
    const to = (choices.slide ?? 0) + by;
    if (to >= data.story.length) leave();
    else if (to >= 0) show(app, view, to);
  };
  const update = (): void => {
    const { slide } = choices;
    document.body.classList.toggle("touring", slide !== null);
    const opening = card.hidden && slide !== null;
    card.hidden = slide === null;
    if (slide === null) return;
    const told = data.story[slide];
    const last = slide === data.story.length - 1;
    const focus = document.activeElement?.id;
    card.setAttribute("aria-label", t("story.title"));
    card.replaceChildren(
      h("div", { class: "story-top" }, h("span", { class: "kicker" }, t("story.number", { n: slide + 1, all: data.story.length })),
        h("button", { id: "story-leave", class: "quiet", "aria-label": t("story.leave"), title: t("story.leave"), onclick: leave }, icon(CLOSE))),
      h("p", { id: "story-text", role: "status" }, (language() === "en" && told.text_en) || told.text),
      h("div", { class: "row" },
        h("button", { id: "story-back", class: "second", "aria-label": t("story.back"), disabled: slide === 0, onclick: () => go(-1) }, icon(BACK), h("span", {}, t("story.back"))),
        h("button", { id: "story-next", class: "primary", "aria-label": t(last ? "story.explore" : "story.next"), onclick: () => go(1) }, h("span", {}, t(last ? "story.explore" : "story.next")), icon(ON))));
    if (opening) byId("story-next").focus();
    else if (focus && card.querySelector(`#${focus}`)) byId(focus).focus();
  };
  document.addEventListener("keydown", (event) => {
    if (choices.slide === null || byId<HTMLDialogElement>("dialog").open) return;
    if (event.key === "Escape") leave();
    else if (card.contains(event.target as Node) && (event.key === "ArrowRight" || event.key === "ArrowLeft")) go(event.key === "ArrowRight" ? 1 : -1);
    else return;
    event.preventDefault();
  });
  update();
  app.on((changed) => {
    if (changed.has("slide") || changed.has("language")) update();
  });
}
