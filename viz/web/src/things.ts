// What stands on the ground in the 3D picture: houses, roads, dikes, and the cut sides of the ground itself.

import { BufferAttribute, BufferGeometry, DoubleSide, type Group, Mesh, ShaderMaterial } from "three";
import { DIKE } from "./colours";
import type { Decoder } from "./decoder";
import { dikeGeometry, roadGeometry, skirtGeometry } from "./geometry";
import * as glsl from "./shaders";
import type { App } from "./state";
import type { ScenarioTextures } from "./textures";
import { type Uniforms, colour } from "./uniforms";

export class Things {
  private readonly app: App;
  private readonly root: Group;
  private readonly buildings: Mesh | null;
  private readonly roads: Mesh | null;
  private readonly skirts: Mesh[] = [];
  private readonly dikes: (Mesh | null)[] = [];

  constructor(app: App, root: Group, shared: Uniforms, first: ScenarioTextures) {
    this.app = app;
    this.root = root;
    const { territory } = app;
    const { lattice } = territory;
    const material = (vertexShader: string, fragmentShader: string, own: Uniforms = {}): ShaderMaterial =>
      new ShaderMaterial({ vertexShader, fragmentShader, side: DoubleSide, uniforms: { ...shared, ...own } });
    const skirtMaterial = material(glsl.skirtVertex, glsl.skirtFragment);
    const around = Math.max(1, Math.ceil((lattice.nx + lattice.ny) / 1500));
    for (const scenario of app.scenarios) {
      const own = scenario.ownBed || this.skirts.length === 0;
      this.skirts.push(own ? this.add(skirtGeometry(lattice, scenario.bed, around, territory.lowest), skirtMaterial) : this.skirts[0]);
      const { lines } = scenario.meta;
      this.dikes.push(lines.length === 0 ? null : this.add(
        dikeGeometry(lines, (x, y) => lattice.bilinear(scenario.bed, x, y), lattice.cell),
        material(glsl.dikeVertex, glsl.dikeFragment, { colour: { value: colour(DIKE) } })));
    }
    const states = (texture: ScenarioTextures["buildings"]): Uniforms =>
      ({ states: { value: texture }, statesWide: { value: texture.image.width }, picked: { value: -1 } });
    this.buildings = territory.buildings && this.add(new BufferGeometry(), material(glsl.buildingVertex, glsl.buildingFragment, states(first.buildings)));
    this.roads = territory.roads.length === 0 ? null : this.add(
      new BufferGeometry(), material(glsl.roadVertex, glsl.roadFragment, states(first.roads)));
  }

  private add(geometry: BufferGeometry, material: ShaderMaterial): Mesh {
    const made = new Mesh(geometry, material);
    made.frustumCulled = false;
    this.root.add(made);
    return made;
  }

  /** Roads, then houses: neither is in the first picture, which does not wait for them. */
  async build(decoder: Decoder, onMade: () => void): Promise<void> {
    const { territory } = this.app;
    const { lattice, bed } = territory;
    const houses = this.buildings && territory.buildings ? decoder.houses(territory.buildings.list, lattice, bed) : null;
    if (this.roads) {
      this.roads.geometry = roadGeometry(territory.roads, (x, y) => lattice.bilinear(bed, x, y), Math.max(6, 1.5 * lattice.cell));
      onMade();
    }
    if (!houses || !this.buildings) return;
    const { position, facing, thing, rim } = await houses;
    const geometry = new BufferGeometry();
    geometry.setAttribute("position", new BufferAttribute(position, 3));
    geometry.setAttribute("facing", new BufferAttribute(facing, 4));
    geometry.setAttribute("thing", new BufferAttribute(thing, 1));
    geometry.setAttribute("rim", new BufferAttribute(rim, 4, true));
    this.buildings.geometry = geometry;
    onMade();
  }

  /** The things of a scenario, in their states. */
  show(k: number, textures: ScenarioTextures): void {
    const { choices } = this.app;
    this.skirts.forEach((mesh) => (mesh.visible = mesh === this.skirts[k]));
    this.dikes.forEach((mesh, n) => mesh && (mesh.visible = n === (choices.difference ? choices.other : k)));
    const picked = choices.picked?.building ?? null;
    const set = (mesh: Mesh | null, states: ScenarioTextures["buildings"], visible: boolean, chosen: number | null): void => {
      if (!mesh) return;
      mesh.visible = visible && mesh.geometry.getAttribute("position") !== undefined;
      const { uniforms } = mesh.material as ShaderMaterial;
      uniforms["states"].value = states;
      uniforms["picked"].value = chosen ?? -1;
    };
    set(this.buildings, textures.buildings, choices.showBuildings, picked);
    set(this.roads, textures.roads, choices.showRoads, picked === null ? choices.picked?.road ?? null : null);
  }
}
