// The worker: text of a chunk in, frames out. Bundled as text into the page by build.mjs.

import { Frames } from "./codec";

const series = new Map<number, Frames>();
const scope = self as unknown as {
  onmessage: (event: MessageEvent<{ job: number; series: number; size: number; text: string }>) => void;
  postMessage: (message: unknown, transfer?: Transferable[]) => void;
};

scope.onmessage = ({ data: { job, series: number, size, text } }) => {
  let frames = series.get(number);
  if (!frames) series.set(number, (frames = new Frames(size)));
  frames.read(text).then(
    (read) => scope.postMessage({ job, frames: read }, read.map((frame) => frame.buffer as ArrayBuffer)),
    (error: unknown) => scope.postMessage({ job, error: String(error) }),
  );
};
