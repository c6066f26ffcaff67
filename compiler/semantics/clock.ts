/** The numbers of steps, as values of the block around the scans. */
import type { Builder } from "../ir/builder.ts";
import { scalar } from "../ir/type.ts";
import type { Type, Value } from "../ir/types.ts";
import { hint, leaf } from "./context.ts";

/** A number for each step of each example. Examples may differ in length, so it has a batch axis. */
const each: Type = { ...scalar, time: true, batch: true };

/** 0, 1, 2, …: [time, batch]. */
export const stepNumbers = (b: Builder): Value =>
  hint(b.broadcast(leaf(b, { kind: "step", name: "time/step" }, { ...scalar, time: true }), each), "step");

/** How many steps each example has: [batch]. */
export const stepCounts = (b: Builder): Value => hint(b.sum(b.broadcast(b.scalar(1), each), { time: true }), "steps");
