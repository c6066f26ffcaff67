import { type Dialect, type Loop, type LoopText, printBlock, printExpr } from "../../compiler/kernel-ir/c-printer.ts";
import { atom, call, commentLines, indented, infix, type Text } from "../../compiler/kernel-ir/c-text.ts";
import { f32Digits, largestF32 } from "../../compiler/kernel-ir/literals.ts";
import { outputsOf, samplersOf, sweeps } from "../../compiler/kernel-ir/samplers.ts";
import { someExpr } from "../../compiler/kernel-ir/type-of.ts";
import type { BoundRegion, FloatType, KExpr, Kernel, KStmt, Memory } from "../../compiler/kernel-ir/types.ts";
import { verifyKernel } from "../../compiler/kernel-ir/verify.ts";
import { eachExpr } from "../../compiler/kernel-ir/walk.ts";
import { frameShape, regionWidth, stackBits } from "../../runtime/texture-shape.ts";
import { cFunctionLines, cFunctionNames } from "../shared/c-functions.ts";
import { createNamer } from "../shared/names.ts";
import { spelledMath } from "../spellings.ts";
import { machine } from "./machine.ts";
import { reserved } from "./reserved.ts";

const types = { f32: "float", f32x4: "vec4", i32: "int", bool: "bool" } as const;

/** Names that a shader's frame uses. */
const frame = [
  "t",
  "T",
  "y",
  "first_y",
  "row",
  "place",
  "layer_bits",
  "texel",
  "across_max",
  "render",
  ...cFunctionNames,
];

/** A sampler, and the functions that read it. */
interface SamplerText {
  readonly name: string;
  /** Even and odd frames apart, where a kernel reads any of an alternating texture. */
  readonly odd?: string;
  readonly region: BoundRegion;
  readonly scalar: string;
  readonly four: string;
}

/**
 * The part of a kernel's fragment shader that is its own, in GLSL ES 3.00: uniforms, functions, an `out_NAME` for each of its outputs,
 * and `void render()`, which sets them. `runtime/webgl2/shader.ts` makes a whole shader of it. Throws a `KernelError` if the kernel is
 * not well formed.
 *
 * Uniforms: the step `t`, the steps `T`, the index `y` along the grid's second axis; `place`, the first texel's x and y, the width of a
 * row of texels, and their number; `layer_bits`, the logarithm of the layers of a texture; and a sampler for each texture, by the names
 * that the plan lists.
 */
export function emitGlsl(kernel: Kernel): string {
  verifyKernel(kernel, machine);
  const all = samplersOf(kernel);
  const namer = createNamer(reserved, [...frame, ...all.flatMap(({ name }) => [name, oddName(name)])]);
  const samplers = new Map<string, SamplerText>();
  const outputs = new Map<string, string>();
  const local = (source: string): string => namer.of(`local ${source}`, source);
  const plain = dialectOf(local, samplers, outputs);
  all.forEach(({ name, region, frame }, i) => {
    const key = samplerKey(region.region, frame && printExpr(frame, plain).text);
    const isAny = region.texture?.alternate === true && frame === undefined;
    samplers.set(key, {
      name,
      ...(isAny && { odd: oddName(name) }),
      region,
      scalar: namer.of(`load ${i}`, `load_${region.region}`),
      four: namer.of(`load4 ${i}`, `load4_${region.region}`),
    });
  });
  for (const { store } of outputsOf(kernel)) {
    const key = outputKey(store.memory, printExpr(store.index, plain).text);
    const name = store.memory.kind === "region" ? store.memory.region : "tile";
    outputs.set(key, namer.fresh(`out_${name}`));
  }
  const body = printBlock(kernel.body.flatMap(withoutLoop), plain);
  const uses = gather(kernel);
  return `${[
    ...commentLines(kernel.doc).map((line) => `// ${line.replaceAll("\\", "/")}`.trimEnd()),
    "",
    ...declarations(kernel, uses, [...samplers.values()], [...outputs.values()]),
    "",
    ...cFunctionLines(uses.math, {
      types,
      header: (name, F) => `${F} ${name}(${F} x) {`,
      bind: (name, F, value) => `${F} ${name} = ${value};`,
      where: (x, y, a, b, type) => `mix(${b}, ${a}, ${type === "f32" ? `${x} < ${y}` : `lessThan(${x}, ${y})`})`,
    }),
    ...(uses.acrossMax ? ["float across_max(vec4 v) {", "  return max(max(v.x, v.y), max(v.z, v.w));", "}", ""] : []),
    ...[...samplers.values()].flatMap((sampler) => loadFunctions(sampler, uses.scalars.has(sampler.region.region))),
    "void render() {",
    ...indented([...texelIndex(kernel), ...body]),
    "}",
  ].join("\n")}\n`;
}

/** The sampler of the odd frames, where `name` is that of the even ones. */
const oddName = (name: string): string => `${name}_odd`;

interface Uses {
  readonly math: readonly { readonly op: string; readonly type: FloatType }[];
  readonly uniforms: ReadonlySet<string>;
  readonly acrossMax: boolean;
  /** The regions that are loaded one float at a time. */
  readonly scalars: ReadonlySet<string>;
}

/** The unit is one texel: its loop over lanes has one iteration. */
const withoutLoop = (s: KStmt): readonly KStmt[] => (s.s === "for" && s.kind === "lanes" ? s.body : [s]);

function gather(kernel: Kernel): Uses {
  const math: { op: string; type: FloatType }[] = [];
  const uniforms = new Set<string>();
  const scalars = new Set<string>();
  let acrossMax = false;
  eachExpr(kernel.body, (e) => {
    if (e.k === "load" && e.type === "f32") scalars.add(regionOf(e.memory));
    if (e.k === "math") math.push({ op: e.op, type: e.type });
    if (e.k === "uniform") uniforms.add(e.name);
    if (e.k === "group" && e.axis === 1) uniforms.add("y");
    if (e.k === "across" && e.op === "max") acrossMax = true;
  });
  return { math, uniforms, acrossMax, scalars };
}

const regionOf = (m: Memory): string => (m.kind === "region" ? m.region : `tile ${m.name}`);
const samplerKey = (region: string, frame: string | undefined): string => `${region} @ ${frame ?? ""}`;
const outputKey = (memory: Memory, index: string): string => `${regionOf(memory)} ${index}`;

function dialectOf(
  local: (source: string) => string,
  samplers: ReadonlyMap<string, SamplerText>,
  outputs: ReadonlyMap<string, string>,
): Dialect {
  return {
    types,
    end: ";",
    comment: "//",
    name: local,
    // GLSL has no infinity. The largest number replaces it, which is enough to start a maximum with.
    float: (value) => f32Digits(Math.max(-largestF32, Math.min(largestF32, value))),
    math: spelledMath("glsl", types),
    fma: (a, b, c) => infix("+", infix("*", a, b), c),
    across: (op, a) => (op === "add" ? call("dot", a, atom("vec4(1.0)")) : call("across_max", a)),
    subgroupSize: () => none("subgroups"),
    joint: () => none("subgroups"),
    uniform: (name) => atom(name),
    group: (axis) => (axis === 0 ? atom("texel") : axis === 1 ? atom("y") : none("a third axis of its grid")),
    lane: (lane) => `.${"xyzw"[lane]}`,
    load: (memory, index, type, frame) => {
      const region = regionOf(memory);
      const found = samplers.get(samplerKey(region, frame?.text)) ?? samplers.get(samplerKey(region, undefined));
      // Samplers are named by what printed their frames, before they had names themselves.
      if (found === undefined) return atom(region);
      const name = type === "f32" ? found.scalar : found.four;
      return found.region.texture?.frames ? call(name, frame!, index) : call(name, index);
    },
    store: (memory, index, value) => `${outputs.get(outputKey(memory, index.text))} = ${value.text}`,
    declare: (_kind, name, type, value) => `${types[type]} ${name} = ${value.text}`,
    loop: loopText,
    condition: (condition) => `(${condition.text})`,
    barrier: () => none("barriers"),
  };
}

const none = (what: string): never => {
  throw new Error(`WebGL2 has no ${what}`);
};

function loopText(loop: Loop, name: string, from: Text, to: Text): LoopText {
  if (loop.kind === "lanes") none("lanes");
  const reads = someExpr(loop.to, (e: KExpr) => e.k === "load");
  // A bound that reads memory is evaluated once, before the loop.
  const end = reads ? `${name}_end` : to.text;
  const next = loop.step === 1 ? `${name}++` : `${name} += ${loop.step}`;
  return {
    before: reads ? [`int ${end} = ${to.text};`] : [],
    header: `for (int ${name} = ${from.text}; ${name} < ${end}; ${next})`,
  };
}

function declarations(
  kernel: Kernel,
  uses: Uses,
  samplers: readonly SamplerText[],
  outputs: readonly string[],
): string[] {
  const layered = samplers.some(({ region: { texture } }) => texture?.frames && !texture.stacked);
  const times = ["t", "T", "y"].filter((name) => uses.uniforms.has(name) && !(name === "y" && sweeps(kernel)));
  const lines = [
    ...[...times, ...(sweeps(kernel) ? ["first_y"] : [])].map((name) => `uniform int ${name};`),
    "uniform ivec4 place;",
    ...(layered ? ["uniform int layer_bits;"] : []),
    ...samplers.flatMap(({ name, odd, region }) =>
      [name, ...(odd === undefined ? [] : [odd])].map(
        (one) => `uniform ${region.texture?.frames ? "sampler2DArray" : "sampler2D"} ${one};`,
      ),
    ),
    "",
    ...outputs.map((name) => `vec4 ${name};`),
  ];
  return [
    "precision highp float;",
    "precision highp int;",
    "precision highp sampler2D;",
    "precision highp sampler2DArray;",
    "",
    ...lines,
  ];
}

/** Functions that load four floats, from a multiple of four on, and one if that is asked for. */
function loadFunctions({ name, odd, region, scalar, four }: SamplerText, single: boolean): string[] {
  const { texture } = region;
  const { bits, rows } = texture ? frameShape(texture.size, texture.stacked) : { bits: regionWidth, rows: 0 };
  const x = `(i >> 2) & ${2 ** bits - 1}`;
  const row = `i >> ${bits + 2}`;
  if (!texture?.frames) {
    return [
      `vec4 ${four}(int i) {`,
      `  return texelFetch(${name}, ivec2(${x}, ${row}), 0);`,
      "}",
      ...(single ? [`float ${scalar}(int i) {`, `  return ${four}(i)[i & 3];`, "}"] : []),
      "",
    ];
  }
  const at = texture.stacked ? stackedAt(x, row, rows) : layeredAt(x, row, rows, texture.alternate);
  const fetch =
    odd === undefined
      ? [`  return texelFetch(${name}, at, 0);`]
      : [`  if ((frame & 1) == 1) return texelFetch(${odd}, at, 0);`, `  return texelFetch(${name}, at, 0);`];
  return [
    `vec4 ${four}(int frame, int i) {`,
    ...at,
    ...fetch,
    "}",
    ...(single ? [`float ${scalar}(int frame, int i) {`, `  return ${four}(frame, i)[i & 3];`, "}"] : []),
    "",
  ];
}

/** Frames below each other, a power of two in a layer. */
function stackedAt(x: string, row: string, rows: number): string[] {
  const bits = stackBits(rows);
  return [`  ivec3 at = ivec3(${x}, (${row}) + (frame & ${2 ** bits - 1}) * ${rows}, frame >> ${bits});`];
}

/** A frame in each layer; what does not fit in layers lies below. Those of an alternating texture are in turn in two. */
const layeredAt = (x: string, row: string, rows: number, alternate: boolean): string[] => [
  `  int layer = ${alternate ? "frame >> 1" : "frame"};`,
  `  ivec3 at = ivec3(${x}, (${row}) + (layer >> layer_bits) * ${rows}, layer & ((1 << layer_bits) - 1));`,
];

/** Which texel of its outputs this is, and of which step; others, in the same rows of a texture, stay as they are. */
function texelIndex(kernel: Kernel): readonly string[] {
  if (!sweeps(kernel))
    return [
      "int texel = (int(gl_FragCoord.y) - place.y) * place.z + int(gl_FragCoord.x) - place.x;",
      "if (texel < 0 || texel >= place.w) discard;",
    ];
  const [{ store }] = outputsOf(kernel);
  const { rows } = frameShape(
    kernel.regions.find(({ region }) => region === regionOf(store.memory))!.texture!.size,
    true,
  );
  return [
    "int row = int(gl_FragCoord.y) - place.y;",
    `int y = first_y + row / ${rows};`,
    `int texel = row % ${rows} * place.z + int(gl_FragCoord.x);`,
    "if (texel >= place.w) discard;",
  ];
}
