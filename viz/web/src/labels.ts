// Names of places over the picture: the more important first, none over another.

import { byId, h } from "./dom";
import type { App } from "./state";
import type { PlaceMeta } from "./types";
import type { View } from "./view";

const FIRST = ["district", "town", "hospital", "fire", "school"];

function rank(place: PlaceMeta): number {
  const text = `${place.kind} ${place.name}`.toLowerCase();
  const found = FIRST.findIndex((word) => text.includes(word));
  return (found < 0 ? FIRST.length : found) + (place.shape === "Point" ? 0 : 2);
}

export class Labels {
  private readonly items: { place: PlaceMeta; element: HTMLElement; wide: number; tall: number }[];
  private readonly app: App;

  constructor(app: App) {
    this.app = app;
    const host = byId("labels");
    this.items = [...app.data.places]
      .filter((place) => app.territory.lattice.inside(place.x, place.y))
      .sort((a, b) => rank(a) - rank(b))
      .map((place) => {
        const element = h("div", { class: "label" }, h("span", {}, place.label), h("i", {}));
        host.append(element);
        return { place, element, wide: 0, tall: 0 };
      });
    for (const item of this.items) {
      item.wide = item.element.offsetWidth;
      item.tall = item.element.offsetHeight;
    }
  }

  update(view: View, width: number, height: number): void {
    const taken: [number, number, number, number][] = [];
    for (const selector of ["#head", "#panel", "#time", "#card"]) {
      const box = document.querySelector<HTMLElement>(selector);
      if (box && !box.hidden) {
        const r = box.getBoundingClientRect();
        taken.push([r.left - 4, r.top - 4, r.right + 4, r.bottom + 4]);
      }
    }
    for (const { place, element, wide, tall } of this.items) {
      let visible = this.app.choices.showPlaces;
      if (visible) {
        const at = view.project(place.x, place.y, view.mode === "3d" ? 12 : 0);
        const x = Math.round(at.x - wide / 2);
        const y = Math.round(at.y - tall);
        const box: [number, number, number, number] = [x - 3, y - 2, x + wide + 3, y + tall + 2];
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
