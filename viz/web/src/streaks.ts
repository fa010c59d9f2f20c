// The streaks of the flow as a mesh: one thin quad a streak, moved by the processor, widened by the shader.

import { BufferAttribute, BufferGeometry, DoubleSide, DynamicDrawUsage, Mesh, ShaderMaterial, Vector2, Vector3 } from "three";
import { SHORE, unit } from "./colours";
import type { Flow } from "./flow";
import * as glsl from "./shaders";

export class StreakMesh {
  readonly mesh: Mesh;
  readonly flow: Flow;
  private readonly position: BufferAttribute;
  private readonly streak: BufferAttribute;
  private readonly material: ShaderMaterial;

  constructor(flow: Flow) {
    this.flow = flow;
    const n = flow.count;
    const corner = new Float32Array(n * 8);
    const index = new Uint32Array(n * 6);
    for (let k = 0; k < n; k++) {
      corner.set([0, -1, 0, 1, 1, -1, 1, 1], k * 8);
      index.set([4 * k, 4 * k + 1, 4 * k + 2, 4 * k + 2, 4 * k + 1, 4 * k + 3], k * 6);
    }
    this.position = new BufferAttribute(new Float32Array(n * 12), 3).setUsage(DynamicDrawUsage);
    this.streak = new BufferAttribute(new Float32Array(n * 16), 4).setUsage(DynamicDrawUsage);
    const geometry = new BufferGeometry();
    geometry.setAttribute("position", this.position);
    geometry.setAttribute("streak", this.streak);
    geometry.setAttribute("corner", new BufferAttribute(corner, 2));
    geometry.setIndex(new BufferAttribute(index, 1));
    this.material = new ShaderMaterial({
      vertexShader: glsl.streakVertex, fragmentShader: glsl.streakFragment, transparent: true, depthWrite: false, side: DoubleSide,
      uniforms: {
        screen: { value: new Vector2(1, 1) }, metres: { value: 1 }, wide: { value: 2.2 },
        deep: { value: new Vector3(1, 1, 1) }, shallow: { value: new Vector3(...unit(SHORE)) },
      },
    });
    this.mesh = new Mesh(geometry, this.material);
    this.mesh.frustumCulled = false;
    this.mesh.renderOrder = 2;
  }

  /** Take over where the streaks are; `ground` is the height of the bed. */
  update(ground: (x: number, y: number) => number, screen: Vector2, metresPerPixel: number): void {
    const { flow, material } = this;
    const at = this.position.array;
    const look = this.streak.array;
    this.mesh.geometry.setDrawRange(0, 6 * flow.active);
    for (let k = 0; k < flow.active; k++) {
      const seen = flow.light[k] > 0;
      const z = seen ? ground(flow.x[k], flow.y[k]) + flow.depth[k] : 0;
      for (let c = 0; c < 4; c++) {
        const p = (4 * k + c) * 3;
        at[p] = flow.x[k];
        at[p + 1] = flow.y[k];
        at[p + 2] = z;
        const q = (4 * k + c) * 4;
        look[q] = flow.tailX[k];
        look[q + 1] = flow.tailY[k];
        look[q + 2] = Number.isFinite(z) ? flow.light[k] : 0;
        look[q + 3] = flow.depth[k];
      }
    }
    this.position.needsUpdate = true;
    this.streak.needsUpdate = true;
    (material.uniforms["screen"].value as Vector2).copy(screen);
    material.uniforms["metres"].value = metresPerPixel;
  }
}
