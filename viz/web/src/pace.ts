// How fast this machine draws, and what follows from it: how fine the ground is, how many pixels while the picture
// moves, how many streaks. A governor: pictures that take too long make the next ones cheaper, room makes them finer.

export interface Level {
  /** Tiles of ground (545 points each). */
  tiles: number;
  /** Share of the screen's pixels a side while the picture moves; the still picture is always sharp. */
  pixels: number;
  /** Share of the streaks. */
  streaks: number;
}

/** From slow machines to fast ones. */
export const LEVELS: readonly Level[] = [
  { tiles: 72, pixels: 0.45, streaks: 0.3 },
  { tiles: 72, pixels: 0.6, streaks: 0.5 },
  { tiles: 72, pixels: 0.8, streaks: 0.7 },
  { tiles: 300, pixels: 0.8, streaks: 1 },
  { tiles: 300, pixels: 1, streaks: 1 },
  { tiles: 900, pixels: 1, streaks: 1 },
  { tiles: 2400, pixels: 1, streaks: 1 },
];
/** Tiles that any level asks for. */
export const MOST_TILES = LEVELS[LEVELS.length - 1].tiles;
/** What a picture may take (ms): 60 a second and a little to spare; where the processor draws, what stays usable. */
export const GOAL = { card: 14, software: 80 };
/** A picture that takes less than this share of that leaves room for finer ones. */
const ROOM = 0.5;
/** Pictures that are judged together; those right after a change, which load and compile, are not among them. */
const WINDOW = 12;
const PASSED = 2;
/** Windows in a row with room before a step up. */
const PATIENCE = 2;
/** A level that was too dear is not tried again for this long (ms), twice as long each time. */
const WAIT = 20_000;
const LONGEST = 600_000;

export class Pace {
  /** What a picture takes, median of the last window (ms); 0 until there is one. */
  measured = 0;
  /** The same of still, sharp pictures, when they differ. */
  sharp = 0;
  private at: number;
  private readonly goal: number;
  private readonly software: boolean;
  private readonly spans: number[] = [];
  private pass = PASSED;
  private roomy = 0;
  private settled = false;
  private pinned = false;
  /** Until when each level is left alone, and how long the next time (ms). */
  private readonly until = new Float64Array(LEVELS.length);
  private readonly wait = new Float64Array(LEVELS.length).fill(WAIT);

  constructor(software: boolean) {
    this.software = software;
    this.goal = software ? GOAL.software : GOAL.card;
    this.at = software ? 1 : 4;
    this.pass = software ? 1 : PASSED; // a second blurred picture is long there
  }

  get level(): Level {
    return LEVELS[this.at];
  }

  /** Whether pictures are drawn only to find the level: the reader sees them stand still. */
  get open(): boolean {
    return !this.settled && !this.pinned;
  }

  /** A picture that moves took `span` ms, from the start of the work to the end on the card; it is `now` (ms). True when the level has changed. */
  took(span: number, now: number): boolean {
    if (this.pinned || this.pass-- > 0) return false;
    this.spans.push(span);
    if (this.spans.length < (this.open && this.software ? 2 : WINDOW)) return false;
    // The median: a late picture now and then (a frame unpacked, rubbish collected) is no reason.
    this.measured = this.spans.sort((a, b) => a - b)[this.spans.length >> 1];
    this.spans.length = 0;
    this.pass = 0;
    const was = this.at;
    if (this.measured > this.goal) this.down(now);
    else if (this.measured < ROOM * this.goal) this.up(now);
    else this.roomy = 0;
    this.settled = this.settled || this.software || (this.at === was && this.roomy === 0);
    if (this.at === was) return false;
    this.pass = PASSED;
    return true;
  }

  private down(now: number): void {
    this.roomy = 0;
    if (this.at === 0) return;
    this.until[this.at] = now + this.wait[this.at];
    this.wait[this.at] = Math.min(LONGEST, 2 * this.wait[this.at]);
    this.at = Math.max(0, this.at - (this.measured > 2 * this.goal ? 2 : 1));
  }

  private up(now: number): void {
    const next = this.at + 1;
    if (next === LEVELS.length || now < this.until[next]) {
      this.roomy = 0;
      return;
    }
    if (++this.roomy < (this.settled ? PATIENCE : 1)) return;
    this.roomy = 0;
    this.at = next;
  }

  /** A still picture, with all its pixels, took `span` ms. */
  stood(span: number): void {
    this.sharp = this.sharp === 0 ? span : 0.7 * this.sharp + 0.3 * span;
  }

  /** The finest ground, for a picture that may take its time. */
  finest(): void {
    this.at = LEVELS.length - 1;
    this.pinned = true;
  }

  /** Share of the screen's pixels a side. */
  ratio(quiet: boolean): number {
    return quiet || this.pinned ? 1 : this.level.pixels;
  }

  /** Least time between two pictures of streaks over a still view (ms): they never take more than 60 % of a machine. */
  get drift(): number {
    return Math.max(30, 1.6 * Math.max(this.measured, this.sharp));
  }

  /** The still picture of a software renderer is drawn finer instead of smoothed, where that does not take long. */
  get fine(): boolean {
    return this.software && this.sharp > 0 && this.sharp < 350;
  }
}
