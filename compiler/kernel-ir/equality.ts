/** When two expressions are the same, and on which variables one depends. */
import { operands } from "./type-of.ts";
import type { KExpr, Memory } from "./types.ts";

/** Whether two expressions are the same, operand by operand. */
export function sameExpr(a: KExpr, b: KExpr): boolean {
  if (a === b) return true;
  if (a.k !== b.k || !sameHead(a, b)) return false;
  const [mine, others] = [operands(a), operands(b)];
  return mine.length === others.length && mine.every((e, i) => sameExpr(e, others[i]));
}

/** Whether two expressions of one kind are the same but for their operands. */
function sameHead(a: KExpr, b: KExpr): boolean {
  switch (a.k) {
    case "float":
    case "int":
      return Object.is(a.value, (b as typeof a).value);
    case "var":
      return a.name === (b as typeof a).name && a.type === (b as typeof a).type;
    case "uniform":
      return a.name === (b as typeof a).name;
    case "group":
    case "groupEnd":
      return a.axis === (b as typeof a).axis;
    case "int2":
    case "compare":
    case "across":
    case "joint":
      return a.op === (b as typeof a).op;
    case "math":
      return a.op === (b as typeof a).op && a.type === (b as typeof a).type;
    case "fma":
      return a.type === (b as typeof a).type;
    case "extract":
      return a.lane === (b as typeof a).lane;
    case "load":
      return a.type === (b as typeof a).type && sameMemory(a.memory, (b as typeof a).memory);
    case "subgroupSize":
    case "and":
    case "splat":
    case "vec4":
    case "toFloat":
    case "toInt":
      return true;
    default:
      return a satisfies never;
  }
}

const sameMemory = (a: Memory, b: Memory): boolean =>
  a.kind === "region" ? b.kind === "region" && a.region === b.region : b.kind === "tile" && a.name === b.name;

const none: ReadonlySet<string> = new Set();
const known = new WeakMap<KExpr, ReadonlySet<string>>();

/** The variables that an expression reads. */
export function variablesIn(e: KExpr): ReadonlySet<string> {
  const found = known.get(e);
  if (found !== undefined) return found;
  const parts = operands(e).map(variablesIn);
  const own = e.k === "var" ? new Set([e.name]) : parts.reduce(union, none);
  known.set(e, own);
  return own;
}

/** The union of two sets, which is one of them where that holds the other. */
function union(a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> {
  if (b.size === 0) return a;
  return a.size === 0 ? b : new Set([...a, ...b]);
}
