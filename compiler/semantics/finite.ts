/** Numbers known while compiling: what is not a number, or none that f32 holds, is refused where it stands in the text. */
import type { Span } from "../diagnostics/span.ts";
import { type ElementwiseRow, elementwise } from "../ir/ops/elementwise.ts";
import type { ElementwiseOp, Value } from "../ir/types.ts";
import type { Context } from "./context.ts";
import { type Meaning, poison } from "./scope.ts";

/** The largest number that f32 has, (2 − 2⁻²³) · 2¹²⁷. */
const largest = (2 - 2 ** -23) * 2 ** 127;

/** Whether arithmetic on known numbers gave one. Reports it where not: C0229. */
export function isNumber(n: number, span: Span, c: Context): boolean {
  if (Number.isFinite(n)) return true;
  const label = Number.isNaN(n) ? "not a number" : "infinite";
  c.problems.error("C0229", span, "this constant has no finite value", { label, help: constantsHelp });
  return false;
}

/** Whether kernels can compute with `n`. Reports it where not: C0229. */
export function fitsKernels(n: number, span: Span, c: Context): boolean {
  if (!isNumber(n, span, c)) return false;
  const isTiny = n !== 0 && Math.fround(n) === 0;
  if (Math.abs(n) <= largest && !isTiny) return true;
  const label = isTiny ? "this is 0 in 32 bits" : "this is infinite in 32 bits";
  const help = "numbers go from 1.5e-45 up to 3.4e38";
  c.problems.error("C0229", span, `the number ${n} is too ${isTiny ? "small" : "large"}`, { label, help });
  return false;
}

const constantsHelp =
  "constants are computed when the cell is compiled: see what is divided by zero, or taken a root or log of";

/** `value` is `n` whatever the inputs are. */
export function known(value: Value, n: number, c: Context): Value {
  c.world.known.set(value, n);
  return value;
}

/** `result` is `op` of `operands`: a constant if they are. Poison after a report, of one that has no value. */
export function computed(
  op: ElementwiseOp,
  operands: readonly Value[],
  result: Value,
  span: Span,
  c: Context,
): Meaning {
  const row: ElementwiseRow = elementwise[op];
  const numbers = operands.map((v) => c.world.known.get(v));
  const divisor = op === "div" ? numbers[1] : op === "recip" ? numbers[0] : undefined;
  const n = numbers.every((x) => x !== undefined) ? row.evaluate(...numbers) : divisor === 0 ? 1 / 0 : undefined;
  if (n === undefined) return { kind: "value", value: result };
  if (!isNumber(n, span, c) || (Math.abs(n) > largest && !fitsKernels(n, span, c))) return poison;
  return { kind: "value", value: known(result, n, c) };
}
