/** Values as a reader of a cell would write them: `(1 - sigmoid(a)) * h`, as far as names go. */
import type { Op, OpName, OpOf, Value } from "./types.ts";

/** Where values come from. */
export interface Origins {
  /** The op that makes a value, bodies included. */
  op(v: Value): Op | undefined;
  /** Of an input of a loop's body, the sequence that it is a step of. */
  sequence(v: Value): Value | undefined;
}

/** The origins of the values of a scan's body and of what surrounds it. */
export function originsOf(scan: OpOf<"scan">, defs: ReadonlyMap<Value, Op>): Origins {
  const { params, ops } = scan.body!;
  const made = new Map(ops.flatMap((op) => op.results.map((v) => [v, op] as const)));
  const from = scan.attrs.states;
  const sequences = new Map(params.slice(from).map((p, i) => [p, scan.operands[from + i]]));
  return { op: (v) => made.get(v) ?? defs.get(v), sequence: (v) => sequences.get(v) };
}

/** Ops that are written between their operands, and how tightly they bind. */
const INFIX: Readonly<Partial<Record<OpName, readonly [sign: string, binds: number]>>> = {
  lt: ["<", 1],
  le: ["<=", 1],
  gt: [">", 1],
  ge: [">=", 1],
  eq: ["==", 1],
  ne: ["!=", 1],
  add: ["+", 2],
  sub: ["-", 2],
  mul: ["*", 3],
  div: ["/", 3],
  dot: ["@", 3],
};

/** Ops that a reader does not see. */
const SILENT: ReadonlySet<OpName> = new Set(["broadcast", "copy", "stop", "site", "stat", "reshape"]);

/** How many ops deep a term is written. */
const DEPTH = 5;

/** A value by its name or, if it has none, by what it is computed from. */
export const showTerm = (v: Value, from: Origins): string => shown(v, from, DEPTH).text;

/** What an op computes, whatever the result is called. */
export function showOp(op: Op, from: Origins): string {
  return SILENT.has(op.op) ? `${op.op}(${showTerm(op.operands[0], from)})` : ofOp(op, from, DEPTH).text;
}

interface Shown {
  readonly text: string;
  readonly binds: number;
}

const atom = (text: string): Shown => ({ text, binds: 9 });

/** A next state is primed, as in a cell. */
const called = (name: string): string => name.replace(/_next$/, "'");

function shown(v: Value, from: Origins, depth: number): Shown {
  if (v.name !== "") return atom(called(v.name));
  const sequence = from.sequence(v);
  if (sequence !== undefined) return shown(sequence, from, depth);
  const op = from.op(v);
  return op === undefined ? atom("…") : ofOp(op, from, depth);
}

function ofOp(op: Op, from: Origins, depth: number): Shown {
  if (op.op === "const") return atom(op.attrs.dims.length === 0 ? String(op.attrs.value) : "…");
  if (depth === 0 || op.op === "scan" || op.op === "leaf") return atom("…");
  if (SILENT.has(op.op)) return shown(op.operands[0], from, depth);
  const operands = op.operands.map((v) => shown(v, from, depth - 1));
  const infix = INFIX[op.op];
  if (infix === undefined || operands.length !== 2)
    return op.op === "neg" && operands.length === 1
      ? { text: `-${bound(operands[0], 4)}`, binds: 3 }
      : atom(`${op.op}(${operands.map(({ text }) => text).join(", ")})`);
  const [sign, binds] = infix;
  const [a, b] = operands;
  // A derivative begins with it.
  if (op.op === "mul" && a.text === "1") return b;
  return { text: `${bound(a, binds)} ${sign} ${bound(b, binds + 1)}`, binds };
}

const bound = ({ text, binds }: Shown, least: number): string => (binds < least ? `(${text})` : text);
