// Names of places over the picture: the more important first, none over another.

import { byId, h } from "./dom";
import { markText, sectionName, sectionText } from "./observed";
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

/** Something with a name over the picture. */
interface Item {
  x: number;
  y: number;
  element: HTMLElement;
  area: boolean;
  /** Whether the reader wants to see it. */
  wanted: () => boolean;
  /** What it says now, when that changes with time. */
  text: (() => string) | null;
  wide: number;
  tall: number;
  /** Of the line from the name down to the place. */
  stem: number;
  /** As it was drawn: how much longer the stem was, and whether it could be seen. */
  lift: number;
  shown: boolean | null;
}

/** West, north, east, south on the screen (pixels). */
type Box = [number, number, number, number];

/** What names may not lie under. */
const PANELS = "#head, #panel, #time, #card, #tools, #scale, #profile, #chapter-list, #story, #side-left, #side-right, #split";

/** How much longer a stem may get (pixels). */
const LIFTS = [0, 20, 40];

export class Labels {
  private items: Item[] = [];
  private readonly app: App;

  private known: { boxes: Box[]; width: number; height: number; listed: boolean } | null = null;
  private readonly onMoved: () => void;

  /** `onMoved`: a panel takes another place, names have to be put again. */
  constructor(app: App, onMoved: () => void) {
    this.app = app;
    this.onMoved = onMoved;
    this.make();
    app.on((changed) => {
      if (changed.has("language") || changed.has("scenario")) this.make();
      for (const what of changed) if (what !== "time" && what !== "frames") this.known = null;
    });
    const watch = new ResizeObserver(() => {
      this.known = null;
      this.onMoved();
    });
    for (const panel of document.querySelectorAll(`#map, ${PANELS}`)) watch.observe(panel);
  }

  private make(): void {
    const host = byId("labels");
    host.replaceChildren();
    const { data, territory, choices, shown } = this.app;
    const { marks, sections } = shown.meta;
    const named = new Set(sections.map(sectionName));
    const item = (x: number, y: number, kind: string, text: string, more: Partial<Item>): Item => {
      const area = kind === "area";
      const element = h("div", { class: `label ${kind}` }, h("span", {}, text), ...(area ? [] : [h("i", {})]));
      host.append(element);
      return { x, y, element, area, wanted: () => choices.showPlaces, text: null, wide: 0, tall: 0, stem: 0, lift: 0, shown: null, ...more };
    };
    // A discharge changes with time, so it comes after hospitals and before other names; marks come last.
    const places = data.places.filter((place) => territory.lattice.inside(place.x, place.y)).sort((a, b) => rank(a) - rank(b));
    const first = places.filter((place) => rank(place) === 0);
    const observed = (): boolean => choices.showObserved && !choices.difference && !this.app.whole;
    const make = (place: PlaceMeta): Item => item(place.x, place.y, isArea(place) ? "area" : "", nameOf(place),
      { wanted: () => choices.showPlaces && !(observed() && named.has(nameOf(place))) });
    this.items = [
      ...first.map(make),
      ...sections.map((section) => {
        const [x, y] = middle(section.line);
        return item(x, y, "section", sectionName(section), { wanted: observed, text: () => sectionText(section, choices.time) });
      }),
      ...places.slice(first.length).map(make),
      ...marks.filter((mark) => territory.lattice.inside(mark.x, mark.y)).map((mark) =>
        item(mark.x, mark.y, "mark", `▾ ${markText(mark)}`, { wanted: () => choices.showObserved && !choices.difference })),
    ];
    this.items.forEach(measure);
  }

  /** The pin of a point or a house that was asked about; roads that were are coloured. */
  private pin(view: View): void {
    const pin = byId("pin");
    const { picked } = this.app.choices;
    pin.hidden = picked === null || picked.road !== null || view.mode === "2d";
    if (!picked || pin.hidden) return;
    const house = picked.building === null ? null : this.app.territory.buildings?.list[picked.building];
    const at = house ? view.project(house.x, house.y, house.height + 1) : view.project(picked.x, picked.y, 0);
    pin.style.transform = `translate(${Math.round(at.x)}px, ${Math.round(at.y)}px)`;
    pin.style.visibility = at.ahead ? "visible" : "hidden";
  }

  /** Where panels lie, and how large the map is; looked up again only when they may have changed. */
  private room(): { boxes: Box[]; width: number; height: number; listed: boolean } {
    const listed = document.getElementById("chapter-list")?.hidden === false; // made anew with the time bar
    if (this.known?.listed === listed) return this.known;
    const boxes: Box[] = [];
    for (const box of document.querySelectorAll<HTMLElement>(PANELS)) {
      if (!box.checkVisibility()) continue;
      const r = box.getBoundingClientRect();
      boxes.push([r.left - 4, r.top - 4, r.right + 4, r.bottom + 4]);
    }
    const { clientWidth: width, clientHeight: height } = byId("map");
    return (this.known = { boxes, width, height, listed });
  }

  update(view: View): void {
    this.pin(view);
    const { boxes: panels, width, height } = this.room();
    const taken: Box[] = [...panels];
    for (const item of this.items) {
      const { element } = item;
      let visible = item.wanted();
      if (visible && item.text) {
        const said = item.text();
        const span = element.firstElementChild as HTMLElement;
        const before = span.textContent ?? "";
        if (before !== said) {
          span.textContent = said;
          if (before.length !== said.length) measure(item); // digits are all as wide
        }
      }
      if (visible) {
        const { wide, tall } = item;
        const at = view.project(item.x, item.y, view.mode === "3d" ? 12 : 0);
        const x = Math.round(at.x - wide / 2);
        visible = false;
        // Where another name is in the way, a longer stem may lift this one over it.
        for (const lift of item.area ? [0] : LIFTS) {
          const y = Math.round(at.y - (item.area ? tall / 2 : tall + lift));
          const foot = y + tall - item.stem;
          const boxes: Box[] = [[x - 4, y - 2, x + wide + 4, foot + 2]];
          if (item.stem > 0) boxes.push([at.x - 3, foot, at.x + 3, foot + item.stem + lift]);
          visible = at.ahead && x > 0 && y > 0 && x + wide < width && at.y < height
            && !taken.some((o) => boxes.some((box) => o[0] < box[2] && o[2] > box[0] && o[1] < box[3] && o[3] > box[1]));
          if (!visible) continue;
          taken.push(...boxes);
          const place = `translate(${x}px, ${y}px)`;
          if (element.style.transform !== place) element.style.transform = place;
          if (item.stem > 0 && item.lift !== lift) {
            item.lift = lift;
            (element.lastElementChild as HTMLElement).style.height = `${item.stem + lift}px`;
          }
          break;
        }
      }
      if (item.shown !== visible) {
        item.shown = visible;
        element.style.visibility = visible ? "visible" : "hidden";
      }
    }
  }
}

function measure(item: Item): void {
  const stem = item.area ? null : item.element.lastElementChild as HTMLElement;
  stem?.style.removeProperty("height");
  item.wide = item.element.offsetWidth;
  item.tall = item.element.offsetHeight;
  item.stem = stem?.offsetHeight ?? 0;
  item.lift = 0;
}

/** The point half way along a line x, y, x, y … */
function middle(line: number[]): [number, number] {
  const length = (p: number): number => Math.hypot(line[p + 2] - line[p], line[p + 3] - line[p + 1]);
  let left = 0;
  for (let p = 0; p + 3 < line.length; p += 2) left += length(p) / 2;
  for (let p = 0; p + 3 < line.length; p += 2) {
    const piece = length(p);
    if (left <= piece) return [line[p] + ((line[p + 2] - line[p]) * left) / piece, line[p + 1] + ((line[p + 3] - line[p + 1]) * left) / piece];
    left -= piece;
  }
  return [line[0], line[1]];
}
