/**
 * One step of a graph that is placed for inference, for a stream whose caller keeps the states.
 *
 * No value has time any more. A scan becomes its body. Its states come in and go out as carries, and their initial values are a
 * graph of their own, which may read inputs that do not vary over time. What read along time now reads this step: the last step is this one, and a statistic kept per step is the row
 * of this step. Losses and metrics, which are about whole sequences, are left out.
 */
import type { Graph, Op, OpOf, Result, Value } from "../ir/types.ts";
import { aStep, Builder, copy, idsAfter, Renaming, retyped } from "./rewrite.ts";
import { simplify } from "./simplify.ts";
import { StateNames } from "./state-names.ts";
import { only, type Refused, refusalOfOutputs } from "./steps-so-far.ts";

export interface Streamed {
  /** The states before the first step. */
  readonly start: Graph;
  readonly step: Graph;
}

/** The graphs of a stream, or why there are none: some output needs steps that are yet to come. */
export function stream(graph: Graph): Streamed | Refused {
  const outputs = simplify.run(only(graph, ["output"]));
  return refusalOfOutputs(outputs) ?? new Streaming(outputs).run();
}

/** One step of a leaf. For noise that is drawn for all steps: its own. Examples of a stream may begin at different steps. */
function leafOfStep(op: OpOf<"leaf">): OpOf<"leaf"> {
  const { leaf, type } = op.attrs;
  if (leaf.kind === "step") return retyped(op, (t) => ({ ...t, batch: true })) as OpOf<"leaf">;
  const drawn = leaf.kind === "noise" && leaf.distribution !== "bernoulli" && type.time;
  return drawn ? { ...op, attrs: { leaf: { ...leaf, perStep: true }, type } } : op;
}

class Streaming {
  private readonly graph: Graph;
  private readonly b: Builder;
  private readonly rename = new Renaming();
  private readonly states: { readonly name: string; readonly first: Value; readonly next: Value }[] = [];

  private readonly names = new StateNames();

  constructor(graph: Graph) {
    this.graph = graph;
    this.b = new Builder(idsAfter(graph));
  }

  run(): Streamed {
    const { graph, b } = this;
    for (const op of graph.ops) this.op(op);
    const carries = (value: (s: (typeof this.states)[number]) => Value): readonly Result[] =>
      this.states.map((s) => ({ kind: "carry", name: s.name, value: value(s) }));
    const outputs = graph.results.map((r) => ({ ...r, value: this.rename.of(r.value) }));
    return {
      start: simplify.run({ ...graph, results: carries(({ first }) => first) }),
      step: simplify.run({ ...graph, ops: b.ops, results: [...outputs, ...carries(({ next }) => next)] }),
    };
  }

  private op(op: Op): void {
    const { b, rename } = this;
    if (op.op === "scan") this.scan(op);
    else if (op.op === "at") rename.set(op.results, op.operands.map(rename.of));
    else rename.set(op.results, copy(b, aStep(op.op === "leaf" ? leafOfStep(op) : op), rename.of));
  }

  private scan(scan: OpOf<"scan">): void {
    const { b, rename } = this;
    const body = scan.body!;
    const { states } = scan.attrs;
    const names = body.params.slice(0, states).map((p) => this.names.of(p));
    body.params.slice(0, states).forEach((p, i) => {
      const leaf = { kind: "carry", name: names[i] } as const;
      rename.set([p], [b.one("leaf", [], { leaf, type: p.type }, p.name)]);
    });
    rename.set(body.params.slice(states), scan.operands.slice(states).map(rename.of));
    for (const op of body.ops) this.op(op);
    rename.set(scan.results, body.results.map(rename.of));
    names.forEach((name, i) => {
      this.states.push({ name, first: scan.operands[i], next: rename.of(body.results[i]) });
    });
  }
}
