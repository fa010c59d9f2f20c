// Frames are decoded beside the page, in a worker made of text that is inside the file; where a browser
// allows none to a file from disk, on the page itself.

import { Frames, takeText } from "./codec";

interface Job {
  series: number;
  size: number;
  text: string;
  done: (frames: Uint8Array[]) => void;
  failed: (error: unknown) => void;
}

export type Answer = { job: number; frames: Uint8Array[] } | { job: number; error: string };

export class Decoder {
  /** Whether frames are decoded beside the page. */
  beside = false;
  private worker: Worker | null = null;
  private readonly jobs = new Map<number, Job>();
  private readonly here = new Map<number, Frames>();
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
      if ("frames" in data) job?.done(data.frames);
      else job?.failed(new Error(data.error));
    });
    this.worker.addEventListener("error", (event) => {
      event.preventDefault();
      this.worker = null;
      this.beside = false;
      for (const job of this.jobs.values()) void this.work(job);
      this.jobs.clear();
    });
  }

  /** Reads the chunks of one series of frames of `size` bytes, asked for in order. */
  series(size: number): (blob: number) => Promise<Uint8Array[]> {
    const series = this.count++;
    return (blob) => new Promise((done, failed) => {
      const job: Job = { series, size, text: takeText(blob), done, failed };
      if (!this.worker) {
        void this.work(job);
        return;
      }
      const number = this.count++;
      this.jobs.set(number, job);
      this.worker.postMessage({ job: number, series, size, text: job.text });
    });
  }

  private async work({ series, size, text, done, failed }: Job): Promise<void> {
    let frames = this.here.get(series);
    if (!frames) this.here.set(series, (frames = new Frames(size)));
    try {
      done(await frames.read(text));
    } catch (error) {
      failed(error);
    }
  }

  close(): void {
    this.worker?.terminate();
    this.worker = null;
  }
}
