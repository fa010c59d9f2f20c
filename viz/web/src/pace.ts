// How fast this machine draws, and what follows from it: how fine the ground is, and how many pixels while it moves.

/** Tiles of ground (289 points each) on machines from slow to fast. */
export const TILE_BUDGETS = [110, 300, 900, 2400];
/** A picture that takes less (ms) leaves room for finer ground. */
const QUICK = 9;
/** What a picture may take (ms): 60 a second; where the processor draws, what stays usable. */
const GOAL = { card: 15, software: 80 };

export class Pace {
  /** Median of the last measured pictures, ms; 0 until there are enough. */
  measured = 0;
  private level: number;
  private readonly software: boolean;
  private readonly goal: number;
  private readonly spans: number[] = [];
  private tooFine = false;

  constructor(software: boolean) {
    this.software = software;
    this.goal = software ? GOAL.software : GOAL.card;
    this.level = software ? 0 : 1;
  }

  get tiles(): number {
    return TILE_BUDGETS[this.level];
  }

  /** Whether the first pictures are still measured. */
  get open(): boolean {
    return this.spans.length < this.enough;
  }

  private get enough(): number {
    return this.software ? 3 : 5;
  }

  /** One more picture took `span` ms. True when that was the last one needed. */
  took(span: number): boolean {
    this.spans.push(span);
    if (this.open) return false;
    // The first one compiles shaders.
    this.measured = this.spans.slice(1).sort((a, b) => a - b)[this.software ? 0 : 1];
    const finer = this.measured < QUICK && this.level < TILE_BUDGETS.length - 1 && !this.tooFine;
    const coarser = this.measured > 1.4 * this.goal && this.level > 0;
    this.tooFine ||= coarser; // and never back
    if (finer || (coarser && !this.software)) this.spans.length = 0; // look again
    if (finer || coarser) this.level += finer ? 1 : -1;
    return true;
  }

  /** The finest ground, for a picture that may take its time. */
  finest(): void {
    this.level = TILE_BUDGETS.length - 1;
  }

  /** Share of the screen's pixels a side: fewer while it moves on a slow machine; the still picture is always sharp. */
  ratio(quiet: boolean): number {
    return quiet || this.measured < 1.3 * this.goal ? 1 : Math.max(0.45, Math.sqrt(this.goal / this.measured));
  }

  /** The still picture of a software renderer is drawn finer instead of smoothed, where that does not take long. */
  get fine(): boolean {
    return this.software && this.measured > 0 && this.measured < 350;
  }
}
