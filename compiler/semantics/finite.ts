/** Refuses compile-time numbers that are not finite, or not finite in f32, at their place in the text. */
import type { Span } from "../diagnostics/span.ts";
import { type ElementwiseRow, elementwise } from "../ir/ops/elementwise.ts";
import type { ElementwiseOp, Value } from "../ir/types.ts";
import type { Context } from "./context.ts";
import { type Meaning, poison } from "./scope.ts";

/** The largest f32 number, (2 − 2⁻²³) · 2¹²⁷. */
const largest = (2 - 2 ** -23) * 2 ** 127;

/** Whether arithmetic on known numbers gave a number. Reports C0229 if not. */
export function isNumber(n: number, span: Span, c: Context): boolean {
  if (Number.isFinite(n)) return true;
  const label = Number.isNaN(n) ? "not a number" : "infinite";
  c.problems.error("C0229", span, "this constant has no finite value", { label, help: constantsHelp });
  return false;
}

/** Whether kernels can compute with `n`. Reports C0229 if not. */
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

/** Records that `value` is `n` whatever the inputs are. */
export function known(value: Value, n: number, c: Context): Value {
  c.world.known.set(value, n);
  return value;
}

/** The `result` of `op` on `operands`, recorded as a constant if they are constants. Poison after a report that it has no value. */
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
