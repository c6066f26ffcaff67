/**
 * Materialises values: initial states, next states, outputs and parts of joined values become copies if no op computes them
 * directly into their buffer.
 */
import { Builder } from "../ir/builder.ts";
import { isView } from "../ir/ops.ts";
import { sameType } from "../ir/type.ts";
import type { Graph, Op, Pass, Result, Type, Value } from "../ir/types.ts";
import { copy, idsAfter, Renaming, rebuildScan } from "./rewrite.ts";

/**
 * @param copiesOutputs a loop's outputs are stored apart from the values that the loop itself reads
 * @param joins the parts of a joined value are computed directly into its buffer
 */
export const materialise = (copiesOutputs = false, joins = true): Pass => ({
  name: "materialise",
  doc: "what needs a buffer of its own is copied to it, if no op computes it there",
  run: (graph) => materialised(graph, copiesOutputs, joins),
});

function materialised(graph: Graph, copiesOutputs: boolean, joins: boolean): Graph {
  const b = new Builder(idsAfter(graph));
  const rename = new Renaming();
  const computed = new Set<Value>();
  const joined = new Set<Value>();
  materialiseOps(b, graph.ops, rename, computed, joined, joins);
  const finals = new Set(b.ops.flatMap((op) => (op.op === "scan" ? op.results.slice(0, op.attrs.states) : [])));
  const outputs = new Set(b.ops.flatMap((op) => (op.op === "scan" ? op.results.slice(op.attrs.states) : [])));
  const taken = new Set<Value>();
  const results = graph.results.map((r) => {
    const v = rename.of(r.value);
    const stays =
      computed.has(v) ||
      joined.has(v) ||
      (!copiesOutputs && outputs.has(v) && (r.kind === "output" || r.kind === "batch_stat"));
    const value = stays && !finals.has(v) && !taken.has(v) ? v : b.one("copy", [v], { format: "plain" }, nameOf(r));
    taken.add(value);
    return { ...r, value };
  });
  return { ...graph, ops: b.ops, results };
}

function materialiseOps(
  b: Builder,
  ops: readonly Op[],
  rename: Renaming,
  computed: Set<Value>,
  joined: Set<Value>,
  joins: boolean,
): void {
  const place = (v: Value, type: Type): Value =>
    computed.has(v) && sameType(v.type, type)
      ? v
      : mark(b.one("copy", [b.broadcast(v, type)], { format: "plain" }, v.name));
  const mark = (v: Value): Value => {
    computed.add(v);
    return v;
  };
  for (const op of ops) {
    if (op.op === "scan") {
      const { states } = op.attrs;
      const fresh = new Set(b.ops.flatMap((o) => (o.op === "leaf" || o.op === "scan" ? o.results : [])));
      const put = new Set(b.ops.flatMap((o) => (o.op === "put" ? o.results : [])));
      const operands = op.operands.map((v, i) => {
        const outer = rename.of(v);
        // The body computes its step of it where it reads it.
        if (i >= states && put.has(outer)) return outer;
        if (i < states) return mark(b.one("copy", [outer], { format: "plain" }, op.body!.params[i].name));
        return fresh.has(outer) || computed.has(outer) || joined.has(outer) ? outer : place(outer, outer.type);
      });
      const results = rebuildScan(b, op, operands, (inner, params) => {
        const local = new Set<Value>();
        const localJoined = new Set<Value>();
        rename.set(op.body!.params, params);
        materialiseOps(inner, op.body!.ops, rename, local, localJoined, joins);
        const own = new Set(params.slice(0, states));
        return op.body!.results.map((v, i) => {
          const value = rename.of(v);
          // The buffer of a state also serves as the output that yields it.
          if (local.has(value) || localJoined.has(value) || (i >= states && own.has(value))) return value;
          const made = inner.one("copy", [value], { format: "plain" }, value.name);
          local.add(made);
          return made;
        });
      });
      rename.set(op.results, results);
      continue;
    }
    if (op.op === "concat" && joins) {
      const y = op.results[0];
      const parts = op.operands.map((v) => {
        const part = rename.of(v);
        const { axis } = op.attrs;
        return place(part, { ...y.type, shape: y.type.shape.map((d, i) => (i === axis ? part.type.shape[axis] : d)) });
      });
      const value = b.one("concat", parts, op.attrs, y.name);
      joined.add(value);
      rename.set(op.results, [value]);
      continue;
    }
    const made = copy(b, op, rename.of);
    if (!isView(op)) for (const v of made) computed.add(v);
    rename.set(op.results, made);
  }
}

const nameOf = ({ kind, name }: Result): string => (kind === "cotangent" ? `d/${name}` : name);
