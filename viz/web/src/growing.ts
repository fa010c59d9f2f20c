// Numbers for meshes.

type Numbers = Float32Array | Int8Array | Uint8Array;

/** Numbers that grow without leaving typed memory. */
export class Growing<T extends Numbers> {
  length = 0;
  private data: T;
  private readonly make: (size: number) => T;

  constructor(make: (size: number) => T) {
    this.make = make;
    this.data = make(1 << 14);
  }

  push(...values: number[]): void {
    if (this.length + values.length > this.data.length) {
      const bigger = this.make(this.data.length * 2);
      bigger.set(this.data);
      this.data = bigger;
    }
    for (const value of values) this.data[this.length++] = value;
  }

  done(): T {
    return this.data.slice(0, this.length) as T;
  }
}

export const floats = (): Growing<Float32Array> => new Growing((size) => new Float32Array(size));
