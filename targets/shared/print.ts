import type { Extent, Kernel, Memory } from "../../compiler/schedule/kernel-ir.ts";
import { type Dialect, printBlock, spelledMath } from "./c-printer.ts";
import { f32Digits } from "./literals.ts";
import { atom, call, commentLines, indented, type Text } from "./text.ts";

/** Ops that stand as operators, and how many operands they take: a kernel under suspicion may hold fewer. */
const operators: Readonly<Record<string, number>> = { add: 2, sub: 2, mul: 2, div: 2, neg: 1 };
const types = { f32: "f32", f32x4: "f32x4", i32: "i32", bool: "bool" } as const;
const asOperator = spelledMath("wgsl", types);
const place = (memory: Memory): string => (memory.kind === "region" ? memory.region : memory.name);
const slice = (memory: Memory, index: Text, type: "f32" | "f32x4"): string =>
  `${place(memory)}[${index.text}${type === "f32x4" ? "; 4" : ""}]`;

/** Names stand as they are, ops by their name; `work[i; 4]` is four neighbours from i. */
const dialect: Dialect = {
  types,
  end: "",
  comment: "#",
  name: (source) => source,
  float: (value) => (Number.isFinite(value) ? f32Digits(value) : value > 0 ? "inf" : value < 0 ? "-inf" : "nan"),
  math: (op, args, type) => (operators[op] === args.length ? asOperator(op, args, type) : call(op, ...args)),
  fma: (a, b, c) => call("fma", a, b, c),
  across: (op, a) => call(`across_${op}`, a),
  subgroupSize: () => atom("subgroup.size"),
  joint: (op, a) => call(`joint_${op}`, a),
  uniform: (name) => atom(`uniform.${name}`),
  group: (axis) => atom(`group.${"xyz"[axis]}`),
  lane: (lane) => `.${lane}`,
  load: (memory, index, type) => atom(slice(memory, index, type)),
  store: (memory, index, value, type) => `${slice(memory, index, type)} = ${value.text}`,
  declare: (kind, name, type, value) => `${kind} ${name}: ${type} = ${value.text}`,
  loop: (loop, name, from, to) => ({
    header: `${loop.kind === "lanes" ? "lanes" : "for"} ${name} = ${from.text} .. ${to.text}${loop.step === 1 ? "" : ` step ${loop.step}`}`,
  }),
  condition: (condition) => condition.text,
  barrier: (only) => [only === undefined ? "barrier" : `barrier of ${only}`],
};

const extent = ({ fixed, perStep }: Extent): string =>
  perStep === 0 ? String(fixed) : fixed === 0 ? `${perStep}T` : `${fixed} + ${perStep}T`;

/** The readable text of a kernel, for dumps and for the messages of internal errors. */
export function printKernel(kernel: Kernel): string {
  const lines = [
    ...commentLines(kernel.doc).map((line) => `# ${line}`.trimEnd()),
    `kernel ${kernel.name} {`,
    ...indented([
      `lanes ${kernel.lanes}, grid ${kernel.grid.map(extent).join(" × ")}`,
      ...kernel.regions.map(({ region, access }) => `region ${region}: ${access}`),
      ...kernel.tiles.map(({ name, size, vectors }) => `tile ${name}[${size}]${vectors ? " of vectors" : ""}`),
      "",
      ...printBlock(kernel.body, dialect),
    ]),
    "}",
  ];
  return `${lines.join("\n")}\n`;
}
