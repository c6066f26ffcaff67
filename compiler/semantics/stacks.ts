/** Lists as values: their items along a new first axis. */
import type { Span } from "../diagnostics/span.ts";
import type { Builder } from "../ir/builder.ts";
import * as dim from "../ir/dim.ts";
import { hasAllSteps } from "../ir/steps.ts";
import { broadcastShapes, ShapeError } from "../ir/type.ts";
import type { Type, Value } from "../ir/types.ts";
import { refuseAllSteps } from "./all-steps.ts";
import { type Context, showShape } from "./context.ts";
import { listed, misfit, realValue } from "./expressions.ts";
import type { Meaning } from "./scope.ts";

/** Of a value that is stacked. No product has as many letters, and no cell as many axes. */
const maxAxes = 16;

/**
 * `items` along a new first axis: numbers are [n], values of shape [H] are [n, H]. A single number among values of a shape is the same
 * in all of them. `spans` are those of the items. Undefined after a report.
 */
export function stacked(items: readonly Meaning[], spans: readonly Span[], span: Span, c: Context): Value | undefined {
  const values = items.map((m, i) => realValue(m, spans[i], c));
  if (!values.every((v) => v !== undefined)) return undefined;
  if (values.length === 0) {
    c.problems.error("C0205", span, "a list without items is not a value", { label: "a value is needed here" });
    return undefined;
  }
  const whole = values.findIndex((v) => hasAllSteps(v.type));
  if (whole >= 0) {
    refuseAllSteps("there are no stacks", span, spans[whole], c);
    return undefined;
  }
  const shape = commonShape(values.map((v) => v.type.shape));
  if (shape === undefined) {
    const shapes = listed(values.map((v) => showShape(v.type.shape)));
    const notes = values.map((v, i) => ({ span: spans[i], message: `this is ${showShape(v.type.shape)}` }));
    misfit(span, `values of the shapes ${shapes} cannot be stacked`, notes, c);
    return undefined;
  }
  if (shape.length >= maxAxes) {
    c.problems.error("C0222", span, `a value has at most ${maxAxes} axes`, { label: "this is one more" });
    return undefined;
  }
  const rows = values.map((v) => asRow(v, shape, c));
  return c.builder.one("concat", rows, { axis: 0 });
}

/** The lists of each block that have been values, so that none is stacked, or refused, twice. */
const known = new WeakMap<Builder, Map<Meaning, Value | undefined>>();

/** A list as a value. Undefined after a report, also an earlier one. */
export function listValue(list: Meaning & { readonly kind: "list" }, span: Span, c: Context): Value | undefined {
  const ofBlock = known.get(c.builder) ?? new Map<Meaning, Value | undefined>();
  known.set(c.builder, ofBlock);
  if (!ofBlock.has(list)) {
    const spans = list.items.map(() => span);
    ofBlock.set(list, stacked(list.items, spans, span, c));
  }
  return ofBlock.get(list);
}

/** The shape of all that are no single numbers; undefined if there is none. */
function commonShape(shapes: readonly Type["shape"][]): Type["shape"] | undefined {
  try {
    const common = shapes.reduce(broadcastShapes);
    return shapes.every((s) => s.length === 0 || s.length === common.length) ? common : undefined;
  } catch (e) {
    if (e instanceof ShapeError) return undefined;
    throw e;
  }
}

/** `v` as the only entry of a new first axis: [1, …]. */
export function asRow(v: Value, shape: Type["shape"], c: Context): Value {
  const b = c.builder;
  const row = { ...v.type, shape: [dim.constant(1), ...shape] };
  if (v.type.shape.length < shape.length || shape.length === 0) return b.broadcast(v, row);
  return b.one("reshape", [b.broadcast(v, { ...v.type, shape })], { shape: row.shape.map(dim.show) });
}
