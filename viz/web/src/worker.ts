// The worker: a chunk's text in, its frames out; footprints in, walls and roofs out. Bundled as text into the page by build.mjs.

import { chunk } from "./codec";
import type { Ask } from "./decoder";
import { houses } from "./houses";
import { Lattice } from "./lattice";

const scope = self as unknown as {
  onmessage: (event: MessageEvent<Ask>) => void;
  postMessage: (message: unknown, transfer?: Transferable[]) => void;
};

scope.onmessage = ({ data }) => {
  const { job } = data;
  const done = data.what === "chunk"
    ? chunk(data.text, data.size).then((bytes) => scope.postMessage({ job, answer: bytes }, [bytes.buffer as ArrayBuffer]))
    : Promise.resolve().then(() => {
        const { nx, ny, cell } = data.lattice;
        const made = houses(data.list, new Lattice(nx, ny, cell), data.bed);
        scope.postMessage({ job, answer: made }, Object.values(made).map((array) => array.buffer as ArrayBuffer));
      });
  done.catch((error: unknown) => scope.postMessage({ job, error: String(error) }));
};
