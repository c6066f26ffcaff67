/**
 * Writes 1 for every dimension that is 1, if the compiler is given sizes: from then on the types show what broadcasts, and what has
 * nothing to sum over. `x @ Wx` of one feature is not a contraction but a product of numbers.
 */
import * as dim from "../ir/dim.ts";
import { rowOf } from "../ir/ops.ts";
import type { Graph, Op, Pass, Type, Value } from "../ir/types.ts";

/** @param dims a number for every dimension */
export const units = (dims: Readonly<Record<string, number>>): Pass => ({
  name: "units",
  doc: "dimensions that are 1 are written as 1",
  run: (graph) => (Object.values(dims).includes(1) ? substituted(graph, dims) : graph),
});

function substituted(graph: Graph, dims: Readonly<Record<string, number>>): Graph {
  const ones = Object.fromEntries(Object.entries(dims).filter(([, n]) => n === 1));
  const extent = (d: dim.Dim): dim.Dim => dim.substitute(d, ones);
  const text = (d: string): string => dim.show(extent(dim.parse(d)));
  const type = (t: Type): Type => ({
    ...t,
    shape: t.shape.map(extent),
    ...(t.below && { below: extent(t.below) }),
  });
  const values = new Map<Value, Value>();
  const value = (v: Value): Value => {
    const known = values.get(v) ?? { ...v, type: type(v.type) };
    values.set(v, known);
    return known;
  };
  const op = (o: Op): Op =>
    ({
      ...o,
      operands: o.operands.map(value),
      attrs: rowOf(o.op).attributes.replace(o.attrs as never, { extent: text, type }),
      results: o.results.map(value),
      ...(o.body && {
        body: { params: o.body.params.map(value), ops: o.body.ops.map(op), results: o.body.results.map(value) },
      }),
    }) as Op;
  const whole = (g: Graph): Graph => ({
    ...g,
    ops: g.ops.map(op),
    results: g.results.map((r) => ({ ...r, value: value(r.value) })),
    norms: new Map([...g.norms].map(([site, norm]) => [site, whole(norm)])),
  });
  return whole(graph);
}
