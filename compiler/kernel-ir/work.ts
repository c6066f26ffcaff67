/** Estimates the work of a kernel's workgroups, which a runtime weighs against the cost of starting threads. */
import type { Extent } from "../../runtime/plan.ts";
import { elementwise, isElementwise } from "../ir/ops/elementwise.ts";
import { lanesOf } from "./type-of.ts";
import type { IntOp, KExpr, Kernel, KStmt } from "./types.ts";

/** Sequence lengths at which the work is counted, to find its fixed part and its part for each step. */
const [short, long] = [100, 200];

/** What is counted of a kernel. */
export interface Measure {
  /** The cost of an expression, without that of its operands. Default 0. */
  of?(e: KExpr): number;
  store(s: KStmt & { readonly s: "store" }): number;
  barrier(s: KStmt & { readonly s: "barrier" }): number;
  /** How often a lanes loop of so many iterations counts. */
  lanes(iterations: number): number;
}

/** Operations on f32, loads and stores included; indices cost nothing. */
const operations: Measure = {
  of: (e) => flopsOf(e) + (e.k === "load" ? lanesOf(e.type) : 0),
  store: ({ type }) => lanesOf(type),
  barrier: () => 0,
  lanes: (iterations) => iterations,
};

/**
 * Operations on f32, loads and stores included, of the kernel's first workgroup: an estimate, because other workgroups may
 * have less to do, and of an `if` the longer branch counts.
 */
export function workOf(kernel: Kernel): Extent {
  const [few, many] = [short, long].map((steps) => tally(kernel, operations, steps));
  const perStep = (many - few) / (long - short);
  return { fixed: few - short * perStep, perStep };
}

/**
 * Adds up what `measure` says of everything the kernel's first workgroup does with a sequence of `steps` steps; of an `if` the
 * longer branch counts.
 */
export const tally = (kernel: Kernel, measure: Measure, steps: number): number =>
  tallyAt(kernel.body, measure, new Map(), steps);

/** `known` are the integers in scope. */
function tallyAt(body: readonly KStmt[], measure: Measure, outer: ReadonlyMap<string, number>, steps: number): number {
  const known = new Map(outer);
  const evaluated = (e: KExpr): number => tallyIn(e, measure);
  let total = 0;
  for (const s of body) {
    switch (s.s) {
      case "let":
      case "var":
      case "register":
      case "assign":
        total += evaluated(s.value);
        if (s.type === "i32") known.set(s.name, whole(s.value, known, steps));
        break;
      case "store":
        total += measure.store(s) + evaluated(s.value);
        break;
      case "for": {
        const from = whole(s.from, known, steps);
        const times = Math.max(0, Math.ceil((whole(s.to, known, steps) - from) / s.step));
        const counted = s.kind === "lanes" ? measure.lanes(times) : times;
        if (times > 0) total += counted * tallyAt(s.body, measure, new Map(known).set(s.name, from), steps);
        break;
      }
      case "if":
        total +=
          evaluated(s.condition) +
          Math.max(tallyAt(s.then, measure, known, steps), tallyAt(s.else, measure, known, steps));
        break;
      case "barrier":
        total += measure.barrier(s);
        break;
      case "comment":
        break;
      default:
        s satisfies never;
    }
  }
  return total;
}

/** Operations on f32 of an expression, without those of its operands. */
export function flopsOf(e: KExpr): number {
  switch (e.k) {
    case "math":
      return lanesOf(e.type) * (isElementwise(e.op) ? elementwise[e.op].flops : 1);
    case "fma":
      return 2 * lanesOf(e.type);
    case "across":
      return 3;
    default:
      return 0;
  }
}

function tallyIn(e: KExpr, measure: Measure): number {
  if (!measure.of) return 0;
  return operandsOf(e).reduce((total, operand) => total + tallyIn(operand, measure), measure.of(e));
}

/** The operands of an expression that are counted: indices are not. */
function operandsOf(e: KExpr): readonly KExpr[] {
  switch (e.k) {
    case "math":
      return e.args;
    case "fma":
      return [e.a, e.b, e.c];
    case "across":
    case "splat":
    case "extract":
      return [e.a];
    case "vec4":
      return e.lanes;
    case "compare":
    case "and":
      return [e.a, e.b];
    default:
      return [];
  }
}

const integers: Readonly<Record<IntOp, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => (b === 0 ? 0 : Math.trunc(a / b)),
  rem: (a, b) => (b === 0 ? 0 : a % b),
  min: Math.min,
  max: Math.max,
};

/** The value of an integer in the first workgroup at step 0; 0 if it depends on memory. */
function whole(e: KExpr, known: ReadonlyMap<string, number>, steps: number): number {
  switch (e.k) {
    case "int":
      return e.value;
    case "var":
      return known.get(e.name) ?? 0;
    case "uniform":
      return e.name === "T" ? steps : 0;
    case "groupEnd":
      return 1;
    case "int2":
      return integers[e.op](whole(e.a, known, steps), whole(e.b, known, steps));
    default:
      return 0;
  }
}
