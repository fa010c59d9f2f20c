// Names of places over the picture: the more important first, none over another.

import { byId, h } from "./dom";
import { isArea, nameOf } from "./places";
import type { App } from "./state";
import type { PlaceMeta } from "./types";
import type { View } from "./view";

const FIRST = /hospital|h[oô]pital|town_hall|mairie|fire|secours|bridge|pont/;
const THEN = /school|[ée]cole|coll[èe]ge|lyc[ée]e|retirement|ehpad/;

function rank(place: PlaceMeta): number {
  const text = `${place.kind} ${place.key} ${place.label}`.toLowerCase();
  return FIRST.test(text) ? 0 : isArea(place) ? 1 : THEN.test(text) ? 2 : 3;
}

export class Labels {
  private items: { place: PlaceMeta; element: HTMLElement; wide: number; tall: number }[] = [];
  private readonly app: App;

  constructor(app: App) {
    this.app = app;
    this.make();
    app.on((changed) => {
      if (changed.has("language")) this.make();
    });
  }

  private make(): void {
    const host = byId("labels");
    host.replaceChildren();
    this.items = this.app.data.places
      .filter((place) => this.app.territory.lattice.inside(place.x, place.y))
      .sort((a, b) => rank(a) - rank(b))
      .map((place) => {
        const element = isArea(place)
          ? h("div", { class: "label area" }, h("span", {}, nameOf(place)))
          : h("div", { class: "label" }, h("span", {}, nameOf(place)), h("i", {}));
        host.append(element);
        return { place, element, wide: 0, tall: 0 };
      });
    for (const item of this.items) {
      item.wide = item.element.offsetWidth;
      item.tall = item.element.offsetHeight;
    }
  }

  /** The pin of a point that was asked about; things that were are coloured themselves. */
  private pin(view: View): void {
    const pin = byId("pin");
    const { picked } = this.app.choices;
    pin.hidden = picked === null || picked.building !== null || picked.road !== null || view.mode === "2d";
    if (!picked || pin.hidden) return;
    const at = view.project(picked.x, picked.y, 0);
    pin.style.transform = `translate(${Math.round(at.x)}px, ${Math.round(at.y)}px)`;
    pin.style.visibility = at.ahead ? "visible" : "hidden";
  }

  update(view: View, width: number, height: number): void {
    this.pin(view);
    const taken: [number, number, number, number][] = [];
    for (const selector of ["#head", "#panel", "#time", "#card", "#tools", "#scale", "#profile", "#chapter-list", "#story", "#side-left", "#side-right", "#split .grip"]) {
      const box = document.querySelector<HTMLElement>(selector);
      if (box && box.checkVisibility()) {
        const r = box.getBoundingClientRect();
        taken.push([r.left - 4, r.top - 4, r.right + 4, r.bottom + 4]);
      }
    }
    for (const { place, element, wide, tall } of this.items) {
      let visible = this.app.choices.showPlaces;
      if (visible) {
        const at = view.project(place.x, place.y, view.mode === "3d" ? 12 : 0);
        const x = Math.round(at.x - wide / 2);
        const y = Math.round(at.y - (isArea(place) ? tall / 2 : tall));
        const box: [number, number, number, number] = [x - 4, y - 2, x + wide + 4, y + tall + 2];
        visible = at.ahead && x > 0 && y > 0 && x + wide < width && at.y < height
          && !taken.some((o) => o[0] < box[2] && o[2] > box[0] && o[1] < box[3] && o[3] > box[1]);
        if (visible) {
          taken.push(box);
          element.style.transform = `translate(${x}px, ${y}px)`;
        }
      }
      element.style.visibility = visible ? "visible" : "hidden";
    }
  }
}
