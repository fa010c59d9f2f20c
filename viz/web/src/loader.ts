// Decides what is decoded next, and what is let go: what is on the screen now comes first.

import type { Decoder } from "./decoder";
import type { TiledFrames } from "./frames";
import type { App } from "./state";
import type { View } from "./view";

/** Bytes of decoded frames that are kept at once; the whole page stays under 300 MB at 4 million cells. */
export const ROOM = 100e6;
/** Chunks on their way through the decoder at once: the next is unpacked while one is handed over. */
const AT_ONCE = 3;

interface Piece {
  frames: TiledFrames;
  square: number;
  chunk: number;
  /** The less, the sooner it is needed. */
  rank: number;
}

const name = (scenario: number, flow: boolean, square: number, chunk: number): string => `${scenario}${flow ? "f" : "d"}${square}/${chunk}`;

export class Loader {
  /** Bytes of decoded frames. */
  held = 0;
  private readonly app: App;
  private readonly view: View;
  private readonly decoder: Decoder;
  private readonly room: number;
  private readonly under = new Set<string>();
  private wake: (() => void) | null = null;
  private seen = "";
  private announce = false;

  constructor(app: App, view: View, decoder: Decoder, room = ROOM) {
    this.app = app;
    this.view = view;
    this.decoder = decoder;
    this.room = room;
    app.on((changed) => {
      if (["time", "scenario", "other", "compare", "picked", "profile", "showFlow"].some((key) => changed.has(key as never))) this.nudge();
    });
  }

  /** After a picture: which squares are on the screen may have changed. */
  look(): void {
    let seen = "";
    for (const scenario of this.app.scenarios) {
      scenario.squares.forEach((box, square) => {
        const inside = this.view.sees(...box) ? 1 : 0;
        scenario.inSight[square] = inside;
        seen += inside;
      });
    }
    if (seen === this.seen) return;
    this.seen = seen;
    for (const scenario of this.app.scenarios) scenario.sights++;
    this.app.tell("frames");
    this.nudge();
  }

  private nudge(): void {
    this.wake?.();
    this.wake = null;
  }

  /** Decode for ever; `onIdle` is called once, when nothing useful is left or the room is full. */
  async run(onIdle: () => void): Promise<void> {
    let idle = false;
    const lanes = Array.from({ length: AT_ONCE }, async () => {
      for (;;) {
        const piece = this.next();
        if (piece) {
          await this.load(piece);
          continue;
        }
        if (!idle && this.under.size === 0) {
          idle = true;
          onIdle();
        }
        if (this.whole) return;
        await new Promise<void>((done) => {
          const others = this.wake;
          this.wake = () => {
            others?.();
            done();
          };
        });
      }
    });
    await Promise.all(lanes);
    for (const { depths, flows } of this.app.scenarios) {
      depths.keep();
      flows?.keep();
    }
  }

  /** Everything is decoded. */
  private get whole(): boolean {
    return this.app.scenarios.every(({ depths, flows }) => [depths, flows].every((frames) => {
      if (!frames) return true;
      for (let s = 0; s < frames.squares; s++) for (let c = 0; c < frames.chunks; c++) if (!frames.has(s, c)) return false;
      return true;
    }));
  }

  private async load(piece: Piece): Promise<void> {
    const { frames, square, chunk } = piece;
    const key = this.key(frames, square, chunk);
    this.under.add(key);
    this.held += frames.size(square, chunk);
    try {
      await frames.load(this.decoder, square, chunk);
    } finally {
      this.under.delete(key);
      this.nudge();
    }
    if (this.announce) return;
    this.announce = true; // one word for all that come in the meantime
    requestAnimationFrame(() => {
      this.announce = false;
      this.app.tell("frames");
    });
  }

  private key(frames: TiledFrames, square: number, chunk: number): string {
    const scenario = this.app.scenarios.findIndex((s) => s.depths === frames || s.flows === frames);
    return name(scenario, this.app.scenarios[scenario].flows === frames, square, chunk);
  }

  /** The piece that is needed most, with room made for it; null when nothing is worth decoding. */
  private next(): Piece | null {
    let best: Piece | null = null;
    const kept: Piece[] = [];
    this.each((piece, there) => {
      if (there) kept.push(piece);
      else if (best === null || piece.rank < best.rank) best = piece;
    });
    const wanted = best as Piece | null;
    if (!wanted) return null;
    const size = wanted.frames.size(wanted.square, wanted.chunk);
    kept.sort((a, b) => b.rank - a.rank);
    for (const old of kept) {
      if (this.held + size <= this.room) break;
      if (old.rank < wanted.rank + 0.5) break; // not for a trifle: nothing would ever rest
      old.frames.drop(old.square, old.chunk);
      this.held -= old.frames.size(old.square, old.chunk);
    }
    return this.held + size <= this.room || wanted.rank < 0 ? wanted : null;
  }

  /** Every piece that is decoded or could be, with its rank. */
  private each(visit: (piece: Piece, there: boolean) => void): void {
    const { app } = this;
    const { choices } = app;
    const asked: readonly number[] = choices.profile ?? [];
    app.scenarios.forEach((scenario, k) => {
      const shown = k === choices.scenario || (k === choices.other && (choices.compare || choices.difference));
      const { a, b } = scenario.moment(choices.time);
      const point = choices.picked && choices.picked.building === null && choices.picked.road === null ? scenario.squareAt(choices.picked.x, choices.picked.y) : -1;
      const along = new Set<number>();
      if (asked.length === 4) {
        for (let n = 0; n <= 40; n++) along.add(scenario.squareAt(asked[0] + ((asked[2] - asked[0]) * n) / 40, asked[1] + ((asked[3] - asked[1]) * n) / 40));
      }
      for (const frames of [scenario.depths, scenario.flows]) {
        if (!frames) continue;
        const flow = frames === scenario.flows;
        const now = frames.chunkOf(a);
        const then = frames.chunkOf(b);
        for (let square = 0; square < frames.squares; square++) {
          if (frames.size(square, 0) === 0) continue;
          const inSight = flow || scenario.inSight[square] === 1 || along.has(square);
          for (let chunk = 0; chunk < frames.chunks; chunk++) {
            const away = chunk === now || chunk === then ? 0 : chunk > then ? chunk - then : 1.5 * (now - chunk) + 0.5;
            let rank = away + (inSight ? 0 : 0.6) + (shown ? 0 : 0.8) + (flow ? (choices.showFlow ? 0.3 : 4) : 0);
            if (away === 0 && inSight && shown && !flow) rank = -2; // without it there is no picture
            else if (!flow && square === point) rank = -1;
            if (!this.under.has(name(k, flow, square, chunk))) visit({ frames, square, chunk, rank }, frames.has(square, chunk));
          }
        }
      }
    });
  }
}
