/**
 * Checkpointing: cuts a placed graph into pieces that run one after another, so that a long sequence needs the memory of a short
 * one.
 *
 * Time is cut into segments. One piece computes everything that can proceed along time, segment by segment, and carries only
 * states, and sums over time so far, from one segment to the next. The states at the borders are saved. For the gradient, a piece
 * runs from the last segment to the first: it recomputes a segment from the states at its border and takes the cotangents back
 * through it (Chen et al., "Training deep nets with sublinear memory cost", 2016). Each piece is a graph like any other in which
 * `time` is the segment. A value that one piece passes to another is a `carry`.
 *
 *     start ─► forward, for each segment ─► head ─► backward, for each segment from the last ─► finish
 *
 * What needs the whole sequence (a head on the last state, a loop over the reversed sequence) is in `head`.
 */
import type { Along } from "../ir/ops/row.ts";
import { axesOf, rowOf } from "../ir/ops.ts";
import type { Bindings } from "../ir/tensor.ts";
import { isTrained } from "../ir/trained.ts";
import { real } from "../ir/type.ts";
import type { Graph, Leaf, Op, OpOf, Pass, Result, Type, Value } from "../ir/types.ts";
import { derive } from "./derive.ts";
import { overwriting } from "./overwriting.ts";
import { Builder, idsAfter, reads } from "./rewrite.ts";

/**
 * How long a carry is kept. `borders`: one for each border between segments. `turns`: until the next segment has computed its own.
 * `steps`: all of it, step by step. `once`: one for all segments. A gradient is accumulated in place.
 */
export type Keeping = "borders" | "turns" | "steps" | "once";

export interface Piece {
  readonly graph: Graph;
  /** Runs once per segment, in this direction, or once for all. */
  readonly loop: "forward" | "backward" | undefined;
}

export interface Segmented {
  readonly pieces: readonly Piece[];
  readonly carries: ReadonlyMap<string, Keeping>;
  /** The cotangents of carries, by the carries' names. They flow from the last segment to the first. */
  readonly cotangents: ReadonlyMap<string, Keeping>;
}

export interface SegmentOptions {
  /** Also the gradient of the loss with respect to every parameter. */
  readonly backward: boolean;
  readonly extents?: Bindings;
  /** Run on each piece once it is cut and differentiated. */
  readonly passes: readonly Pass[];
}

/**
 * The pieces of `graph`, which must be placed and simplified. Undefined if no loop can be cut, or if what proceeds along time reads
 * statistics that it overwrites: the backward piece would not find them again.
 */
export function segment(graph: Graph, options: SegmentOptions): Segmented | undefined {
  if (options.backward && overwriting(graph).size > 0) return undefined;
  const classified = classify(graph);
  return classified.along.some((op) => op.op === "scan")
    ? new Segmentation(graph, classified, options).run()
    : undefined;
}

interface Classified {
  /** Proceeds along time, and can be computed segment by segment. */
  readonly along: readonly Op[];
  /** Needs the whole sequence. */
  readonly after: readonly Op[];
  /** Sums over time that `along` accumulates. */
  readonly sums: readonly Value[];
  readonly scans: readonly OpOf<"scan">[];
}

/** Ops that are neither `along` nor `after` do not involve time: every piece has its own copy of them. */
function classify({ ops }: Graph): Classified {
  const late = new Set<Value>();
  const along: Op[] = [];
  const after: Op[] = [];
  const sums: Value[] = [];
  const scans: OpOf<"scan">[] = [];
  for (const op of ops) {
    if (op.op === "leaf") continue;
    const inputs = reads(op);
    const { adds, loops, stepwise } = overSegments(op);
    // A loop may have no inputs and outputs, only states.
    const timed = op.op === "scan" || [...inputs, ...op.results].some((v) => v.type.time);
    const waits = inputs.some((v) => late.has(v));
    if (!timed && !waits) continue;
    if (waits || !(adds || loops || stepwise)) {
      after.push(op);
      for (const r of op.results) late.add(r);
      continue;
    }
    along.push(op);
    if (adds) sums.push(op.results[0]);
    if (op.op === "scan") scans.push(op);
    // Known after the last segment.
    const whole = op.op === "scan" ? op.results.slice(0, op.attrs.states) : adds ? op.results : [];
    for (const r of whole) late.add(r);
  }
  return { along, after, sums, scans };
}

const stays = (along: Along): boolean => along === "parallel" || along === "broadcast";

/**
 * How an op can be computed segment by segment: accumulated, as a loop, or step for step. If in none of these ways, it needs the
 * whole sequence.
 */
function overSegments(op: Op) {
  if (op.op === "scan") return { adds: false, loops: !op.attrs.reverse, stepwise: false };
  const along = axesOf(op).map(({ time }) => time);
  const timed = op.operands.map((v) => v.type.time);
  return {
    adds:
      rowOf(op.op).combines === "sum" &&
      timed.includes(true) &&
      along.every((t, i) => t === "reduce" || (!timed[i] && stays(t))),
    loops: false,
    stepwise: along.every(stays) && op.results.every((v) => v.type.time),
  };
}

class Segmentation {
  private readonly graph: Graph;
  private readonly classified: Classified;
  private readonly options: SegmentOptions;
  private readonly ids;
  private readonly carries = new Map<string, Keeping>();
  private readonly cotangents = new Map<string, Keeping>();
  /** States and sums as they are carried from segment to segment: the value at the end, its name, and its initial value. */
  private readonly carried: readonly { readonly name: string; readonly final: Value; readonly initial?: Value }[];
  /** What every piece begins with: leaves, and ops that do not involve time. */
  private readonly common: readonly Op[];
  /** Values with time that `head` reads. */
  private readonly whole: readonly { readonly name: string; readonly value: Value }[];

  constructor(graph: Graph, classified: Classified, options: SegmentOptions) {
    this.graph = graph;
    this.classified = classified;
    this.options = options;
    this.ids = idsAfter(graph);
    const states = classified.scans.flatMap((scan, k) =>
      scan.results
        .slice(0, scan.attrs.states)
        .map((final, i) => ({ name: `state/${k}/${i}`, final, initial: scan.operands[i] })),
    );
    this.carried = [...states, ...classified.sums.map((final, k) => ({ name: `sum/${k}`, final }))];
    for (const { name, initial } of this.carried) this.carries.set(name, initial ? "borders" : "turns");
    const placed = new Set<Op>([...classified.along, ...classified.after]);
    this.common = graph.ops.filter((op) => !placed.has(op));
    const made = new Set(classified.along.flatMap((op) => op.results));
    const crossed = new Set(this.carried.map(({ final }) => final));
    const read = new Set(classified.after.flatMap(reads).filter((v) => made.has(v) && !crossed.has(v)));
    this.whole = [...read].map((value, k) => ({ name: `steps/${k}`, value }));
    for (const { name } of this.whole) this.carries.set(name, "steps");
  }

  run(): Segmented {
    const { backward } = this.options;
    const made = new Set(this.classified.along.flatMap((op) => op.results));
    const crossed = new Set(this.carried.map(({ final }) => final));
    const stepwise = (r: Result): boolean => made.has(r.value) && !crossed.has(r.value);
    const head = this.head(this.graph.results.filter((r) => !stepwise(r)));
    const pieces: (Piece | undefined)[] = [
      this.start(),
      this.forward(this.graph.results.filter(stepwise)),
      head,
      ...(backward ? [this.backward(), this.finish()] : []),
    ];
    return { pieces: pieces.filter((p) => p !== undefined), carries: this.carries, cotangents: this.cotangents };
  }

  private piece(name: string, ops: readonly Op[], results: readonly Result[], loop?: Piece["loop"]): Piece {
    const graph: Graph = { ...this.graph, name: `${this.graph.name}_${name}`, ops, results };
    return { loop, graph: this.options.passes.reduce((g, pass) => pass.run(g), graph) };
  }

  private builder(): Builder {
    return new Builder(this.ids);
  }

  private leaf(b: Builder, kind: "carry" | "cotangent" | "gradient", name: string, type: Type): Value {
    const hint = { carry: "", cotangent: "d_", gradient: "grad_" }[kind] + name.replaceAll("/", "_");
    return b.one("leaf", [], { leaf: { kind, name }, type: real(type) }, hint);
  }

  private start(): Piece {
    const b = this.builder();
    b.ops.push(...this.common);
    const results = this.carried.map(
      ({ name, final, initial }): Result => ({ kind: "carry", name, value: initial ?? b.zeros(real(final.type)) }),
    );
    return this.piece("start", b.ops, results);
  }

  /** The ops of a segment, given the carries at its first border; `ends` are the carries at its last. */
  private along(b: Builder): { readonly leaves: readonly Value[]; readonly ends: readonly Value[] } {
    const leaves = this.carried.map(({ name, final }) => this.leaf(b, "carry", name, final.type));
    b.ops.push(...this.common, ...this.classified.along.map((op) => this.atBorder(op, leaves)).map(ofSequence));
    const common = new Set(this.common);
    b.ops.forEach((op, i) => {
      if (common.has(op)) b.ops[i] = ofSequence(op);
    });
    const ends = this.carried.map(({ final, initial }, i) => (initial ? final : b.add(leaves[i], final)));
    return { leaves, ends };
  }

  /** A scan starts from the carries at the border. */
  private atBorder(op: Op, leaves: readonly Value[]): Op {
    if (op.op !== "scan") return op;
    const { states } = op.attrs;
    const first = this.carried.findIndex(({ final }) => final === op.results[0]);
    return { ...op, operands: op.operands.map((v, i) => (i < states ? leaves[first + i] : v)) };
  }

  private forward(results: readonly Result[]): Piece {
    const b = this.builder();
    const { ends } = this.along(b);
    return this.piece(
      "forward",
      b.ops,
      [
        ...results,
        ...this.carried.map(({ name }, i): Result => ({ kind: "carry", name, value: ends[i] })),
        ...this.whole.map(({ name, value }): Result => ({ kind: "carry", name, value })),
      ],
      "forward",
    );
  }

  /** Everything that needs the whole sequence. With `backward`, also the cotangents of what it reads. */
  private head(results: readonly Result[]): Piece {
    const b = this.builder();
    const headInputs = [...this.carried.map(({ name, final }) => ({ name, value: final })), ...this.whole];
    // They define the values themselves: the ops in `after` go on reading them.
    for (const { name, value } of headInputs)
      b.ops.push({
        op: "leaf",
        operands: [],
        attrs: { leaf: { kind: "carry", name }, type: value.type },
        results: [value],
      });
    b.ops.push(...this.common, ...this.classified.after);
    if (!this.options.backward) return this.piece("head", b.ops, results);
    const carried = ({ name }: Leaf): boolean => this.carries.has(name);
    const derived = this.derive({ ...this.graph, ops: b.ops, results }, (leaf) =>
      leaf.kind === "carry" ? carried(leaf) : isTrained(leaf),
    );
    const after = new Builder(idsAfter(derived));
    after.ops.push(...derived.ops);
    const grads = new Map(derived.results.flatMap((r) => (r.kind === "grad" ? [[r.name, r.value] as const] : [])));
    const cotangents = headInputs.flatMap(({ name, value }): Result[] => {
      const known = grads.get(name);
      const state = this.carries.get(name) === "borders";
      if (known === undefined && !state) return [];
      const keeping = this.carries.get(name) === "steps" ? "steps" : state ? "turns" : "once";
      this.cotangents.set(name, keeping);
      return [{ kind: "cotangent", name, value: known ?? after.zeros(real(value.type)) }];
    });
    const params = this.params().map(
      ([name, value]): Result => ({ kind: "grad", name, value: grads.get(name) ?? after.zeros(real(value.type)) }),
    );
    return this.piece("head", after.ops, [
      ...derived.results.filter((r) => r.kind !== "grad"),
      ...params,
      ...cotangents,
    ]);
  }

  private backward(): Piece {
    const b = this.builder();
    const { leaves, ends } = this.along(b);
    const reached = [...this.carried.map(({ name }, i) => ({ name, value: ends[i] })), ...this.whole].filter(
      ({ name }) => this.cotangents.has(name),
    );
    const { after, results, made } = this.pullBack(b, reached);
    const states = this.carried.flatMap(({ name, initial }, i): Result[] =>
      initial ? [{ kind: "cotangent", name, value: made.get(name) ?? after.zeros(leaves[i].type) }] : [],
    );
    return this.piece("backward", after.ops, [...states, ...results], "backward");
  }

  /** Gradients of the parameters of initial states. */
  private finish(): Piece | undefined {
    const b = this.builder();
    b.ops.push(...this.common);
    const reached = this.carried.flatMap(({ name, initial }) => (initial ? [{ name, value: initial }] : []));
    const { after, results } = this.pullBack(b, reached);
    return results.length === 0 ? undefined : this.piece("finish", after.ops, results);
  }

  /**
   * Takes the cotangents of `reached` back to parameters, whose gradients are added to those of earlier pieces, and to the carries
   * read here.
   */
  private pullBack(b: Builder, reached: readonly { readonly name: string; readonly value: Value }[]) {
    const cotangents = reached.map(({ name, value }) => this.leaf(b, "cotangent", name, value.type));
    const parts = reached.map(({ value }, i) => b.sum(b.mul(cotangents[i], value), everything(value.type)));
    const loss = parts.reduce(b.add, b.scalar(0));
    const graph: Graph = { ...this.graph, ops: [...b.ops], results: [{ kind: "loss", name: "loss", value: loss }] };
    const derived = this.derive(graph, (leaf) =>
      leaf.kind === "carry" ? this.carries.get(leaf.name) === "borders" : isTrained(leaf),
    );
    const after = new Builder(idsAfter(derived));
    after.ops.push(...derived.ops);
    const made = new Map(derived.results.flatMap((r) => (r.kind === "grad" ? [[r.name, r.value] as const] : [])));
    const results = this.params().flatMap(([name, leaf]): Result[] => {
      const more = made.get(name);
      return more
        ? [{ kind: "grad", name, value: after.add(this.leaf(after, "gradient", name, leaf.type), more) }]
        : [];
    });
    return { after, results, made };
  }

  private derive(graph: Graph, leaves: (leaf: Leaf) => boolean): Graph {
    return derive({ inputs: false, leaves, extents: this.options.extents }).run(graph);
  }

  private params(): readonly (readonly [string, Value])[] {
    return this.graph.ops.flatMap((op) =>
      op.op === "leaf" && isTrained(op.attrs.leaf) ? [[op.attrs.leaf.name, op.results[0]] as const] : [],
    );
  }
}

const everything = (t: Type) => ({ time: t.time, batch: t.batch, features: t.shape.map((_, i) => i) });

/** Numbers of steps in a segment's ops are those of the whole sequence. */
function ofSequence(op: Op): Op {
  if (op.op === "const")
    return { ...op, attrs: { ...op.attrs, dims: op.attrs.dims.map((d) => (d === "time" ? "sequence" : d)) } };
  return op.body ? ({ ...op, body: { ...op.body, ops: op.body.ops.map(ofSequence) } } as Op) : op;
}
