// How many pictures a second the reader has seen while the view moved or time played.

/** Pictures that are judged together. */
const WINDOW = 120;
/** Fewer say nothing. */
const ENOUGH = 10;
/** A longer pause (ms) is a rest, no picture. */
const REST = 5000;

/** What draws, and how fast; `images` is null until enough pictures have moved. */
export interface Drawn {
  images: number | null;
  /** The card's name as the browser gives it; "" where it does not. */
  card: string;
  /** The processor draws. */
  software: boolean;
  /** How fine the picture is, 1 …; null where there is one way only. */
  level: { now: number; most: number } | null;
}

export class Rhythm {
  private readonly spans = new Float64Array(WINDOW);
  private count = 0;
  private last = 0;

  /** A picture that moves was drawn at `now` (ms). */
  drew(now: number): void {
    const span = now - this.last;
    if (this.last > 0 && span < REST) this.spans[this.count++ % WINDOW] = span;
    this.last = now;
  }

  /** The view stands still. */
  rests(): void {
    this.last = 0;
  }

  /** Pictures a second, by the median of the times between the last ones. */
  get images(): number | null {
    const many = Math.min(this.count, WINDOW);
    if (many < ENOUGH) return null;
    const sorted = this.spans.slice(0, many).sort();
    return 1000 / sorted[many >> 1];
  }
}

/** The card's own name in what a browser says: "ANGLE (Intel, Intel(R) UHD Graphics 620 (0x5917) Direct3D11 …, D3D11)". */
export function cardName(renderer: string): string {
  const inside = /^ANGLE \([^,]*, (.*), [^,]*\)$/.exec(renderer)?.[1] ?? renderer;
  const name = inside.replace(/\s*\(0x[0-9a-f]+\)/gi, "").replace(/^Vulkan [\d.]+ \((.*)\)$/, "$1").replace(/\s*(Direct3D|vs_|ps_|OpenGL|Vulkan \d).*$/, "").replace(/^ANGLE Metal Renderer: /, "").trim();
  return /^(webkit webgl|mozilla)$/i.test(name) ? "" : name;
}
