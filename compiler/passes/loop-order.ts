/**
 * Loop reversal: makes every loop run from its first step to its last. A scan in the other direction runs over reversed sequences
 * instead, and its outputs are reversed back.
 *
 * From here on, step k means the k-th step of the loop, counted from each example's own start. So a statistic that is kept per step
 * has a row for each step of the loop, whichever end of the sequence it starts from and however long the sequence is. And where
 * sequences differ in length (`ragged`), padding is at the end of every loop, and the examples that share a step's statistics are
 * equally far along.
 *
 * Runs first: norms are placed, and statistics recorded, in the order of the loop. Only `derive` makes loops that run backward.
 */
import type { Graph, Op, OpOf, Pass, Value } from "../ir/types.ts";
import { Builder, definitions, idsAfter } from "./rewrite.ts";

export const loopOrder: Pass = {
  name: "loop-order",
  doc: "a loop from the last step to the first runs forward, over reversed sequences",
  run: (graph) => (graph.ops.some(isReverse) ? new LoopOrder(graph).run() : graph),
};

const isReverse = (op: Op): op is OpOf<"scan"> => op.op === "scan" && op.attrs.reverse;

class LoopOrder {
  private readonly graph: Graph;
  private readonly b: Builder;
  private readonly defs;
  /** Sequences in both directions: each maps to its reverse. */
  private readonly reversed = new Map<Value, Value>();

  constructor(graph: Graph) {
    this.graph = graph;
    this.b = new Builder(idsAfter(graph));
    this.defs = definitions(graph.ops);
  }

  run(): Graph {
    for (const op of this.graph.ops) {
      if (isReverse(op)) this.scan(op);
      else this.b.ops.push(op.op === "at" ? this.atOtherEnd(op) : op);
    }
    return { ...this.graph, ops: this.b.ops };
  }

  private scan(scan: OpOf<"scan">): void {
    const { b } = this;
    const { states } = scan.attrs;
    const operands = scan.operands.map((v, i) => (i < states ? v : this.inReverse(v)));
    const results = scan.results.map((v, i) => (i < states ? v : b.value(v.type, v.name)));
    b.ops.push({ ...scan, operands, results, attrs: { states, reverse: false } });
    // Readers of an output, in the order of the sequence, go on reading the same value.
    scan.results.slice(states).forEach((v, k) => {
      const made = results[states + k];
      b.ops.push({ op: "reverse", operands: [made, this.steps()], attrs: {}, results: [v] });
      this.pair(v, made);
    });
  }

  /** `v` from its last step to its first. */
  private inReverse(v: Value): Value {
    const known = this.reversed.get(v);
    if (known !== undefined) return known;
    const op = this.defs.get(v);
    // What is the same at each step needs no reversing.
    if (op?.op === "broadcast" && !op.operands[0].type.time) return v;
    const [made] = this.b.emit("reverse", [v, this.steps()], {}, v.name);
    this.pair(v, made);
    return made;
  }

  private pair(v: Value, other: Value): void {
    this.reversed.set(v, other);
    this.reversed.set(other, v);
  }

  /** The step at one end of a loop's output is the step at the other end of the new loop's output: nothing needs reversing. */
  private atOtherEnd(op: OpOf<"at">): Op {
    const made = this.reversed.get(op.operands[0]);
    const isOutput = made !== undefined && this.defs.get(op.operands[0])?.op === "scan";
    if (!isOutput) return op;
    return { ...op, operands: [made], attrs: { step: op.attrs.step === "first" ? "last" : "first" } };
  }

  private all: Value | undefined;

  /** The number of all steps. `ragged` makes it the number of each example's steps. */
  private steps(): Value {
    this.all ??= this.b.extent(["time"]);
    return this.all;
  }
}
