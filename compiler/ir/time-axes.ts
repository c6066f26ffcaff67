/**
 * Along which time axis each value of a graph varies.
 *
 * A leaf says which axis it varies over. An op combines values step by step, so that all its operands and results that vary over
 * time do so over the same steps. What nothing ties to an axis is on the main one.
 */
import { InternalError } from "../diagnostics/internal-error.ts";
import type { Graph, Leaf, Op, OpOf, Value } from "./types.ts";

/** The steps that a value varies over. */
export interface Steps {
  /** The name of the time axis; undefined for the main one. */
  readonly axis?: string;
}

/** What varies over time: a value, or a loop. */
type Varying = Value | OpOf<"scan">;

interface Node {
  parent: Node | undefined;
  /** Of a root: its steps, once a leaf says so. */
  steps: Steps | undefined;
}

/** Two axes that should be the same. */
export interface Conflict {
  readonly one: Steps;
  readonly other: Steps;
}

export class TimeAxes {
  private readonly nodes = new Map<Varying, Node>();

  /** The axes of a whole graph, which the language has checked. */
  static of(graph: Pick<Graph, "ops">): TimeAxes {
    const axes = new TimeAxes();
    const conflict = axes.addAll(graph);
    if (conflict)
      throw new InternalError(`${shownSteps(conflict.one)} are combined with ${shownSteps(conflict.other)}`);
    return axes;
  }

  /** Adds all ops of a graph, up to the first conflict. */
  addAll({ ops }: Pick<Graph, "ops">): Conflict | undefined {
    for (const op of ops) {
      const conflict = this.add(op);
      if (conflict) return conflict;
    }
    return undefined;
  }

  /** Adds an op of the outermost block, after those that make its operands. Returns a conflict between them, if there is one. */
  add(op: Op): Conflict | undefined {
    const varying: Varying[] = [...op.operands, ...op.results].filter((v) => v.type.time);
    if (op.op === "scan") varying.push(op);
    const [first, ...others] = varying;
    if (first === undefined) return undefined;
    const conflicts = others.map((v) => this.join(first, v));
    if (op.op === "leaf") this.root(first).steps = stepsOfLeaf(op.attrs.leaf);
    return conflicts.find((conflict) => conflict !== undefined);
  }

  /** The steps of a value with `time` or of a loop. */
  steps(v: Varying): Steps {
    return this.root(v).steps ?? {};
  }

  private root(v: Varying): Node {
    let node = this.nodes.get(v);
    if (node === undefined) {
      node = { parent: undefined, steps: undefined };
      this.nodes.set(v, node);
    }
    while (node.parent !== undefined) node = node.parent;
    return node;
  }

  private join(one: Varying, other: Varying): Conflict | undefined {
    const [a, b] = [this.root(one), this.root(other)];
    if (a === b) return undefined;
    if (a.steps && b.steps && a.steps.axis !== b.steps.axis) return { one: a.steps, other: b.steps };
    b.parent = a;
    a.steps ??= b.steps;
    return undefined;
  }
}

/** The names of the time axes of a graph's inputs; undefined for the main one. */
export function axesOfInputs({ ops }: Pick<Graph, "ops">): ReadonlySet<string | undefined> {
  return new Set(
    ops.flatMap((op) => {
      if (op.op !== "leaf" || !op.attrs.type.time) return [];
      const { leaf } = op.attrs;
      return leaf.kind === "input" || leaf.kind === "index" ? [leaf.axis] : [];
    }),
  );
}

function stepsOfLeaf(leaf: Leaf): Steps | undefined {
  if (leaf.kind !== "input" && leaf.kind !== "index" && leaf.kind !== "lengths") return undefined;
  return leaf.axis === undefined ? {} : { axis: leaf.axis };
}

const shownSteps = ({ axis = "time" }: Steps): string => `the steps of ${axis}`;
