// Whether and how this machine draws in 3D; its programs are made while the page still reads its data.

import {
  BufferAttribute, BufferGeometry, ColorManagement, DoubleSide, FrontSide, LinearSRGBColorSpace, Mesh, PerspectiveCamera, Scene, ShaderMaterial, WebGLRenderer,
} from "three";
import { Pace } from "./pace";
import { cardName } from "./rhythm";
import type { PageData } from "./types";
import * as glsl from "./shaders";

ColorManagement.enabled = false; // sRGB in, sRGB out: the legend's colours are the picture's

export interface Drawing {
  canvas: HTMLCanvasElement;
  renderer: WebGLRenderer;
  /** The processor does the work of a graphics card. */
  software: boolean;
  /** What the browser calls the card; "" where it keeps that to itself. */
  card: string;
  pace: Pace;
}

/** A canvas with WebGL 2, null when there is none. Where the processor draws, edges are not smoothed twice. */
export function openDrawing(host: HTMLElement, data: PageData): Drawing | null {
  const make = (antialias: boolean): [HTMLCanvasElement, WebGL2RenderingContext | null] => {
    const canvas = document.createElement("canvas");
    return [canvas, canvas.getContext("webgl2", { alpha: true, antialias, powerPreference: "high-performance", preserveDrawingBuffer: true })];
  };
  let [canvas, context] = make(false);
  if (!context) return null;
  const info = context.getExtension("WEBGL_debug_renderer_info");
  const name = String(context.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : context.RENDERER));
  const software = /swiftshader|llvmpipe|software|basic render|warp/i.test(name);
  if (!software) {
    context.getExtension("WEBGL_lose_context")?.loseContext();
    [canvas, context] = make(true);
    if (!context) return null;
  }
  try {
    const renderer = new WebGLRenderer({ canvas, context, alpha: true });
    renderer.debug.checkShaderErrors = false; // asking would wait for every shader by itself; the tests look at pixels
    renderer.outputColorSpace = LinearSRGBColorSpace;
    renderer.setClearColor(0x000000, 0); // the sky is the page's
    renderer.autoClear = false;
    renderer.info.autoReset = false; // a picture that compares is drawn in two
    const pace = new Pace(software);
    // Before the programs are asked for: a change of size waits for all that the card was asked.
    renderer.setDrawingBufferSize(host.clientWidth, host.clientHeight, pace.ratio(false) * Math.min(2, devicePixelRatio));
    ask(renderer, first(data));
    return { canvas, renderer, software, card: cardName(info ? name : ""), pace };
  } catch (error) {
    console.warn("WebGL did not start, the map is drawn in 2D", error);
    return null;
  }
}

interface Program {
  text: [vertexShader: string, fragmentShader: string];
  side?: typeof FrontSide | typeof DoubleSide;
  transparent?: boolean;
  normals?: boolean;
  defines?: Defines;
}
export type Defines = Record<string, number>;

/** The ways to show the water on the ground; each has its own program. */
export type Way = "depth" | "scale" | "change" | "chance";
export function groundDefines(way: Way, permanent: boolean, holes: boolean): Defines {
  const own: Defines = way === "change" ? { CHANGING: 1 } : way === "chance" ? { CHANCING: 1 } : way === "scale" ? { SCALED: 1 } : {};
  return { ...own, ...(permanent && way !== "change" ? { PERMANENT: 1 } : {}), ...(holes ? { HOLES: 1 } : {}) };
}

/** What the first picture is made with. */
function first(data: PageData): Program[] {
  const defines = groundDefines("depth", data.scenarios[0].permanent, data.holes > 0);
  return [{ text: [glsl.terrainVertex, glsl.terrainFragment], side: FrontSide, defines }, { text: [glsl.skirtVertex, glsl.skirtFragment] }];
}
const LATER: Program[] = [
  { text: [glsl.roadVertex, glsl.roadFragment] }, { text: [glsl.buildingVertex, glsl.buildingFragment] },
  { text: [glsl.dikeVertex, glsl.dikeFragment], normals: true }, { text: [glsl.streakVertex, glsl.streakFragment], transparent: true },
];

/** Ask the card for programs without waiting; materials with the same text find them made. */
function ask(renderer: WebGLRenderer, programs: Program[]): void {
  const scene = new Scene();
  for (const { text: [vertexShader, fragmentShader], side = DoubleSide, transparent = false, normals = false, defines } of programs) {
    // three.js tells programs apart by the attributes too.
    const geometry = new BufferGeometry().setAttribute("position", new BufferAttribute(new Float32Array(3), 3));
    if (normals) geometry.setAttribute("normal", geometry.getAttribute("position"));
    scene.add(new Mesh(geometry, new ShaderMaterial({ vertexShader, fragmentShader, side, transparent, depthWrite: !transparent, ...(defines ? { defines } : {}) })));
  }
  renderer.compile(scene, new PerspectiveCamera());
}

/** The programs that the first picture does without. */
export function askRest(renderer: WebGLRenderer): void {
  ask(renderer, LATER);
}
