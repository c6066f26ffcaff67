/** The numbers of steps, as values of the block around the scans. */
import type { Builder } from "../ir/builder.ts";
import { scalar } from "../ir/type.ts";
import type { Type, Value } from "../ir/types.ts";
import { hint, leaf } from "./context.ts";

/** A number for each step of each example. Examples may differ in length, so it has a batch axis. */
const each: Type = { ...scalar, time: true, batch: true };

/** 0, 1, 2, …: [time, batch]. */
export const stepNumbers = (b: Builder): Value => hint(numbersOf(b, { name: "time/step" }), "step");

const numbersOf = (b: Builder, of: { readonly name: string; readonly axis?: string }): Value =>
  b.broadcast(leaf(b, { kind: "step", ...of }, { ...scalar, time: true }), each);

/** 1 at each step of a time axis that is not the main one: [time, batch]. */
export const everyStep = (b: Builder, axis: string): Value =>
  b.elementwise("ge", [numbersOf(b, { name: `time/step/${axis}`, axis }), b.scalar(0)]);

/** How many steps each example has along the main axis, 1 if it has none: [batch]. What is divided by it must be a number. */
export function stepCounts(b: Builder): Value {
  const count = b.sum(b.broadcast(b.scalar(1), each), { time: true });
  return hint(b.max(count, b.scalar(1)), "steps");
}

/** The number of each step of a loop since its example was last marked by `reset`, or since the loop's first step: [time, batch]. */
export function stepsSince(b: Builder, reset: Value, reverse: boolean): Value {
  const body = b.body();
  const [counted, begins] = [
    body.value({ ...each, time: false }, "step"),
    body.value({ ...each, time: false }, "reset"),
  ];
  const step = hint(body.select(begins, body.scalar(0), counted), "step_now");
  const results = [body.add(step, body.scalar(1)), step];
  const loop = { params: [counted, begins], ops: body.ops, results };
  const zeros = b.zeros({ ...each, time: false });
  return b.scan([zeros], [reset], loop, { reverse, names: ["step_last", "step"] }).outputs[0];
}

/** The numbers of the steps of a loop in reverse, which begins at each example's last: [time, batch]. */
export function numbersInReverse(b: Builder): Value {
  const numbers = stepNumbers(b);
  // Of the loop's own axis, whichever that is.
  const count = b.sum(b.elementwise("ge", [numbers, b.scalar(0)]), { time: true });
  return b.sub(b.sub(count, b.scalar(1)), numbers);
}
