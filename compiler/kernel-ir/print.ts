import type { Extent } from "../../runtime/plan.ts";
import { type Dialect, printBlock } from "./c-printer.ts";
import { atom, call, commentLines, indented, infix, negate, type Text } from "./c-text.ts";
import { f32Digits } from "./literals.ts";
import type { Kernel, Memory } from "./types.ts";

const operators: Readonly<Record<string, string>> = { add: "+", sub: "-", mul: "*", div: "/" };
const types = { f32: "f32", f32x4: "f32x4", i32: "i32", bool: "bool" } as const;
/** A kernel that the verifier refuses may have too few operands for an operator. */
const math = (op: string, args: readonly Text[]): Text =>
  operators[op] !== undefined && args.length === 2
    ? infix(operators[op], args[0], args[1])
    : op === "neg" && args.length === 1
      ? negate(args[0])
      : call(op, ...args);
const place = (memory: Memory): string => (memory.kind === "region" ? memory.region : memory.name);
const slice = (memory: Memory, index: Text, type: "f32" | "f32x4", frame: Text | undefined): string =>
  `${place(memory)}${frame ? `[${frame.text}]` : ""}[${index.text}${type === "f32x4" ? "; 4" : ""}]`;

/** Names stand as they are, ops by their name; `work[i; 4]` is four neighbours from i, `h[t][i; 4]` those of a frame. */
const dialect: Dialect = {
  types,
  end: "",
  comment: "#",
  name: (source) => source,
  float: (value) => (Number.isFinite(value) ? f32Digits(value) : value > 0 ? "inf" : value < 0 ? "-inf" : "nan"),
  math,
  fma: (a, b, c) => call("fma", a, b, c),
  across: (op, a) => call(`across_${op}`, a),
  subgroupSize: () => atom("subgroup.size"),
  joint: (op, a) => call(`joint_${op}`, a),
  uniform: (name) => atom(`uniform.${name}`),
  group: (axis) => atom(`group.${"xyz"[axis]}`),
  lane: (lane) => `.${lane}`,
  load: (memory, index, type, frame) => atom(slice(memory, index, type, frame)),
  store: (memory, index, value, type, frame) => `${slice(memory, index, type, frame)} = ${value.text}`,
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
