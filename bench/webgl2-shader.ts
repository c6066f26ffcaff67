/** The shader of the passes that `webgl2.ts` measures. */

/** A kernel's part: each output is computed of all that is sampled, at its texel and at the one to the left of it. */
export function partOf(samplers: readonly string[]): string {
  return [
    "precision highp float;",
    "precision highp int;",
    "precision highp sampler2D;",
    "",
    "uniform ivec4 place;",
    ...samplers.map((name) => `uniform sampler2D ${name};`),
    "",
    ...samplers.map((_, i) => `vec4 out_${i};`),
    "",
    "void render() {",
    "  int texel = (int(gl_FragCoord.y) - place.y) * place.z + int(gl_FragCoord.x) - place.x;",
    "  if (texel < 0 || texel >= place.w) discard;",
    fetchedBy(samplers),
    "}",
    "",
  ].join("\n");
}

/** What sets the outputs. */
export function fetchedBy(samplers: readonly string[]): string {
  const at = "ivec2(gl_FragCoord.xy)";
  const left = "ivec2((int(gl_FragCoord.x) + 31) & 31, int(gl_FragCoord.y))";
  const terms = samplers.map((name) => `0.3 * texelFetch(${name}, ${at}, 0) + 0.2 * texelFetch(${name}, ${left}, 0)`);
  return `${samplers.map((_, i) => `  out_${i} = tanh(${terms.join(" + ")} + ${i}.5);`).join("\n")}\n`;
}
