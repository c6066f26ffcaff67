/**
 * Constant folding, common subexpression elimination, dead code elimination and algebra, in one rebuild of the graph, repeated to a
 * fixed point.
 *
 * The algebra is a table of rules (`algebra.ts`) that look at one op about to be built and may return a simpler value. What needs a
 * scan as a whole is in `simplify-scan.ts`. Together they bring the derivative of batch normalization to its compact form, two
 * column sums, without knowing what batch normalization is.
 */
import { Builder } from "../ir/builder.ts";
import { rowOf } from "../ir/ops.ts";
import type { Graph, Op, OpAttrs, OpName, OpOf, Pass, Type, Value } from "../ir/types.ts";
import { rules } from "./algebra.ts";
import { idsAfter, Renaming, reads, typesOf } from "./rewrite.ts";
import type { NewOp } from "./rule.ts";
import { pruneScans, simplifyScan } from "./simplify-scan.ts";

export const simplify: Pass = {
  name: "simplify",
  doc: "constant folding, common subexpressions, dead code, algebra",
  run(graph: Graph): Graph {
    let before = graph;
    // Until a round finds nothing. Rules that always find something, such as another order of operands, stop once the size stays
    // the same. The bound is a guard against rules that undo each other.
    for (let round = 0; round < 12; round++) {
      const { graph: after, found } = once(before);
      if (size(after.ops) === size(before.ops) && (!found || round > 1)) return after;
      before = after;
    }
    return before;
  },
};

/** The number of ops, and of scans' operands and results. */
const size = (ops: readonly Op[]): number =>
  ops.reduce((n, op) => n + 1 + (op.body ? op.operands.length + op.results.length + size(op.body.ops) : 0), 0);

/** One rebuild, and whether a rule applied. */
function once(graph: Graph): { readonly graph: Graph; readonly found: boolean } {
  const live = withoutDead(
    pruneScans(
      graph.ops,
      graph.results.map((r) => r.value),
    ),
    graph.results.map((r) => r.value),
  );
  const b = new SimplifyingBuilder(idsAfter(graph));
  const rename = new Renaming();
  rebuild(b, live, rename);
  const results = graph.results.map((r) => ({ ...r, value: rename.of(r.value) }));
  const ops = withoutDead(
    b.ops,
    results.map((r) => r.value),
  );
  return { graph: { ...graph, ops, results }, found: b.found };
}

function rebuild(b: SimplifyingBuilder, ops: readonly Op[], rename: Renaming): void {
  for (const op of ops) {
    if (op.op === "scan") {
      rename.set(
        op.results,
        simplifyScan(
          b,
          op,
          op.operands.map(rename.of),
          (inner, inBody) => rebuild(inner, op.body!.ops, inBody),
          rename,
        ),
      );
    } else {
      rename.set(op.results, b.again(op, rename));
    }
  }
}

/** The ops that `results` need. */
export function withoutDead(ops: readonly Op[], results: readonly Value[]): Op[] {
  const needed = new Set<Value>(results);
  const kept: Op[] = [];
  for (const op of [...ops].reverse()) {
    if (!op.results.some((r) => needed.has(r))) continue;
    const alive = op.body ? { ...op, body: { ...op.body, ops: withoutDead(op.body.ops, op.body.results) } } : op;
    for (const v of reads(alive)) needed.add(v);
    kept.push(alive);
  }
  return kept.reverse();
}

/** A builder that never builds what a rule can simplify, nor the same op twice. */
export class SimplifyingBuilder extends Builder {
  private readonly seen = new Map<string, readonly Value[]>();
  private readonly defs = new Map<Value, Op>();
  private readonly origins = new Map<Value, Value>();
  private readonly bodies = new Map<Op, SimplifyingBuilder>();
  /** Whether a rule applied, here or in a body. */
  found = false;

  override body(): SimplifyingBuilder {
    return new SimplifyingBuilder(this.ids, this);
  }

  /** The op that defines `v` in this block. */
  own(v: Value): Op | undefined {
    return this.defs.get(v);
  }

  /** The op that defines `v`, here or in an enclosing block. */
  definition(v: Value): Op | undefined {
    return this.defs.get(v) ?? (this.parent as SimplifyingBuilder | undefined)?.definition(v);
  }

  /** Records a scan, which is added without `emit`. */
  define(scan: OpOf<"scan">, body: SimplifyingBuilder): void {
    for (const r of scan.results) this.defs.set(r, scan);
    this.bodies.set(scan, body);
  }

  /** Records that a parameter of this body is one step of a sequence outside. */
  steps(param: Value, of: Value): void {
    this.origins.set(param, of);
  }

  /**
   * Where a value is computed: the value itself or, for a body's input, the sequence that it is a step of, which may come from
   * another scan's body (a backward scan reads what a forward scan saved).
   */
  source(v: Value): { readonly b: SimplifyingBuilder; readonly v: Value } {
    const origin = this.origins.get(v);
    const { parent } = this;
    if (origin === undefined || !(parent instanceof SimplifyingBuilder)) return { b: this, v };
    const op = parent.definition(origin);
    const body = op?.op === "scan" ? parent.bodies.get(op) : undefined;
    if (op?.op !== "scan" || body === undefined) return { b: parent, v: origin };
    const k = op.results.indexOf(origin);
    return k < op.attrs.states ? { b: parent, v: origin } : body.source(op.body!.results[k]);
  }

  /** The results of the op with this key, if it exists already. */
  private known(key: string): readonly Value[] | undefined {
    return this.seen.get(key) ?? (this.parent as SimplifyingBuilder | undefined)?.known(key);
  }

  override emit<K extends Exclude<OpName, "scan">>(
    op: K,
    operands: readonly Value[],
    attrs: OpAttrs[K],
    name = "",
    types?: readonly Type[],
  ): readonly Value[] {
    const ordered = rowOf(op).commutative && operands[0].id > operands[1].id ? [operands[1], operands[0]] : operands;
    const key = keyOf(op, ordered, attrs);
    const before = this.known(key);
    if (before) return before;
    for (const rewrite of rules.get(op) ?? []) {
      const simpler = rewrite(this, { op, operands: ordered, attrs } as NewOp);
      if (!simpler) continue;
      this.find();
      return simpler;
    }
    const results = super.emit(op, ordered, attrs, name, types);
    const made = this.ops[this.ops.length - 1];
    this.seen.set(key, results);
    for (const r of results) this.defs.set(r, made);
    return results;
  }

  private find(): void {
    this.found = true;
    (this.parent as SimplifyingBuilder | undefined)?.find();
  }

  /** `op` under `rename`, keeping its results' names. */
  again(op: Op, rename: Renaming): readonly Value[] {
    const operands = op.operands.map(rename.of);
    const { attrs } = op;
    const name = op.results[0]?.name ?? "";
    return this.emit(
      op.op as Exclude<OpName, "scan">,
      operands,
      attrs as OpAttrs[Exclude<OpName, "scan">],
      name,
      typesOf(op, operands),
    );
  }
}

/** The text of an op's attributes. An op that is rebuilt shares the attributes object. */
const texts = new WeakMap<object, string>();

function textOf(attrs: object): string {
  const known = texts.get(attrs);
  if (known !== undefined) return known;
  const text = JSON.stringify(attrs);
  texts.set(attrs, text);
  return text;
}

/** A key that is equal for equal ops on equal operands. */
const keyOf = (op: OpName, operands: readonly Value[], attrs: object): string =>
  `${op}(${operands.map((v) => v.id).join()})${textOf(attrs)}`;
