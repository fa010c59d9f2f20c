// The lattice of cells, and 16-bit floats for textures of it.

/** The lattice, in metres from its centre (x east, y north). Row 0 is north. */
export class Lattice {
  readonly nx: number;
  readonly ny: number;
  readonly cell: number;
  readonly halfX: number;
  readonly halfY: number;

  constructor(nx: number, ny: number, cell: number) {
    this.nx = nx;
    this.ny = ny;
    this.cell = cell;
    this.halfX = (nx * cell) / 2;
    this.halfY = (ny * cell) / 2;
  }

  inside(x: number, y: number): boolean {
    return Math.abs(x) < this.halfX && Math.abs(y) < this.halfY;
  }

  /** Flat index of the cell under a point (clamped to the grid). */
  cellAt(x: number, y: number): number {
    const j = Math.min(this.nx - 1, Math.max(0, Math.floor((x + this.halfX) / this.cell)));
    const i = Math.min(this.ny - 1, Math.max(0, Math.floor((this.halfY - y) / this.cell)));
    return i * this.nx + j;
  }

  /** Value between cell centres; what is not known counts as the nearest known corner. */
  bilinear(values: Float32Array, x: number, y: number): number {
    const u = Math.min(this.nx - 1, Math.max(0, (x + this.halfX) / this.cell - 0.5));
    const v = Math.min(this.ny - 1, Math.max(0, (this.halfY - y) / this.cell - 0.5));
    const j = Math.max(0, Math.min(this.nx - 2, Math.floor(u)));
    const i = Math.max(0, Math.min(this.ny - 2, Math.floor(v)));
    const fu = u - j;
    const fv = v - i;
    let sum = 0;
    let weight = 0;
    for (let d = 0; d < 4; d++) {
      const row = Math.min(this.ny - 1, i + (d >> 1));
      const column = Math.min(this.nx - 1, j + (d & 1));
      const value = values[row * this.nx + column];
      const w = (d >> 1 ? fv : 1 - fv) * (d & 1 ? fu : 1 - fu) + 1e-9;
      if (Number.isFinite(value)) {
        sum += w * value;
        weight += w;
      }
    }
    return weight > 0 ? sum / weight : NaN;
  }
}

const halfBuffer = new DataView(new ArrayBuffer(4));

/** Nearest 16-bit float of a number within ±60000. */
export function half(value: number): number {
  halfBuffer.setFloat32(0, value);
  const bits = halfBuffer.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 112;
  if (exponent <= 0) return sign; // below 6e-5: zero is near enough for metres
  return sign | Math.min(0x7bff, (exponent << 10) + (((bits & 0x7fffff) + 0x1000) >> 13));
}
