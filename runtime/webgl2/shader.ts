/**
 * Makes fragment shaders of the part that is a kernel's own (`targets/glsl`): a whole one, or what gpu.js puts among its own code.
 */
import type { NativeFunction } from "./gpu-js.ts";

/** The outputs that a kernel's part declares, in order. */
export const outputsIn = (part: string): readonly string[] =>
  [...part.matchAll(/^vec4 (out_\w+);$/gm)].map(([, name]) => name);

/** A whole fragment shader, GLSL ES 3.00. */
export function wholeShader(part: string): string {
  const outputs = outputsIn(part);
  return [
    "#version 300 es",
    part,
    ...outputs.map((_, i) => `layout(location = ${i}) out vec4 color_${i};`),
    "",
    "void main() {",
    "  render();",
    ...outputs.map((name, i) => `  color_${i} = ${name};`),
    "}",
    "",
  ].join("\n");
}

/** A kernel of gpu.js: its sources, which only call our native functions. */
export interface GpuJsSources {
  readonly source: string;
  /** A sub-kernel for each output after the first, by name. */
  readonly subKernels: Readonly<Record<string, string>>;
  readonly nativeFunctions: readonly NativeFunction[];
}

/** The first output's function computes all; those of the others return what it left behind. */
export function gpuJsSources(part: string): GpuJsSources {
  const [first, ...others] = outputsIn(part);
  const settings = { argumentTypes: [], returnType: "Array(4)" } as const;
  const calls = others.map((_, i) => `cellcOutput${i + 1}();`);
  return {
    source: `function () { const first = cellcRender(); ${calls.join(" ")} return first; }`,
    subKernels: Object.fromEntries(
      others.map((_, i) => [`cellcOutput${i + 1}`, `function cellcOutput${i + 1}() { return cellcValue${i + 1}(); }`]),
    ),
    nativeFunctions: [
      { name: "cellcRender", source: `vec4 cellcRender() { render(); return ${first}; }`, settings },
      ...others.map((name, i) => ({
        name: `cellcValue${i + 1}`,
        source: `vec4 cellcValue${i + 1}() { return ${name}; }`,
        settings,
      })),
    ],
  };
}
