// Bytes of the page: base64 blocks → gzip → numbers. The writer is viz/encode.py.

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const native = (Uint8Array as unknown as { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> }).fromBase64;
  if (native) return native.call(Uint8Array, text);
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let k = 0; k < binary.length; k++) bytes[k] = binary.charCodeAt(k);
  return bytes;
}

async function unpacked(text: string): Promise<Uint8Array> {
  const { writable, readable } = new DecompressionStream("gzip");
  // Written straight in: a Blob's stream would ask another process for every piece.
  const writer = writable.getWriter();
  const [bytes] = await Promise.all([new Response(readable).arrayBuffer(), writer.write(fromBase64(text)).then(() => writer.close())]);
  return new Uint8Array(bytes);
}

/** Take a block out of the document and decompress it. */
export function block(id: number): Promise<Uint8Array> {
  const text = blockText(id);
  forget(id);
  return unpacked(text);
}

/** The text of a block, left in the document: it may be asked for again. */
export function blockText(id: number): string {
  const text = document.getElementById(`blob-${id}`)?.textContent;
  if (text == null) throw new Error(`blob-${id} is missing`);
  return text;
}

/** Free the text of a block that nobody will ask for again. */
export function forget(id: number): void {
  document.getElementById(`blob-${id}`)?.remove();
}

/** A chunk of frames of `size` bytes, one after the other: the first as differences from cell to cell, the others to the frame before. */
export async function chunk(text: string, size: number): Promise<Uint8Array> {
  const bytes = await unpacked(text);
  for (let c = 1; c < size; c++) bytes[c] = (bytes[c] + bytes[c - 1]) & 255;
  for (let c = size; c < bytes.length; c++) bytes[c] = (bytes[c] + bytes[c - size]) & 255;
  return bytes;
}

/** Zigzag variable-length integers. */
export function varints(bytes: Uint8Array): Int32Array {
  let count = 0;
  for (const byte of bytes) if (byte < 128) count++;
  const out = new Int32Array(count);
  let value = 0;
  let scale = 1;
  let k = 0;
  for (const byte of bytes) {
    value += (byte & 127) * scale;
    scale *= 128;
    if (byte < 128) {
      out[k++] = value % 2 === 0 ? value / 2 : -(value + 1) / 2;
      value = 0;
      scale = 1;
    }
  }
  return out;
}

/** Terrain: 16-bit steps, differences along rows, low bytes then high bytes; NaN where 65535. */
export function terrain(bytes: Uint8Array, nx: number, ny: number, low: number, step: number): Float32Array {
  const n = nx * ny;
  const out = new Float32Array(n);
  for (let i = 0; i < ny; i++) {
    let code = 0;
    for (let j = 0; j < nx; j++) {
      const c = i * nx + j;
      code = (code + bytes[c] + (bytes[n + c] << 8)) & 0xffff;
      out[c] = code === 65535 ? NaN : low + code * step;
    }
  }
  return out;
}

/** Undo differences along series of `length` bytes, in place. */
export function undelta(bytes: Uint8Array, length: number): Uint8Array {
  for (let start = 0; start < bytes.length; start += length) {
    for (let k = start + 1; k < start + length; k++) bytes[k] = (bytes[k] + bytes[k - 1]) & 255;
  }
  return bytes;
}
