/**
 * One step of a graph that is placed for inference, for a stream whose caller keeps the states.
 *
 * No value has time any more. A scan becomes its body. Its states come in and go out as carries, and their initial values are a
 * graph of their own, which may read inputs that do not vary over time. What read along time now reads this step: the last step is this one, and a statistic kept per step is the row
 * of this step. Losses and metrics, which are about whole sequences, are left out.
 */
import { InternalError } from "../diagnostics/internal-error.ts";
import { axesOf, extentsIn } from "../ir/ops.ts";
import type { Graph, Leaf, Op, OpOf, Result, Value } from "../ir/types.ts";
import { aStep, Builder, copy, idsAfter, Renaming, reads, retyped } from "./rewrite.ts";
import { simplify } from "./simplify.ts";

export interface Streamed {
  /** The states before the first step. */
  readonly start: Graph;
  readonly step: Graph;
}

/** Why a graph cannot be run step by step. */
export interface Refused {
  readonly refused: string;
  readonly help: string;
}

/** The graphs of a stream, or why there are none: some output needs steps that are yet to come. */
export function stream(graph: Graph): Streamed | Refused {
  const outputs = simplify.run({ ...graph, results: graph.results.filter((r) => r.kind === "output") });
  const isGiven = ({ kind }: Leaf): boolean => kind === "input" || kind === "index";
  const other = outputs.ops.find((op) => op.op === "leaf" && "axis" in op.attrs.leaf && isGiven(op.attrs.leaf));
  if (other?.op === "leaf") {
    const { name, axis } = other.attrs.leaf as { readonly name: string; readonly axis?: string };
    return {
      refused: `an output depends on \`${name}\`, whose time axis \`${axis}\` has steps of its own`,
      help: "make a model of what runs step by step, with the result of the other axis as an input",
    };
  }
  // The number of steps to reverse is not in the user's text: blame the op that reverses them first.
  const blamed = [...outputs.ops.filter(({ op }) => op === "reverse"), ...outputs.ops];
  const refused = blamed.map(refusal).find((r) => r !== undefined) ?? lateness(outputs);
  if (refused) return refused;
  return new Streaming(outputs).run();
}

/** Why an op needs more of a sequence than the steps so far. */
function refusal(op: Op): Refused | undefined {
  const named = nameOf(op);
  const backward = { refused: "a loop runs from the last step to the first", help: "scan forward" };
  const pooled = "take the last step of it, or keep a running sum as a state of the cell";
  if (op.op === "scan") return op.attrs.reverse ? backward : undefined;
  if (extentsIn(op).has("time")) return { refused: "an output depends on the number of steps", help: pooled };
  // The last of the steps so far is the current one.
  if (op.op === "at" && op.attrs.step === "last") return undefined;
  const timed = op.operands.map((v) => v.type.time);
  const along = axesOf(op).map(({ time }) => time);
  if (along.some((time, i) => time === "reduce" && timed[i]))
    return { refused: `${named} is taken over all steps`, help: pooled };
  if (!along.some((time) => time === "gather" || time === "scan")) return undefined;
  if (op.op === "reverse") return backward;
  if (op.op === "shift" && op.attrs.by < 0)
    return { refused: `${named} is made of later steps`, help: "delay by a positive number" };
  if (op.op === "shift" && op.operands[0].type.dtype === "index")
    return {
      refused: `${named} is an index, and a stream carries numbers`,
      help: "delay the row it selects: delay(embed(w, E), 1)",
    };
  if (op.op === "shift") throw new InternalError("a delay is not a loop yet: delay-lines comes first");
  if (op.results.every((r) => !r.type.time) && op.op !== "at")
    return {
      refused: `${named} has all steps of a sequence`,
      help: "infer whole sequences, or keep the steps so far as a state",
    };
  if (op.op === "at") return { refused: `${named} is the value at the first step`, help: "take the last one" };
  return { refused: `${named} is made of other steps than its own`, help: "read what each step makes" };
}

/** What is known only after the last step may be an output, but must not be read at every step. */
function lateness({ ops }: Graph): Refused | undefined {
  const late = new Set<Value>();
  for (const op of ops) {
    const reader = reads(op).some((v) => late.has(v));
    const first = op.op === "scan" ? op.operands.slice(0, op.attrs.states).findIndex((v) => late.has(v)) : -1;
    if (first >= 0) {
      const { name } = op.body!.params[first];
      return {
        refused: `${name ? `the state \`${name}\`` : "a state"} begins with what the last step of another sequence makes`,
        help: "compile what reads that sequence by itself, and make its last value an input of this model, without time",
      };
    }
    if (reader && (op.op === "scan" || op.results.some((r) => r.type.time)))
      return { refused: `${nameOf(op)} reads at each step what the last one makes`, help: "read what each step makes" };
    const finals = op.op === "scan" ? op.results.slice(0, op.attrs.states) : op.op === "at" || reader ? op.results : [];
    for (const r of finals) late.add(r);
  }
  return undefined;
}

function nameOf(op: Op): string {
  const named = op.results.find((r) => r.name !== "");
  return named ? `\`${named.name}\`` : "an output";
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

  /** The number of states of each name. */
  private readonly named = new Map<string, number>();

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
    const names = body.params.slice(0, states).map((p) => this.name(p));
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

  /** `state/h`; that of a second scan is `state/h_2`, in the order of scans. */
  private name(state: Value): string {
    const base = `state/${state.name || "s"}`;
    const n = (this.named.get(base) ?? 0) + 1;
    this.named.set(base, n);
    return n === 1 ? base : `${base}_${n}`;
  }
}
