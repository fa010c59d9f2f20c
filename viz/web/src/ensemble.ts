// What several runs of one question say together: how many flood a place, and how deep.

import { block } from "./codec";
import type { PageData } from "./types";

export class Ensemble {
  readonly members: string[];
  /** Runs that flood each cell. */
  readonly count: Uint8Array;
  private readonly curve: number[];
  private readonly least: Uint8Array;
  private readonly middle: Uint8Array;
  private readonly greatest: Uint8Array;

  private constructor(members: string[], curve: number[], fields: Uint8Array[]) {
    this.members = members;
    this.curve = curve;
    [this.count, this.least, this.middle, this.greatest] = fields;
  }

  static async read({ ensemble, curve }: PageData): Promise<Ensemble | null> {
    if (!ensemble) return null;
    const fields = await Promise.all([ensemble.count, ensemble.least, ensemble.middle, ensemble.greatest].map(block));
    return new Ensemble(ensemble.members, curve, fields);
  }

  /** Share of the runs that flood a cell, 0 … 1. */
  chance(cell: number): number {
    return this.count[cell] / this.members.length;
  }

  /** Least, median and greatest of the maximum depths at a cell (m). */
  range(cell: number): { least: number; middle: number; greatest: number } {
    const { curve } = this;
    return { least: curve[this.least[cell]], middle: curve[this.middle[cell]], greatest: curve[this.greatest[cell]] };
  }
}
