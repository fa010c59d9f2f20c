// The search box: a name typed, a list to choose from with the arrow keys, the map goes there.

import { byId, h } from "./dom";
import { counted, t } from "./i18n";
import { type Named, allNames, find } from "./places";
import type { App } from "./state";
import type { View } from "./view";

export function makeSearch(app: App, view: View): void {
  const box = byId("search");
  let names = allNames(app);
  let found: Named[] = [];
  let at = -1;

  const render = (): void => {
    names = allNames(app);
    box.hidden = names.length === 0;
    const list = h("ul", { id: "found", role: "listbox", "aria-label": t("search.found"), hidden: true });
    const status = h("span", { id: "found-status", class: "unseen", role: "status" });
    const input = h("input", {
      id: "search-for", type: "search", role: "combobox", autocomplete: "off", spellcheck: "false", placeholder: t("search.placeholder"), "aria-label": t("search.label"),
      "aria-expanded": "false", "aria-controls": "found", "aria-autocomplete": "list",
    });

    const choose = (named: Named): void => {
      input.value = named.text;
      close();
      // A school is the building that stands where its name does: the ground under a roof has no water.
      const building = named.road === null ? app.finder.building(named.x, named.y) : null;
      app.set({ picked: { x: named.x, y: named.y, building, road: named.road, place: named.place } });
      view.goTo(named.x, named.y);
    };
    const close = (): void => {
      found = [];
      at = -1;
      show();
    };
    const show = (): void => {
      list.hidden = found.length === 0;
      input.setAttribute("aria-expanded", String(found.length > 0));
      list.replaceChildren(...found.map((named, k) => h("li", {
        id: `found-${k}`, role: "option", "aria-selected": k === at ? "true" : "false",
        onpointerdown: (event) => { event.preventDefault(); choose(named); },
      }, h("span", {}, named.text), h("span", { class: "fine" }, named.kind))));
      if (at >= 0) input.setAttribute("aria-activedescendant", `found-${at}`);
      else input.removeAttribute("aria-activedescendant");
    };
    input.addEventListener("input", () => {
      found = find(names, input.value);
      at = found.length > 0 ? 0 : -1;
      show();
      status.textContent = input.value.trim().length < 2 ? "" : found.length === 0 ? t("search.none") : counted("search.count", found.length);
      status.classList.toggle("unseen", found.length > 0 || input.value.trim().length < 2);
    });
    input.addEventListener("blur", close);
    input.addEventListener("keydown", (event) => {
      event.stopPropagation();
      if (event.key === "Escape") {
        if (found.length > 0) event.preventDefault();
        close();
      } else if (found.length === 0) return;
      else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        at = (at + (event.key === "ArrowDown" ? 1 : found.length - 1)) % found.length;
        show();
      } else if (event.key === "Enter" && at >= 0) {
        event.preventDefault();
        choose(found[at]);
      }
    });
    box.replaceChildren(input, list, status);
  };
  render();
  app.on((changed) => {
    if (changed.has("language")) render();
  });
}
