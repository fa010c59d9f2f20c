// Bundles the page: src/main.ts + three.js into one script, one style sheet, one template.
// Called by hatch_build.py with the output folder as only argument; needs `npm ci` first.
import { build } from "esbuild";
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const out = path.resolve(process.argv[2] ?? path.join(here, "..", "_bundle"));
await mkdir(out, { recursive: true });

const three = JSON.parse(await readFile(path.join(here, "node_modules/three/package.json"), "utf8"));
const licence = (await readFile(path.join(here, "node_modules/three/LICENSE"), "utf8")).trim();

// The worker goes into the script as text: the page has no second file to load.
const worker = await build({
  entryPoints: [path.join(here, "src/worker.ts")],
  write: false,
  bundle: true,
  format: "iife",
  target: ["es2022"],
  minify: true,
  logLevel: "warning",
});
await build({
  entryPoints: { viewer: path.join(here, "src/main.ts") },
  outdir: out,
  bundle: true,
  format: "iife",
  target: ["es2022"],
  charset: "utf8",
  minify: true,
  legalComments: "inline",
  // The licence text itself, not only its name, stays in every page that is handed on.
  banner: { js: `/*!\nthree.js ${three.version} (https://threejs.org)\n\n${licence}\n*/` },
  define: { THREE_VERSION: JSON.stringify(three.version), WORKER_SOURCE: JSON.stringify(worker.outputFiles[0].text) },
  logLevel: "warning",
});
await build({
  entryPoints: { viewer: path.join(here, "src/style.css") },
  outdir: out,
  minify: true,
  logLevel: "warning",
});
await copyFile(path.join(here, "index.html"), path.join(out, "index.html"));
await writeFile(path.join(out, "THIRD_PARTY.txt"), `three.js ${three.version}\n\n${licence}\n`);
