// Frames of a run in squares of cells and chunks of instants: each piece is decoded when somebody needs it, and let go
// when memory is short.

import { blockText, forget } from "./codec";
import type { Decoder } from "./decoder";

export class TiledFrames {
  /** Frames in all, and in a chunk (the last one may hold fewer). */
  readonly count: number;
  readonly perChunk: number;
  /** Where each square's cells begin among all cells; one more than there are squares. */
  readonly starts: ArrayLike<number>;
  /** Grows whenever a piece comes or goes. */
  version = 0;
  private readonly blobs: number[][];
  private readonly pieces: (Uint8Array | null)[][];

  /** `blobs`: of every square, its chunks over time; a square without cells has none. */
  constructor(blobs: number[][], starts: ArrayLike<number>, count: number, perChunk: number) {
    this.blobs = blobs;
    this.starts = starts;
    this.count = count;
    this.perChunk = perChunk;
    this.pieces = blobs.map((chunks) => chunks.map(() => null));
  }

  get squares(): number {
    return this.blobs.length;
  }

  get chunks(): number {
    return Math.ceil(this.count / this.perChunk);
  }

  chunkOf(frame: number): number {
    return Math.floor(frame / this.perChunk);
  }

  /** Bytes of a piece once it is decoded; 0 where there is none. */
  size(square: number, chunk: number): number {
    return this.blobs[square].length === 0 ? 0
      : (this.starts[square + 1] - this.starts[square]) * Math.min(this.perChunk, this.count - chunk * this.perChunk);
  }

  has(square: number, chunk: number): boolean {
    return this.blobs[square].length === 0 || this.pieces[square][chunk] !== null;
  }

  /** Codes of a square's cells in a frame; null while they are not decoded, or where the square has none. */
  codes(square: number, frame: number): Uint8Array | null {
    const chunk = this.chunkOf(frame);
    const piece = this.pieces[square][chunk] ?? null;
    if (!piece) return null;
    const cells = this.starts[square + 1] - this.starts[square];
    const first = (frame - chunk * this.perChunk) * cells;
    return piece.subarray(first, first + cells);
  }

  async load(decoder: Decoder, square: number, chunk: number): Promise<void> {
    const cells = this.starts[square + 1] - this.starts[square];
    this.pieces[square][chunk] = await decoder.chunk(blockText(this.blobs[square][chunk]), cells);
    this.version++;
  }

  drop(square: number, chunk: number): void {
    this.pieces[square][chunk] = null;
    this.version++;
  }

  /** Everything is decoded and stays: the texts in the document are no longer needed. */
  keep(): void {
    for (const chunks of this.blobs) chunks.forEach(forget);
  }
}
