/** How much a workgroup of a kernel has to do: what a runtime weighs against the cost of sharing it out. */
import { elementwise, isElementwise } from "../ir/elementwise.ts";
import type { Extent, IntOp, KExpr, Kernel, KStmt } from "./kernel-ir.ts";

/** Lengths at which the work is counted, to find its fixed part and its part a step. */
const [short, long] = [100, 200];

/**
 * Operations on f32, loads and stores included, of the kernel's first workgroup: an estimate, because other workgroups may
 * have less to do, and of an `if` the longer branch counts.
 */
export function workOf(kernel: Kernel): Extent {
  const [few, many] = [short, long].map((steps) => workAt(kernel.body, new Map(), steps));
  const perStep = (many - few) / (long - short);
  return { fixed: few - short * perStep, perStep };
}

/** `known` are the integers in scope. */
function workAt(body: readonly KStmt[], outer: ReadonlyMap<string, number>, steps: number): number {
  const known = new Map(outer);
  let work = 0;
  for (const s of body) {
    switch (s.s) {
      case "let":
      case "var":
      case "register":
      case "assign":
        work += workIn(s.value);
        if (s.type === "i32") known.set(s.name, whole(s.value, known, steps));
        break;
      case "store":
        work += lanesOf(s.type) + workIn(s.value);
        break;
      case "for": {
        const from = whole(s.from, known, steps);
        const times = Math.max(0, Math.ceil((whole(s.to, known, steps) - from) / s.step));
        if (times > 0) work += times * workAt(s.body, new Map(known).set(s.name, from), steps);
        break;
      }
      case "if":
        work += workIn(s.condition) + Math.max(workAt(s.then, known, steps), workAt(s.else, known, steps));
        break;
      case "barrier":
      case "comment":
        break;
      default:
        s satisfies never;
    }
  }
  return work;
}

const lanesOf = (type: string): number => (type === "f32x4" ? 4 : 1);

/** Operations of one evaluation. Indices cost nothing here. */
function workIn(e: KExpr): number {
  switch (e.k) {
    case "math": {
      const flops = isElementwise(e.op) ? elementwise[e.op].flops : 1;
      return lanesOf(e.type) * flops + sum(e.args);
    }
    case "fma":
      return 2 * lanesOf(e.type) + sum([e.a, e.b, e.c]);
    case "load":
      return lanesOf(e.type);
    case "across":
      return 3 + workIn(e.a);
    case "splat":
    case "extract":
      return workIn(e.a);
    case "vec4":
      return sum(e.lanes);
    case "compare":
    case "and":
      return sum([e.a, e.b]);
    default:
      return 0;
  }
}

const sum = (operands: readonly KExpr[]): number => operands.reduce((total, e) => total + workIn(e), 0);

const integers: Readonly<Record<IntOp, (a: number, b: number) => number>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => (b === 0 ? 0 : Math.trunc(a / b)),
  rem: (a, b) => (b === 0 ? 0 : a % b),
  min: Math.min,
  max: Math.max,
};

/** The value of an integer for the first workgroup at step 0; 0 for what memory decides. */
function whole(e: KExpr, known: ReadonlyMap<string, number>, steps: number): number {
  switch (e.k) {
    case "int":
      return e.value;
    case "var":
      return known.get(e.name) ?? 0;
    case "uniform":
      return e.name === "T" ? steps : 0;
    case "int2":
      return integers[e.op](whole(e.a, known, steps), whole(e.b, known, steps));
    default:
      return 0;
  }
}
