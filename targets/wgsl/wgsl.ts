import { type Dialect, type Loop, type LoopText, printBlock } from "../../compiler/kernel-ir/c-printer.ts";
import { atom, call, commentLines, indented, infix, type Text } from "../../compiler/kernel-ir/c-text.ts";
import { f32Digits, largestF32 } from "../../compiler/kernel-ir/literals.ts";
import { someExpr } from "../../compiler/kernel-ir/type-of.ts";
import { type FloatType, type KExpr, type Kernel, type Memory, widthOf } from "../../compiler/kernel-ir/types.ts";
import { KernelError, verifyKernel } from "../../compiler/kernel-ir/verify.ts";
import { eachExpr, eachStmt } from "../../compiler/kernel-ir/walk.ts";
import type { RegionName } from "../../runtime/plan.ts";
import { cFunctionLines, cFunctionNames } from "../shared/c-functions.ts";
import { createNamer } from "../shared/names.ts";
import { spelledMath } from "../spellings.ts";
import { reserved } from "./reserved.ts";

/** Binding 0 is the uniforms; the regions follow in this order, the same in every module. */
export const bindings: readonly RegionName[] = ["param", "grad", "slot", "stat", "input", "work", "half"];

const types = { f32: "f32", f32x4: "vec4<f32>", i32: "i32", bool: "bool" } as const;

/** Names that the module's frame uses. */
const frame = [
  ...[
    "main",
    "Uniforms",
    "u",
    "t",
    "T",
    "group",
    "group_x",
    "group_y",
    "group_z",
    "lane",
    "lane_index",
    "across_max",
    "subgroup_lanes",
    "load_half",
    "store_half",
  ],
  ...cFunctionNames,
  ...bindings,
];

/** What a kernel's body uses: the module declares nothing else. */
interface Uses {
  readonly math: readonly { readonly op: string; readonly type: FloatType }[];
  readonly groups: ReadonlySet<number>;
  readonly uniforms: boolean;
  readonly lanes: boolean;
  readonly acrossMax: boolean;
  readonly subgroups: boolean;
  readonly subgroupSize: boolean;
  /** Memory that is loaded or stored four floats at a time. */
  readonly wideLoads: readonly Memory[];
  readonly wideStores: readonly Memory[];
  /** Whether some region is both loaded and stored, so that barriers must order the two. */
  readonly readsBack: boolean;
  readonly loadsHalf: boolean;
  readonly storesHalf: boolean;
}

/** Memory of f16, two in a word. */
const isHalf = (m: Memory): boolean => m.kind === "region" && widthOf(m.region) === 2;

const key = (m: Memory): string => (m.kind === "region" ? m.region : `tile ${m.name}`);

function gather(kernel: Kernel): Uses {
  const math: { op: string; type: FloatType }[] = [];
  const groups = new Set<number>();
  const [loaded, stored] = [new Map<string, Memory>(), new Map<string, Memory>()];
  const [wideLoads, wideStores] = [new Map<string, Memory>(), new Map<string, Memory>()];
  let [uniforms, lanes, acrossMax, subgroups, subgroupSize] = [false, false, false, false, false];
  eachExpr(kernel.body, (e) => {
    if (e.k === "math") math.push({ op: e.op, type: e.type });
    if (e.k === "group" || e.k === "groupEnd") groups.add(e.axis);
    if (e.k === "uniform") uniforms = true;
    if (e.k === "joint" || e.k === "subgroupSize") subgroups = true;
    if (e.k === "subgroupSize") subgroupSize = true;
    if (e.k === "across" && e.op === "max") acrossMax = true;
    if (e.k === "load") loaded.set(key(e.memory), e.memory);
    if (e.k === "load" && e.type === "f32x4") wideLoads.set(key(e.memory), e.memory);
  });
  eachStmt(kernel.body, (s) => {
    if (s.s === "for" && s.kind === "lanes") lanes = true;
    if (s.s === "store") stored.set(key(s.memory), s.memory);
    if (s.s === "store" && s.type === "f32x4") wideStores.set(key(s.memory), s.memory);
  });
  const readsBack = [...stored.values()].some((m) => m.kind === "region" && loaded.has(key(m)));
  return {
    ...{ math, groups, uniforms, lanes, acrossMax, subgroups, subgroupSize, readsBack },
    loadsHalf: [...loaded.values()].some(isHalf),
    storesHalf: [...stored.values()].some(isHalf),
    wideLoads: [...wideLoads.values()],
    wideStores: [...wideStores.values()],
  };
}

/**
 * The WGSL module of a kernel, entry point `main`. Group 0: binding 0 the uniforms `t` and `T` (i32 each), then the regions
 * in the order of `bindings`, as f32 arrays (`half`: words of two f16); the module declares those it uses. Throws a
 * `KernelError` if the kernel is not well formed. Constant expressions that WGSL refuses (1/0, an overflow) must have been folded.
 */
export function emitWgsl(kernel: Kernel): string {
  verifyKernel(kernel);
  for (const { region } of kernel.regions)
    if (!(bindings as readonly string[]).includes(region)) throw new KernelError(kernel, `no region \`${region}\``);

  const uses = gather(kernel);
  const names = namesOf(kernel);
  const body = printBlock(kernel.body, dialectOf(kernel, uses, names));
  return `${[
    ...(uses.subgroups ? ["enable subgroups;", ""] : []),
    ...commentLines(kernel.doc).map((line) => `// ${line}`.trimEnd()),
    "",
    ...declarations(kernel, uses, names),
    "",
    ...functions(uses, names),
    ...entry(kernel, uses, body),
  ].join("\n")}\n`;
}

/** The identifiers of a module, and which memory holds vectors. */
interface Names {
  local(source: string): string;
  fresh(wanted: string): string;
  memory(m: Memory): string;
  /** The function that loads, or stores, four neighbours. */
  wide(verb: "load" | "store", m: Memory): string;
  holdsVectors(m: Memory): boolean;
}

function namesOf({ tiles }: Kernel): Names {
  const namer = createNamer(reserved, frame);
  const vectorTiles = new Set(tiles.flatMap(({ name, vectors }) => (vectors ? [name] : [])));
  const memory = (m: Memory): string => (m.kind === "region" ? m.region : namer.of(`tile ${m.name}`, m.name));
  return {
    local: (source) => namer.of(`local ${source}`, source),
    fresh: (wanted) => namer.fresh(wanted),
    memory,
    wide: (verb, m) => namer.of(`${verb}4 ${key(m)}`, `${verb}4_${memory(m)}`),
    holdsVectors: (m) => m.kind === "tile" && vectorTiles.has(m.name),
  };
}

function dialectOf(kernel: Kernel, uses: Uses, names: Names): Dialect {
  const isElement = (m: Memory, type: FloatType): boolean => type === "f32" || names.holdsVectors(m);
  return {
    types,
    end: ";",
    comment: "//",
    name: names.local,
    // WGSL has no infinity. The largest number replaces it, which is enough to start a maximum with.
    float: (value) => f32Digits(Math.max(-largestF32, Math.min(largestF32, value))),
    math: spelledMath("wgsl", types),
    fma: (a, b, c) => call("fma", a, b, c),
    across: (op, a) => (op === "add" ? call("dot", a, atom("vec4<f32>(1.0)")) : call("across_max", a)),
    subgroupSize: () => call("i32", atom("subgroup_lanes")),
    joint: (op, a) => call(op === "add" ? "subgroupAdd" : "subgroupMax", a),
    uniform: (name) => atom(`u.${name}`),
    group: (axis) => atom(`group_${"xyz"[axis]}`),
    lane: (lane) => `.${"xyzw"[lane]}`,
    index: (memory, index) => (names.holdsVectors(memory) ? quarter(index) : index),
    load: (memory, index, type) =>
      isElement(memory, type) ? element(memory, names.memory(memory), index) : call(names.wide("load", memory), index),
    store: (memory, index, value, type) =>
      isElement(memory, type)
        ? storeElement(memory, names.memory(memory), index, value)
        : call(names.wide("store", memory), index, value).text,
    declare: (kind, name, _type, value) => `${kind === "let" ? "let" : "var"} ${name} = ${value.text}`,
    loop: (loop, name, from, to) => loopText(kernel, names, loop, name, from, to),
    condition: (condition) => `(${condition.text})`,
    barrier: (only) => barrierLines(kernel, uses, only),
  };
}

function loopText({ lanes }: Kernel, names: Names, loop: Loop, name: string, from: Text, to: Text): LoopText {
  const isLanes = loop.kind === "lanes";
  // At most one iteration for each lane needs no loop.
  if (isLanes && loop.step === 1 && isInt(loop.from, 0) && loop.to.k === "int" && loop.to.value <= lanes) {
    const header = loop.to.value === lanes ? "" : `if (lane < ${to.text})`;
    return { header, first: [`let ${name} = lane;`] };
  }
  const start = isLanes ? firstOfLane(loop.from, from, loop.step) : from;
  const step = isLanes ? lanes * loop.step : loop.step;
  // A bound that reads memory is evaluated once, before the loop.
  const reads = someExpr(loop.to, (e) => e.k === "load");
  const end = reads ? names.fresh(`${name}_end`) : to.text;
  return {
    before: reads ? [`let ${end} = ${to.text};`] : [],
    header: `for (var ${name} = ${start.text}; ${name} < ${end}; ${name} += ${step})`,
  };
}

/** The functions that a kernel's body calls. */
function functions(uses: Uses, names: Names): string[] {
  const wide = (memories: readonly Memory[]): readonly Memory[] => memories.filter((m) => !names.holdsVectors(m));
  return [
    ...cFunctionLines(uses.math, {
      types,
      header: (name, F) => `fn ${name}(x: ${F}) -> ${F} {`,
      bind: (name, _F, value) => `let ${name} = ${value};`,
      where: (x, y, a, b) => `select(${b}, ${a}, ${x} < ${y})`,
    }),
    ...(uses.acrossMax
      ? ["fn across_max(v: vec4<f32>) -> f32 {", "  return max(max(v.x, v.y), max(v.z, v.w));", "}", ""]
      : []),
    ...(uses.loadsHalf ? loadHalf(uses.storesHalf) : []),
    ...(uses.storesHalf ? storeHalf : []),
    ...wide(uses.wideLoads).flatMap((m) => wideLoad(names.wide("load", m), m, names.memory(m))),
    ...wide(uses.wideStores).flatMap((m) => wideStore(names.wide("store", m), m, names.memory(m))),
  ];
}

const lane = atom("lane");

/** Where an invocation starts in a lanes loop. */
function firstOfLane(from: KExpr, fromText: Text, step: number): Text {
  const mine = step === 1 ? lane : infix("*", lane, atom(String(step)));
  return isInt(from, 0) ? mine : infix("+", fromText, mine);
}

/** Only the barriers that order something, since each costs time. */
function barrierLines(kernel: Kernel, uses: Uses, only: "tiles" | "regions" | undefined): readonly string[] {
  const storage = uses.readsBack && only !== "tiles";
  const workgroup = (kernel.tiles.length > 0 && only !== "regions") || !storage;
  return [...(workgroup ? ["workgroupBarrier();"] : []), ...(storage ? ["storageBarrier();"] : [])];
}

const isInt = (e: KExpr, value: number): boolean => e.k === "int" && e.value === value;

/** The index of a vector, from the index of its first float, which is a multiple of 4. */
function quarter(e: KExpr): KExpr {
  if (e.k === "int" && e.value % 4 === 0) return { k: "int", value: e.value / 4 };
  if (e.k === "int2" && e.op === "add") return { ...e, a: quarter(e.a), b: quarter(e.b) };
  if (e.k === "int2" && e.op === "mul" && isInt(e.b, 4)) return e.a;
  if (e.k === "int2" && e.op === "mul" && e.b.k === "int" && e.b.value % 4 === 0) return { ...e, b: quarter(e.b) };
  return { k: "int2", op: "div", a: e, b: { k: "int", value: 4 } };
}

function declarations(kernel: Kernel, uses: Uses, names: Names): string[] {
  const touched = new Set(kernel.regions.map((r) => r.region));
  return [
    ...(uses.uniforms ? ["struct Uniforms { t: i32, T: i32 }", "@group(0) @binding(0) var<uniform> u: Uniforms;"] : []),
    ...bindings.flatMap((region, at) =>
      touched.has(region)
        ? [`@group(0) @binding(${at + 1}) var<storage, read_write> ${region}: array<${wordOf(region, uses)}>;`]
        : [],
    ),
    ...kernel.tiles.map(({ name, size, vectors }) => {
      const elements = vectors ? `vec4<f32>, ${size / 4}` : `f32, ${size}`;
      return `var<workgroup> ${names.memory({ kind: "tile", name })}: array<${elements}>;`;
    }),
  ];
}

/** The type of the elements of a region's array. */
function wordOf(region: RegionName, { storesHalf }: Uses): string {
  if (widthOf(region) === 4) return "f32";
  return storesHalf ? "atomic<u32>" : "u32";
}

const element = (memory: Memory, name: string, index: Text): Text =>
  isHalf(memory) ? call("load_half", index) : atom(`${name}[${index.text}]`);

const storeElement = (memory: Memory, name: string, index: Text, value: Text): string =>
  isHalf(memory) ? call("store_half", index, value).text : `${name}[${index.text}] = ${value.text}`;

const loadHalf = (atomic: boolean): string[] => [
  "fn load_half(i: i32) -> f32 {",
  `  return unpack2x16float(${atomic ? "atomicLoad(&half[i >> 1u])" : "half[i >> 1u]"})[i & 1];`,
  "}",
  "",
];

/**
 * Two lanes may share a word: each clears and sets only its own half. Numbers too large for f16 are clamped to its largest;
 * infinity and NaN are stored as NaN, so that they are not hidden.
 */
const storeHalf: readonly string[] = [
  "fn store_half(i: i32, x: f32) {",
  "  let shift = 16u * u32(i & 1);",
  "  let finite = (bitcast<u32>(x) & 0x7f800000u) != 0x7f800000u;",
  "  let bits = select(0x7e00u, pack2x16float(vec2<f32>(clamp(x, -65504.0, 65504.0), 0.0)), finite);",
  "  atomicAnd(&half[i >> 1u], ~(0xffffu << shift));",
  "  atomicOr(&half[i >> 1u], bits << shift);",
  "}",
  "",
];

const neighbours: readonly Text[] = [atom("i"), ...[1, 2, 3].map((n) => infix("+", atom("i"), atom(String(n))))];

const wideLoad = (name: string, memory: Memory, region: string): string[] => [
  `fn ${name}(i: i32) -> vec4<f32> {`,
  `  return ${call("vec4<f32>", ...neighbours.map((i) => element(memory, region, i))).text};`,
  "}",
  "",
];

const wideStore = (name: string, memory: Memory, region: string): string[] => [
  `fn ${name}(i: i32, v: vec4<f32>) {`,
  ...neighbours.map((i, lane) => `  ${storeElement(memory, region, i, atom(`v.${"xyzw"[lane]}`))};`),
  "}",
  "",
];

function entry(kernel: Kernel, uses: Uses, body: readonly string[]): string[] {
  const parameters = [
    ...(uses.groups.size > 0 ? ["@builtin(workgroup_id) group: vec3u"] : []),
    ...(uses.lanes ? ["@builtin(local_invocation_index) lane_index: u32"] : []),
    ...(uses.subgroupSize ? ["@builtin(subgroup_size) subgroup_lanes: u32"] : []),
  ];
  return [
    `@compute @workgroup_size(${kernel.lanes})`,
    `fn main(${parameters.join(", ")}) {`,
    ...indented([
      ...(uses.lanes ? ["let lane = i32(lane_index);"] : []),
      ...[0, 1, 2]
        .filter((axis) => uses.groups.has(axis))
        .map((axis) => {
          const letter = "xyz"[axis];
          return `let group_${letter} = i32(group.${letter});`;
        }),
      ...body,
    ]),
    "}",
  ];
}
