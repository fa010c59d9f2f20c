// Small helpers to make elements. Texts are always text, never HTML.

type Attributes = Record<string, string | number | boolean | null | undefined | ((event: Event) => void)>;
type Child = Node | string | null | undefined | false;

function fill(element: Element, attributes: Attributes, children: Child[]): void {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of children) if (child) element.append(child);
}

export function h<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  fill(element, attributes, children);
  return element;
}

export function svg<K extends keyof SVGElementTagNameMap>(tag: K, attributes: Attributes = {}, ...children: Child[]): SVGElementTagNameMap[K] {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  fill(element, attributes, children);
  return element;
}

/**
 * New children in the place of the old ones. Those that are the same stay as they were, their listeners too; of those that
 * are replaced, the one that has the focus hands it on to its successor of the same id.
 */
export function refill(parent: Element, ...children: Node[]): void {
  const focus = parent.contains(document.activeElement) ? document.activeElement?.id : "";
  children.forEach((child, k) => {
    const old = parent.childNodes[k];
    if (!old) parent.append(child);
    else if (!old.isEqualNode(child)) old.replaceWith(child);
  });
  while (parent.childNodes.length > children.length) parent.lastChild?.remove();
  if (focus && document.activeElement?.id !== focus) document.getElementById(focus)?.focus();
}

export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (!element) throw new Error(`#${id} is missing`);
  return element as T;
}

/** A 20 × 20 line icon from path data. */
export function icon(path: string, filled = false): SVGSVGElement {
  return svg("svg", { viewBox: "0 0 20 20", class: filled ? "icon filled" : "icon", "aria-hidden": "true", focusable: "false" }, svg("path", { d: path }));
}
