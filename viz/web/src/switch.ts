// Which scenario is shown, and which two are compared: one row of buttons for two short names, else menus.

import { byId, h, refill } from "./dom";
import { capital, t } from "./i18n";
import type { App } from "./state";

const ROOM = 30; // letters of all names together that fit beside the two other buttons

/** Length of what all names begin with, up to a word: buttons show what differs. */
export function commonStart(names: string[]): number {
  if (names.length < 2) return 0;
  let k = 0;
  while (k < names[0].length && names.every((name) => name[k] === names[0][k])) k++;
  const rest = names[0].slice(0, k).search(/[\s,:–+-]+[^\s,:–+-]*$/);
  const cut = names.some((name) => name.length === k) ? k : rest < 0 ? 0 : rest;
  const after = /^[\s,:–+-]*/.exec(names.find((name) => name.length > cut)?.slice(cut) ?? "");
  return cut < 6 ? 0 : cut + (after?.[0].length ?? 0);
}

/** What differs between the names of the scenarios. */
export function shortNames(app: App): string[] {
  const names = app.data.scenarios.map((s) => s.name);
  const start = commonStart(names);
  return names.map((name) => name.slice(start) || t("head.reference"));
}

/** The controls for the present choices. */
export function makeSwitch(app: App, names: string[]): void {
  const group = byId("scenarios");
  const menus = byId("which");
  const { choices } = app;
  group.hidden = menus.hidden = app.scenarios.length < 2;
  if (group.hidden) return;
  const labels = shortNames(app);
  const short = names.length === 2 && labels.join("").length <= ROOM;
  group.setAttribute("aria-label", short ? t("head.scenarios") : t("head.mode"));
  const button = (id: string, text: string, title: string, on: boolean, act: () => void): HTMLElement =>
    h("button", { id, "aria-pressed": on ? "true" : "false", title, onclick: act }, text);
  const two = choices.compare || choices.difference;
  const only = (scenario: number): void => app.set({ scenario, compare: false, difference: false, other: choices.other === scenario ? (scenario === 0 ? 1 : 0) : choices.other });
  const both = (change: { compare: boolean } | { difference: boolean }): void => {
    const reference = short ? 0 : choices.scenario;
    const other = short ? 1 : choices.other === reference ? (reference === 0 ? 1 : 0) : choices.other;
    app.set({ compare: false, difference: false, ...change, scenario: reference, other, ...("difference" in change ? { playing: false } : {}) });
  };
  refill(group,
    ...(short ? labels.map((label, k) => button(`only-${k}`, capital(label), names[k], !two && choices.scenario === k, () => only(k)))
      : [button("only", t("head.one"), t("head.one"), !two, () => only(choices.scenario))]),
    button("compare", t("head.compare"), t("head.compare_title"), choices.compare, () => both({ compare: !choices.compare })),
    ...(app.hasDifference ? [button("difference", t("head.difference"), t("head.difference_title"), choices.difference, () => both({ difference: !choices.difference }))] : []));
  menus.hidden = short;
  if (short) return;
  const menu = (id: string, label: string, chosen: number, taken: number | null, act: (k: number) => void): HTMLElement =>
    h("label", { class: "menu" }, h("span", {}, label), h("select", { id, onchange: (e) => act(Number((e.target as HTMLSelectElement).value)) },
      ...names.map((name, k) => h("option", { value: k, selected: k === chosen, disabled: k === taken }, name))));
  refill(menus,
    menu("which-first", t(two ? "head.reference" : "head.scenario"), choices.scenario, two ? choices.other : null, two ? (scenario) => app.set({ scenario }) : only),
    ...(two ? [menu("which-second", t("head.scenario"), choices.other, choices.scenario, (other) => app.set({ other }))] : []));
}
