/**
 * Along which steps each value of a graph varies, and in which order: a value with `time` has one entry for each step of a time
 * axis, from its first to its last or, in a loop over reversed sequences, from its last to its first.
 *
 * A leaf says which axis it varies over. An op combines values step by step, so that all its operands and results that vary over
 * time do so over the same steps; only `reverse` turns their order round. What nothing ties to an axis is on the main one.
 */
import { InternalError } from "../diagnostics/internal-error.ts";
import type { Graph, Leaf, Op, OpOf, Value } from "./types.ts";

/** The steps that a value varies over. */
export interface Steps {
  /** The name of the time axis; undefined for the main one. */
  readonly axis?: string;
  /** Whether they are in reverse order. */
  readonly reversed: boolean;
}

/** What varies over time: a value, or a loop. */
type Varying = Value | OpOf<"scan">;

interface Node {
  parent: Node | undefined;
  /** Whether its order is the reverse of its parent's. */
  turned: boolean;
  /** Of a root: the steps of its own order, once a leaf says so. */
  steps: Steps | undefined;
}

/** Two steps that should be the same. */
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
    const conflicts = others.map((v) => this.join(first, v, op.op === "reverse"));
    if (op.op === "leaf") this.root(first).root.steps = stepsOfLeaf(op.attrs.leaf);
    return conflicts.find((conflict) => conflict !== undefined);
  }

  /** The steps of a value with `time` or of a loop. */
  steps(v: Varying): Steps {
    const { root, turned } = this.root(v);
    return inOrder(root.steps ?? { reversed: false }, turned);
  }

  /** The axis of a value, if a leaf says which. */
  known(v: Varying): Steps | undefined {
    const { root, turned } = this.root(v);
    return root.steps && inOrder(root.steps, turned);
  }

  private root(v: Varying): { readonly root: Node; readonly turned: boolean } {
    let node = this.nodes.get(v);
    if (node === undefined) {
      node = { parent: undefined, turned: false, steps: undefined };
      this.nodes.set(v, node);
    }
    let turned = false;
    for (; node.parent !== undefined; node = node.parent) turned = turned !== node.turned;
    return { root: node, turned };
  }

  private join(one: Varying, other: Varying, isReverse: boolean): Conflict | undefined {
    const a = this.root(one);
    const b = this.root(other);
    const turned = (a.turned !== b.turned) !== isReverse;
    const [mine, theirs] = [this.steps(one), inOrder(this.steps(other), isReverse)];
    if (a.root === b.root) return turned ? { one: mine, other: theirs } : undefined;
    if (a.root.steps && b.root.steps && !sameSteps(mine, theirs)) return { one: mine, other: theirs };
    b.root.parent = a.root;
    b.root.turned = turned;
    a.root.steps ??= b.root.steps && inOrder(b.root.steps, turned);
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

const inOrder = (steps: Steps, turned: boolean): Steps => (turned ? { ...steps, reversed: !steps.reversed } : steps);

export const sameSteps = (a: Steps, b: Steps): boolean => a.axis === b.axis && a.reversed === b.reversed;

function stepsOfLeaf(leaf: Leaf): Steps | undefined {
  if (leaf.kind === "input" || leaf.kind === "index") return { ...axisOf(leaf), reversed: false };
  return leaf.kind === "lengths" ? { ...axisOf(leaf), reversed: leaf.reversed ?? false } : undefined;
}

const axisOf = ({ axis }: { readonly axis?: string }): Pick<Steps, "axis"> => (axis === undefined ? {} : { axis });

const shownSteps = ({ axis = "time", reversed }: Steps): string =>
  `the steps of ${axis}${reversed ? " in reverse" : ""}`;
