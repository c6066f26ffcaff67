/**
 * Weight folding: at inference, a norm with fixed statistics costs next to nothing. Whatever depends on parameters and statistics
 * only is **fixed**: it is computed once per run, before the loops, with a row per step if statistics are kept per step.
 *
 * If x is the product with a weight, computed in a loop and read here only, and s is the same at all steps, then s is folded into
 * the weight's columns, and the rest of the norm is a shift:
 *
 *     γ·(x − m)·rsqrt(v + ε) + β, x = h @ W,   becomes   h @ (W·s) + (β − m·s),   s = γ·rsqrt(v + ε)
 *
 * A sum passes s on to each of its terms, if all of them can fold it or leave the loop with it. Shifts are merged where values are
 * added: those of several norms and the bias become one addition.
 *
 * **Elsewhere (x − m)·s stays as it is**, though x·s − m·s would save an op. If |m| ≫ √v, both cancel. A product has rounding
 * errors of the size of |x| ≈ |m| anyway, which times s are as large as the rounding of m·s: in f32 the second form errs up to
 * about four times as much as the first. But in the first steps of a sequence all examples may be alike, and so may a large input
 * that never changes, and then v is 0: x − m is exactly 0, and x·s − m·s a rounding error of m·γ/√ε, where γ/√ε is 30
 * (`test/passes/fold-weights.test.ts` measures both). Outside a loop the subtraction costs next to nothing.
 *
 * Runs after `place`, for inference only. Its result is never differentiated, so `stop` is dropped, too.
 */
import { BATCH, contractionAxes, TIME } from "../ir/contraction-axes.ts";
import * as dim from "../ir/dim.ts";
import { sameShape } from "../ir/type.ts";
import type { Block, ElementwiseOp, Graph, Op, OpAttrs, OpName, OpOf, Pass, Value } from "../ir/types.ts";
import { hoist } from "./hoist.ts";
import { Builder, captured, copy, idsAfter, Renaming, reads } from "./rewrite.ts";
import { withoutDead } from "./simplify.ts";
import { pruneScans } from "./simplify-scan.ts";

export const foldWeights: Pass = {
  name: "fold-weights",
  doc: "at inference what depends on statistics only is computed once, and folded into weights where all steps share them",
  // What leaves a loop's body in the first round is folded into the ops before the loop in the second.
  run: (graph) => foldOnce(foldOnce(hoist.run(graph))),
};

function foldOnce(graph: Graph): Graph {
  const b = new Builder(idsAfter(graph));
  const block = new WeightFolding(b, {
    params: [],
    ops: graph.ops,
    results: graph.results.map((r) => r.value),
  });
  const values = block.run();
  const results = graph.results.map((r, i) => ({ ...r, value: values[i] }));
  return hoist.run({ ...graph, ops: withoutDead(pruneScans(b.ops, values), values), results });
}

/** base · scale + shift: a value that is not materialised until something needs it whole. Scale and shift are fixed. */
interface Affine {
  readonly base: Value;
  readonly scale?: Value;
  readonly shift?: Value;
}

/** How a fixed value varies: not at all, or per step. */
type Fixed = "steady" | "stepwise";

/** Rewrites one block, the graph's own or the body of a scan. */
class WeightFolding {
  private readonly b: Builder;
  private readonly block: Block;
  private readonly enclosing: WeightFolding | undefined;
  /** The form of a value of the old block that has not been materialised yet. */
  private readonly forms = new Map<Value, Affine>();
  private readonly rename: Renaming;
  /** The ops of the old block that read a value (undefined for the block's results), once per read. */
  private readonly readers: ReadonlyMap<Value, readonly (Op | undefined)[]>;
  // About values of the new block:
  private readonly fixed = new Map<Value, Fixed>();
  private readonly defs = new Map<Value, Op>();
  /** Read only by the op that is being rewritten. */
  private readonly once = new Set<Value>();
  /** In a body: values that do not depend on its states. */
  private readonly leaving = new Set<Value>();
  private readonly params = new Set<Value>();

  constructor(b: Builder, block: Block, enclosing?: WeightFolding) {
    this.b = b;
    this.block = block;
    this.enclosing = enclosing;
    this.rename = new Renaming(enclosing?.rename);
    this.readers = readersIn(block);
  }

  /** Fills the builder and returns the block's results. */
  run(): readonly Value[] {
    for (const op of this.block.ops) this.op(op);
    return this.block.results.map(this.whole);
  }

  /** A parameter of a body, whose operand outside is `from`. */
  param(old: Value, made: Value, from: Value | undefined): void {
    this.rename.set([old], [made]);
    this.params.add(made);
    if (from === undefined) return;
    this.leaving.add(made);
    if (this.enclosing!.fixity(from)) this.fixed.set(made, "stepwise");
    if (this.isOnce(old)) this.once.add(made);
  }

  /** Whether, and how, a new value of this block or of an enclosing one is fixed. */
  private fixity(v: Value): Fixed | undefined {
    return this.fixed.get(v) ?? this.enclosing?.fixity(v);
  }

  private readonly isOnce = (old: Value): boolean => this.readers.get(old)?.length === 1;

  /** Whether an old value is added to something, so that its shift can merge with another. */
  private readonly meetsOthers = (old: Value): boolean =>
    this.isOnce(old) && ["add", "sub"].includes(this.readers.get(old)![0]?.op ?? "");

  private form(old: Value): Affine {
    return this.forms.get(old) ?? { base: this.rename.of(old) };
  }

  private readonly whole = (old: Value): Value => {
    const form = this.forms.get(old);
    if (!form) return this.rename.of(old);
    const scaled = this.scaled(form);
    const whole = form.shift ? this.shifted(scaled, form.shift, old.name) : scaled;
    this.rename.set([old], [whole]);
    this.forms.delete(old);
    return whole;
  };

  private shifted(v: Value, by: Value, name: string): Value {
    const op = this.defs.get(by);
    return op?.op === "neg"
      ? this.elementwise("sub", [v, op.operands[0]], name)
      : this.elementwise("add", [v, by], name);
  }

  /** Adds an op and records what it makes. */
  private emit<K extends Exclude<OpName, "scan">>(
    op: K,
    operands: readonly Value[],
    attrs: OpAttrs[K],
    name = "",
  ): readonly Value[] {
    const results = this.b.emit(op, operands, attrs, name);
    this.noted(this.b.ops[this.b.ops.length - 1]);
    return results;
  }

  private one<K extends Exclude<OpName, "scan">>(
    op: K,
    operands: readonly Value[],
    attrs: OpAttrs[K],
    name = "",
  ): Value {
    return this.emit(op, operands, attrs, name)[0];
  }

  private elementwise(op: ElementwiseOp, operands: readonly Value[], name = ""): Value {
    return this.one(op, operands, {}, name);
  }

  /** Records what an op of the new block makes. */
  private noted(op: Op): void {
    const fixities = op.operands.map((v) => this.fixity(v));
    const isFixed = op.op !== "scan" && fixities.every((f) => f !== undefined) && (op.op !== "leaf" || isKept(op));
    for (const r of op.results) {
      this.defs.set(r, op);
      if (isFixed && !r.type.batch)
        this.fixed.set(r, fixities.includes("stepwise") || r.type.time ? "stepwise" : "steady");
      const leaves = op.op !== "scan" && op.operands.every((v) => this.leaving.has(v) || !this.isOwn(v));
      if (this.enclosing && leaves) this.leaving.add(r);
    }
  }

  /** Whether a new value belongs to this block: a captured value is the same at all steps. */
  private isOwn(v: Value): boolean {
    return this.defs.has(v) || this.params.has(v);
  }

  private op(op: Op): void {
    if (op.op === "scan") {
      this.scan(op);
      return;
    }
    const made = this.affine(op);
    if (made === undefined) {
      const results = copy(this.b, op, this.whole);
      this.noted(this.b.ops[this.b.ops.length - 1]);
      this.rename.set(op.results, results);
    } else {
      op.results.forEach((old, i) => {
        this.take(old, made[i]);
      });
    }
    op.results.forEach((old) => {
      if (this.isOnce(old) && !this.forms.has(old)) this.once.add(this.rename.of(old));
    });
  }

  /** A value with several readers is materialised once: otherwise each reader would add its shift again. */
  private take(old: Value, form: Affine): void {
    if (form.scale || form.shift) this.forms.set(old, form);
    else this.rename.set([old], [form.base]);
    if (!this.isOnce(old)) this.once.delete(this.whole(old));
  }

  /** The op's results as forms, if it is affine in what is not fixed. */
  private affine(op: Op): readonly Affine[] | undefined {
    const forms = op.operands.map((v) => this.form(v));
    const fixed = forms.map(({ base, scale, shift }) => !scale && !shift && this.fixity(base) !== undefined);
    if (op.op === "stop") return [this.form(op.operands[0])];
    if (fixed.every(Boolean)) return undefined;
    const [x, y] = forms;
    switch (op.op) {
      case "add":
        if (fixed[1]) return [{ ...x, shift: this.sum(x.shift, y.base) }];
        if (fixed[0]) return [{ ...y, shift: this.sum(y.shift, x.base) }];
        return [
          {
            base: this.joined(op, x, y),
            shift: x.shift && y.shift ? this.sum(x.shift, y.shift) : (x.shift ?? y.shift),
          },
        ];
      case "sub":
        if (fixed[0]) return undefined;
        if (fixed[1]) return [{ ...x, shift: this.difference(x.shift, y.base) }];
        return [{ base: this.joined(op, x, y), shift: y.shift ? this.difference(x.shift, y.shift) : x.shift }];
      case "mul":
        if (fixed[1]) return [this.times(op.operands[0], y.base)];
        return fixed[0] ? [this.times(op.operands[1], x.base)] : undefined;
      case "div":
        // A division by a number, as in a mean, ends an expression.
        return fixed[1] && this.defs.get(y.base)?.op !== "const"
          ? [this.times(op.operands[0], this.elementwise("recip", [y.base]))]
          : undefined;
      case "split":
        return x.shift && op.results.some(this.meetsOthers) ? this.parts(op, x, x.shift) : undefined;
      default:
        return undefined;
    }
  }

  private sum(a: Value | undefined, b: Value): Value {
    return a ? this.elementwise("add", [a, b]) : b;
  }

  private difference(a: Value | undefined, b: Value): Value {
    return a ? this.elementwise("sub", [a, b]) : this.elementwise("neg", [b]);
  }

  private times(old: Value, factor: Value): Affine {
    const { base, scale: before, shift } = this.form(old);
    const scale = before ? this.elementwise("mul", [before, factor]) : factor;
    if (!shift) return { base, scale };
    const folded = this.foldScale(base, scale);
    return folded
      ? { base: folded, shift: this.elementwise("mul", [shift, factor]) }
      : { base: this.whole(old), scale: factor };
  }

  /** The sum or difference of two values without their shifts. */
  private joined(op: OpOf<"add"> | OpOf<"sub">, x: Affine, y: Affine): Value {
    const v = this.elementwise(op.op, [this.scaled(x), this.scaled(y)], op.results[0].name);
    this.once.add(v);
    return v;
  }

  private parts(op: OpOf<"split">, x: Affine, shift: Value): readonly Affine[] {
    const { type } = op.operands[0];
    const split = (v: Value): readonly Value[] => {
      const whole = sameShape(v.type.shape, type.shape)
        ? v
        : this.one("broadcast", [v], { type: { ...v.type, shape: type.shape } });
      return this.emit("split", [whole], op.attrs, v.name);
    };
    const shifts = split(shift);
    return split(this.scaled(x)).map((base, i) => ({ base, shift: shifts[i] }));
  }

  private scaled({ base, scale }: Affine): Value {
    if (!scale) return base;
    const folded = this.foldScale(base, scale);
    if (folded) return folded;
    const v = this.elementwise("mul", [base, scale]);
    this.once.add(v);
    return v;
  }

  /** `v · scale` with the scale folded into `v`, so that it costs nothing per step; undefined if that cannot be done. */
  private foldScale(v: Value, scale: Value): Value | undefined {
    if (this.fixity(scale) !== "steady" || !this.once.has(v)) return undefined;
    const made = this.within(v, scale);
    if (made) this.once.add(made);
    return made;
  }

  private within(v: Value, scale: Value): Value | undefined {
    const op = this.defs.get(v);
    if (op?.op === "dot") return this.weighted(op, scale);
    if (op?.op === "add" || op?.op === "sub") {
      const [x, y] = op.operands.map((o) => this.foldScale(o, scale));
      return x && y && this.elementwise(op.op, [x, y], v.name);
    }
    return this.leaving.has(v) ? this.elementwise("mul", [v, scale], v.name) : undefined;
  }

  /** A product with its weight's columns scaled, if it is computed in a loop and the weight is the same at all steps. */
  private weighted(op: OpOf<"dot">, scale: Value): Value | undefined {
    const { sides, result, contracted } = contractionAxes(op);
    const [product] = op.results;
    const side = sides.find(({ value }) => this.fixity(value) === "steady");
    if (this.enclosing === undefined || contracted.includes(BATCH) || contracted.includes(TIME) || side === undefined)
      return undefined;
    const { labels, value: weight } = side;
    const lead = result.labels.length - scale.type.shape.length;
    // The axes along which the scale varies, by their labels.
    const wide = scale.type.shape.flatMap((d, i) =>
      dim.isOne(d) ? [] : [{ d, label: result.labels[lead + i], axis: lead + i }],
    );
    const fits = ({ d, label, axis }: (typeof wide)[number]): boolean =>
      label !== undefined && labels.includes(label) && dim.equal(d, product.type.shape[axis]);
    const places = wide.map(({ label }) => labels.indexOf(label));
    if (!wide.every(fits) || places.some((p, i) => i > 0 && p < places[i - 1])) return undefined;
    const shape = [...labels].map((label) => dim.show(wide.find((w) => w.label === label)?.d ?? dim.constant(1)));
    const scaled = this.elementwise("mul", [weight, this.one("reshape", [scale], { shape })], weight.name);
    return this.one("dot", op.operands.with(side.operand, scaled), op.attrs, product.name);
  }

  private scan(scan: OpOf<"scan">): void {
    const body = scan.body!;
    const { states, reverse } = scan.attrs;
    const operands = scan.operands.map(this.whole);
    // A body reads captured values whole.
    captured(body).forEach(this.whole);
    const inner = this.b.body();
    const block = new WeightFolding(inner, body, this);
    const params = body.params.map((p) => inner.value(p.type, p.name));
    body.params.forEach((p, i) => {
      block.param(p, params[i], i < states ? undefined : operands[i]);
    });
    const results = block.run();
    const made = this.b.scan(
      operands.slice(0, states),
      operands.slice(states),
      { params, ops: inner.ops, results },
      { reverse, names: scan.results.map((r) => r.name) },
    );
    const all = [...made.finals, ...made.outputs];
    this.rename.set(scan.results, all);
    for (const r of all) this.defs.set(r, this.b.ops[this.b.ops.length - 1]);
  }
}

/** Leaves that stay the same from run to run until parameters change. */
const isKept = (op: OpOf<"leaf">): boolean => op.attrs.leaf.kind === "param" || op.attrs.leaf.kind === "population";

function readersIn({ ops, results }: Block): ReadonlyMap<Value, readonly (Op | undefined)[]> {
  const readers = new Map<Value, (Op | undefined)[]>();
  const read = (v: Value, by?: Op): void => void readers.set(v, [...(readers.get(v) ?? []), by]);
  for (const op of ops) for (const v of reads(op)) read(v, op);
  for (const v of results) read(v);
  return readers;
}
