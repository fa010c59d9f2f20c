// What is worked out beside the page, in a worker made of text that is inside the file; where a browser allows
// none to a file from disk, on the page itself.

import { chunk } from "./codec";
import { type Houses, houses } from "./houses";
import type { Lattice } from "./lattice";
import type { Building } from "./territory";

interface ChunkAsk { what: "chunk"; text: string; size: number }
interface HousesAsk { what: "houses"; list: Building[]; lattice: Lattice; bed: Float32Array }
export type Ask = (ChunkAsk | HousesAsk) & { job: number };

interface Job {
  ask: ChunkAsk | HousesAsk;
  done: (answer: never) => void;
  failed: (error: unknown) => void;
}

type Answer = { job: number; answer: never } | { job: number; error: string };

export class Decoder {
  /** Whether the work is done beside the page. */
  beside = false;
  private worker: Worker | null = null;
  private readonly jobs = new Map<number, Job>();
  private count = 0;

  constructor() {
    try {
      const address = URL.createObjectURL(new Blob([WORKER_SOURCE], { type: "text/javascript" }));
      this.worker = new Worker(address);
      this.beside = true;
      URL.revokeObjectURL(address);
    } catch {
      return; // refused: everything is done here
    }
    this.worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => {
      const job = this.jobs.get(data.job);
      this.jobs.delete(data.job);
      if ("error" in data) job?.failed(new Error(data.error));
      else job?.done(data.answer);
    });
    this.worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.worker = null;
      this.beside = false;
      for (const job of this.jobs.values()) void this.work(job);
      this.jobs.clear();
    });
  }

  /** The frames of `size` bytes in a chunk, one after the other. */
  chunk(text: string, size: number): Promise<Uint8Array> {
    return this.ask<Uint8Array>({ what: "chunk", text, size });
  }

  /** Walls and roofs of buildings on a ground. */
  houses(list: Building[], lattice: Lattice, bed: Float32Array): Promise<Houses> {
    return this.ask<Houses>({ what: "houses", list, lattice, bed });
  }

  private ask<T>(ask: ChunkAsk | HousesAsk): Promise<T> {
    return new Promise<T>((done, failed) => {
      const job: Job = { ask, done, failed };
      if (!this.worker) {
        void this.work(job);
        return;
      }
      const number = this.count++;
      this.jobs.set(number, job);
      this.worker.postMessage({ job: number, ...ask });
    });
  }

  private async work({ ask, done, failed }: Job): Promise<void> {
    try {
      const answer = ask.what === "chunk" ? await chunk(ask.text, ask.size) : houses(ask.list, ask.lattice, ask.bed);
      done(answer as never);
    } catch (error) {
      failed(error);
    }
  }

  close(): void {
    this.worker?.terminate();
    this.worker = null;
  }
}
