// GLSL of the 3D scene. Colours come in as uniforms; the picture is in sRGB from end to end, so that the
// swatches of the legend are the very numbers on the screen.

const WATER = /* glsl */ `
uniform sampler2D depthA;
uniform sampler2D depthB;
uniform float between;
float signedDepth(vec2 uv) {
  float depth = texture2D(depthA, uv).r;
  if (between > 0.0) depth = mix(depth, texture2D(depthB, uv).r, between);
  return depth;
}`;

// What lies far away fades into the sky. `away`: metres from the eye.
const HAZE = /* glsl */ `
uniform vec3 haze;
uniform vec2 hazeFrom;      // m: where it begins, and where it is full
vec3 hazy(vec3 colour, float away) {
  float share = clamp((away - hazeFrom.x) / (hazeFrom.y - hazeFrom.x), 0.0, 1.0);
  return mix(colour, haze, 0.92 * share * (2.0 - share));
}`;

export const terrainVertex = /* glsl */ `
${WATER}
uniform sampler2D bed;      // ground of every cell (m)
uniform vec2 size;          // cells
uniform float cell;         // m
uniform float lowest;       // m, drawn where nothing is known
uniform float wet;
attribute vec3 tile;        // column and row of its corner, cells a step
varying vec2 vUv;
varying float vAway;
float surface(vec2 at) {    // ground, or water above it, of a cell (m)
  ivec2 here = ivec2(at);
  float z = texelFetch(bed, here, 0).r;
  if (z < -1e8) z = lowest;
  float water = texelFetch(depthA, here, 0).r;
  if (between > 0.0) water = mix(water, texelFetch(depthB, here, 0).r, between);
  return water > wet ? z + water : z;
}
void main() {
  vec2 at = min(tile.xy + position.xy * tile.z, size - 1.0);
  float z = surface(at);
  if (position.z > 1.5) {
    // Between four points: half way along the diagonal that lies higher. Water passes the sides of cells in the
    // model, not their corners: crest cells that touch at a corner hold it. A coarse tile has ground there, too.
    vec2 far = min(at + tile.z, size - 1.0);
    z = 0.5 * max(z + surface(far), surface(vec2(far.x, at.y)) + surface(vec2(at.x, far.y)));
    at = 0.5 * (at + far);
    if (tile.z > 1.5) z = max(z, surface(floor(at)));
  }
  vUv = (at + 0.5) / size;
  // The hanging edge of a tile closes the gap to a coarser neighbour; the side of the territory has its own wall.
  bool inner = all(greaterThan(at, vec2(0.5))) && all(lessThan(at, size - 1.5));
  if (position.z > 0.5 && position.z < 1.5 && inner) z -= 0.6 * tile.z * cell;
  vec4 eye = modelViewMatrix * vec4((at.x + 0.5 - 0.5 * size.x) * cell, (0.5 * size.y - at.y - 0.5) * cell, z, 1.0);
  vAway = length(eye.xyz);
  gl_Position = projectionMatrix * eye;
}`;

// One program for each way to show the water: a branch that all pixels take alike is still paid for by some
// renderers, and a `discard` that is never reached keeps cards from leaving hidden pixels out.
export const terrainFragment = /* glsl */ `
${WATER}
${HAZE}
uniform sampler2D permanentDepth;
uniform sampler2D ground;
uniform sampler2D holes;
uniform float wet;
uniform vec3 classes[4];
uniform vec3 bounds;
uniform vec3 permanent;
uniform vec3 shore;
uniform sampler2D change;   // greatest depth of the other scenario less this one's, and whether either floods
uniform vec3 changes[7];
uniform vec3 changeBounds;
uniform vec3 shadow;
uniform sampler2D chance;   // share of the runs of an ensemble that flood
uniform vec3 chances[5];
uniform vec4 chanceBounds;
uniform vec4 scaleDepths;
varying vec2 vUv;
varying float vAway;

float over(float value, float bound, float width) {
  return clamp((value - bound) / width + 0.5, 0.0, 1.0);
}

void main() {
#ifdef HOLES
  if (texture2D(holes, vUv).r > 0.5) discard;
#endif
  // Alpha: how much light gets past the buildings.
  vec4 baked = texture2D(ground, vUv);
  vec3 land = mix(shadow, baked.rgb, baked.a);
#if defined(CHANGING)
  {
    vec2 found = texture2D(change, vUv).rg;
    float broad = max(fwidth(found.x), 1e-5);
    vec3 less = changes[3];
    less = mix(less, changes[2], over(-found.x, changeBounds.x, broad));
    less = mix(less, changes[1], over(-found.x, changeBounds.y, broad));
    less = mix(less, changes[0], over(-found.x, changeBounds.z, broad));
    vec3 more = changes[3];
    more = mix(more, changes[4], over(found.x, changeBounds.x, broad));
    more = mix(more, changes[5], over(found.x, changeBounds.y, broad));
    more = mix(more, changes[6], over(found.x, changeBounds.z, broad));
    float soft = max(fwidth(found.y), 1e-5);
    float flooded = (found.y - 0.5) / soft;
    // Land turns pale grey: only the change has a colour.
    vec3 pale = mix(vec3(dot(land, vec3(0.3, 0.59, 0.11))), vec3(0.96), 0.35);
    vec3 seen = mix(pale, found.x < 0.0 ? less : more, clamp(flooded + 0.5, 0.0, 1.0));
    seen = mix(seen, shore, 0.6 * smoothstep(-0.5, 0.1, flooded) * (1.0 - smoothstep(1.0, 1.7, flooded)));
    gl_FragColor = vec4(hazy(seen, vAway), 1.0);
  }
#elif defined(CHANCING)
  {
    float share = texture2D(chance, vUv).r;
    float broad = max(fwidth(share), 1e-5);
    vec3 seen = chances[0];
    seen = mix(seen, chances[1], over(share, chanceBounds.x, broad));
    seen = mix(seen, chances[2], over(share, chanceBounds.y, broad));
    seen = mix(seen, chances[3], over(share, chanceBounds.z, broad));
    seen = mix(seen, chances[4], over(share, chanceBounds.w, broad));
#ifdef PERMANENT
    float before = texture2D(permanentDepth, vUv).r;
    seen = mix(seen, permanent, over(before, wet, max(fwidth(before), 1e-5)));
#endif
    vec3 pale = mix(vec3(dot(land, vec3(0.3, 0.59, 0.11))), vec3(0.96), 0.35);
    // The edge: where less than half of one run floods.
    gl_FragColor = vec4(hazy(mix(pale, seen, over(share, 0.5 / 255.0 + 0.001, broad)), vAway), 1.0);
  }
#else
  float depth = signedDepth(vUv);
  float width = max(fwidth(depth), 1e-5);
  float inside = (depth - wet) / width;   // pixels from the edge of the water
  vec2 fall = vec2(dFdx(depth), dFdy(depth));
  vec2 right = dFdx(vUv);
  vec2 up = dFdy(vUv);
  vec3 colour = land;
#ifdef PERMANENT
  // Beside a river or a harbour the ground of the flooded cells goes on to its edge: no class of what lies between
  // their depth and the channel's.
  vec2 before = texture2D(permanentDepth, vUv).rg;
  depth -= before.g;
#endif
  float soft = max(fwidth(depth), 1e-5);
  if (inside > -0.5) {
    vec3 water = classes[0];
#ifdef SCALED
    water = mix(water, classes[1], clamp((depth - scaleDepths.x) / (scaleDepths.y - scaleDepths.x), 0.0, 1.0));
    water = mix(water, classes[2], clamp((depth - scaleDepths.y) / (scaleDepths.z - scaleDepths.y), 0.0, 1.0));
    water = mix(water, classes[3], clamp((depth - scaleDepths.z) / (scaleDepths.w - scaleDepths.z), 0.0, 1.0));
#else
    water = mix(water, classes[1], over(depth, bounds.x, soft));
    water = mix(water, classes[2], over(depth, bounds.y, soft));
    water = mix(water, classes[3], over(depth, bounds.z, soft));
#endif
#ifdef PERMANENT
    float bank = (before.r - wet) / max(fwidth(before.r), 1e-5);
    water = mix(water, permanent, clamp(bank + 0.5, 0.0, 1.0));
    water = mix(water, shore, 0.4 * (1.0 - smoothstep(0.4, 1.1, abs(bank - 0.3))));
#endif
    // Shade at the foot of buildings falls on the water too, a little; open water keeps the legend's colour.
    water = mix(shadow, water, 0.45 + 0.55 * baked.a);
    colour = mix(land, water, clamp(inside + 0.5, 0.0, 1.0));
    // The shoreline is a line of constant width on the screen, on the water's side, whatever the slope. It is one only
    // where the depth does end a little further: over a drowned crest, small on the screen, it falls and rises again.
    float line = 0.85 * smoothstep(-0.5, 0.1, inside) * (1.0 - smoothstep(1.1, 1.9, inside));
    vec2 ahead = -(inside + 0.6) * width * fall / max(dot(fall, fall), 1e-10);
    float there = signedDepth(vUv + ahead.x * right + ahead.y * up);
    colour = mix(colour, shore, line * (1.0 - smoothstep(-0.15, 0.1, (there - wet) / width)));
  }
  gl_FragColor = vec4(hazy(colour, vAway), 1.0);
#endif
}`;

export const skirtVertex = /* glsl */ `
${WATER}
uniform float wet;
uniform float bottom;
attribute float upper;
varying float vHeight;
varying float vBed;
varying float vSide;
attribute float side;
varying float vAway;
void main() {
  float water = signedDepth(uv);
  float level = position.z + (water > wet ? water : 0.0);
  float z = upper > 0.5 ? level : bottom;
  vHeight = z;
  vBed = position.z;
  vSide = side;
  vec4 eye = modelViewMatrix * vec4(position.xy, z, 1.0);
  vAway = length(eye.xyz);
  gl_Position = projectionMatrix * eye;
}`;

export const skirtFragment = /* glsl */ `
${HAZE}
uniform vec3 water;
varying float vAway;
varying float vHeight;
varying float vBed;
varying float vSide;
void main() {
  vec3 earth = vec3(0.74, 0.70, 0.64) * vSide;
  float band = clamp((vBed - vHeight) / 12.0, 0.0, 1.0);
  earth = mix(earth * 1.04, earth * 0.9, band);
  gl_FragColor = vec4(hazy(vHeight > vBed + 0.02 ? water : earth, vAway), 1.0);
}`;

export const buildingVertex = /* glsl */ `
${HAZE}
uniform sampler2D states;   // one texel a building: class 0–4
uniform float statesWide;
uniform vec3 damage[4];
uniform vec3 changes[7];    // states 10 … 16 on the map of changes
uniform vec3 wallColour;
uniform vec3 roofColour;
uniform float picked;
attribute float thing;
attribute vec4 facing;      // normal × 127; 0 foot of a wall, 1 top of a wall, 2 roof
attribute vec4 rim;         // share of the way to each side of the triangle that is an edge
varying vec3 vColour;
varying vec3 vRim;
varying float vFoot;
void main() {
  vec2 at = vec2(mod(thing, statesWide), floor(thing / statesWide));
  float state = floor(texelFetch(states, ivec2(at), 0).r * 255.0 + 0.5);
  bool roof = facing.w > 1.5;
  vec3 facade = normalize(facing.xyz);
  vec3 colour = roof ? roofColour : wallColour;
  if (state > 9.5) {
    int step = int(state) - 10;
    for (int k = 0; k < 7; k++) if (k == step) colour = changes[k];
  } else if (state > 3.5) colour = damage[3];
  else if (state > 2.5) colour = damage[2];
  else if (state > 1.5) colour = damage[1];
  else if (state > 0.5) colour = damage[0];
  // Sun from the north-west and light from the sky; a flat roof keeps its swatch.
  vec3 light = normalize(vec3(-0.62, 0.55, 0.9));
  float sun = max(dot(facade, light), 0.0);
  float shade = roof ? 0.76 + 0.33 * sun : 0.75 + 0.32 * sun + 0.05 * facade.x;
  if (roof && facade.z > 0.99) shade = 1.0;
  vColour = colour * min(shade, 1.08);
  // What the sun does not reach is lit by a blue sky.
  if (!roof) vColour = mix(vColour, vColour * vec3(0.97, 0.985, 1.04), 1.0 - smoothstep(0.0, 0.5, sun));
  if (abs(thing - picked) < 0.5) vColour = mix(vColour, vec3(0.0, 0.0, 0.57), 0.55);
  vFoot = facing.w;
  vRim = rim.xyz;
  vec4 eye = modelViewMatrix * vec4(position, 1.0);
  vColour = hazy(vColour, length(eye.xyz));
  gl_Position = projectionMatrix * eye;
}`;

export const buildingFragment = /* glsl */ `
varying vec3 vColour;
varying vec3 vRim;
varying float vFoot;
void main() {
  // Walls darken towards the ground, where less of the sky is seen.
  float dark = vFoot < 1.0 ? mix(0.78, 1.0, smoothstep(0.0, 0.85, vFoot)) : 1.0;
  // Edges as thin lines, on houses that are large enough on the screen to bear them.
  vec3 width = fwidth(vRim);
  vec3 near = 1.0 - smoothstep(vec3(0.2), vec3(1.15), vRim / max(width, vec3(1e-5)));
  vec3 bear = 1.0 - smoothstep(vec3(0.06), vec3(0.2), width);
  vec3 line = near * bear;
  dark *= 1.0 - 0.34 * max(line.x, max(line.y, line.z));
  gl_FragColor = vec4(vColour * dark, 1.0);
}`;

export const roadVertex = /* glsl */ `
${WATER}
uniform sampler2D states;   // one texel a road: state, traffic width, traffic class
uniform float statesWide;
uniform float perPixel;     // metres per pixel at unit distance
uniform float minimum;      // least width in pixels
uniform float wet;
uniform vec2 span;          // size of the grid in metres
uniform float picked;
attribute vec2 across;      // unit vector to the side
attribute float thing;
attribute vec3 shape;       // half width (m), distance along (m), deck (1) or ground (0)
varying vec3 vState;
varying float vSide;
varying float vAlong;
varying float vHalf;
varying float vPicked;
varying vec2 vPlace;
varying float vAway;
attribute float side;
void main() {
  vec2 at = vec2(mod(thing, statesWide), floor(thing / statesWide));
  vec3 state = texelFetch(states, ivec2(at), 0).rgb * 255.0;
  vec2 uvHere = vec2((position.x + 0.5 * span.x) / span.x, (0.5 * span.y - position.y) / span.y);
  vPlace = uvHere;
  float water = signedDepth(uvHere);
  vec3 place = position;
  if (shape.z < 0.5 && water > wet) place.z += water;
  vec4 middle = modelViewMatrix * vec4(place, 1.0);
  float pixel = perPixel * -middle.z;
  float halfWidth = shape.x * (1.0 + 1.6 * state.y / 255.0);
  halfWidth = max(halfWidth, 0.5 * (minimum + (state.x > 0.5 ? mix(0.5, 1.6, smoothstep(2.8, 4.2, shape.x)) : 0.0) + 3.0 * state.y / 255.0) * pixel);
  place.xy += across * side * halfWidth;
  vState = state;
  vSide = side;
  vAlong = shape.y;
  vHalf = halfWidth;
  vPicked = abs(thing - picked) < 0.5 ? 1.0 : 0.0;
  vec4 eye = modelViewMatrix * vec4(place, 1.0);
  vAway = length(eye.xyz);
  // Drawn a little nearer than it is: ribbons between mesh points never sink into the ground.
  eye.xyz *= 1.0 - 0.004 - 1.2 / max(-eye.z, 60.0);
  gl_Position = projectionMatrix * eye;
}`;

export const roadFragment = /* glsl */ `
${HAZE}
varying float vAway;
uniform vec3 open;
uniform vec3 edge;
uniform vec3 slow;
uniform vec3 dark;
uniform vec3 changes[7];
uniform vec3 traffic[4];
varying vec3 vState;
varying float vSide;
varying float vAlong;
varying float vHalf;
varying float vPicked;
varying vec2 vPlace;
void main() {
  if (min(vPlace.x, vPlace.y) < 0.0 || max(vPlace.x, vPlace.y) > 1.0) discard; // beyond the ground
  int level = int(vState.z + 0.5);
  vec3 colour = traffic[0];
  if (level == 1) colour = traffic[1];
  else if (level == 2) colour = traffic[2];
  else if (level >= 3) colour = traffic[3];
  vec3 rim = edge;
  if (vState.x > 2.5) {
    colour = vState.x > 3.5 ? changes[6] : changes[0];
    rim = dark;
  } else if (vState.x > 1.5) {
    float period = clamp(vHalf * 4.5, 8.0, 400.0);
    float phase = fract((vAlong + vSide * vHalf * 0.9) / period);
    float blur = fwidth((vAlong + vSide * vHalf * 0.9) / period) * 0.75;
    float stripe = smoothstep(0.64 - blur, 0.64 + blur, phase) * (1.0 - smoothstep(1.0 - blur, 1.0, phase));
    colour = mix(slow, dark, stripe);
    rim = dark;
  } else if (vState.x > 0.5) {
    colour = slow;
    rim = vec3(0.42, 0.34, 0.05);
  }
  float width = fwidth(vSide);
  float border = smoothstep(0.80 - width, 0.80, abs(vSide)) * step(width, 0.55);
  colour = mix(colour, rim, border);
  if (vPicked > 0.5) colour = mix(colour, vec3(0.0, 0.0, 0.57), 0.75);
  gl_FragColor = vec4(hazy(colour, vAway), 1.0);
}`;

export const dikeVertex = /* glsl */ `
varying vec3 vNormal;
varying float vAway;
void main() {
  vNormal = normal;
  vec4 eye = modelViewMatrix * vec4(position, 1.0);
  vAway = length(eye.xyz);
  gl_Position = projectionMatrix * eye;
}`;

export const dikeFragment = /* glsl */ `
${HAZE}
varying float vAway;
uniform vec3 colour;
varying vec3 vNormal;
void main() {
  float shade = 0.7 + 0.35 * max(dot(normalize(vNormal), normalize(vec3(-0.6, 0.55, 0.9))), 0.0);
  gl_FragColor = vec4(hazy(colour * shade, vAway), 1.0);
}`;

export const streakVertex = /* glsl */ `
uniform vec2 screen;        // pixels
uniform float metres;       // a pixel
uniform float wide;         // pixels
attribute vec4 streak;      // pixels east and north to the tail, light, depth
attribute vec2 corner;      // 0 head or 1 tail; -1 or 1 to the side
varying vec2 vCorner;
varying vec2 vLook;
void main() {
  vec4 head = projectionMatrix * modelViewMatrix * vec4(position, 1.0);
  vec4 tail = projectionMatrix * modelViewMatrix * vec4(position.xy + streak.xy * metres, position.z, 1.0);
  vec2 from = head.xy / head.w;
  vec2 along = (tail.xy / tail.w - from) * screen;
  along = length(along) < 1e-3 ? vec2(1.0, 0.0) : normalize(along);
  vec4 at = corner.x < 0.5 ? head : tail;
  at.xy += vec2(-along.y, along.x) * corner.y * wide / screen * at.w;
  at.z -= 0.0006 * at.w;    // a little nearer: the water between mesh points does not hide it
  vCorner = corner;
  vLook = streak.zw;
  gl_Position = streak.z <= 0.0 ? vec4(2.0, 2.0, 2.0, 1.0) : at;
}`;

export const streakFragment = /* glsl */ `
uniform vec3 deep;
uniform vec3 shallow;
varying vec2 vCorner;
varying vec2 vLook;
void main() {
  float across = 1.0 - smoothstep(0.35, 1.0, abs(vCorner.y));
  float light = vLook.x * (1.0 - vCorner.x) * across;
  bool dark = vLook.y < 1.0;
  gl_FragColor = vec4(dark ? shallow : deep, light * (dark ? 0.5 : 0.9));
}`;
