// Whether and how this machine draws in 3D.

export interface Drawing {
  canvas: HTMLCanvasElement;
  context: WebGL2RenderingContext;
  /** The processor does the work of a graphics card. */
  software: boolean;
}

/** A canvas with WebGL 2, null when there is none. Where the processor draws, edges are not smoothed twice. */
export function openDrawing(): Drawing | null {
  const make = (antialias: boolean): [HTMLCanvasElement, WebGL2RenderingContext | null] => {
    const canvas = document.createElement("canvas");
    return [canvas, canvas.getContext("webgl2", { alpha: true, antialias, powerPreference: "high-performance", preserveDrawingBuffer: true })];
  };
  const [canvas, context] = make(false);
  if (!context) return null;
  const info = context.getExtension("WEBGL_debug_renderer_info");
  const name = String(context.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : context.RENDERER));
  if (/swiftshader|llvmpipe|software|basic render|warp/i.test(name)) return { canvas, context, software: true };
  context.getExtension("WEBGL_lose_context")?.loseContext();
  const [smooth, smoothContext] = make(true);
  return smoothContext ? { canvas: smooth, context: smoothContext, software: false } : null;
}
