/**
 * Along which time axis each value of a graph varies.
 *
 * A leaf says which axis it varies over. An op combines values step by step, so that all its operands and results that vary over
 * time do so over the same steps. What nothing ties to an axis is on the main one. The same holds for all steps of a sequence at
 * once, whatever time axis a value with them has besides.
 */
import { InternalError } from "../diagnostics/internal-error.ts";
import { hasAllSteps } from "./steps.ts";
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
  /** Of values with all steps of a sequence at once: which steps. */
  private readonly rows = new Map<Value, Node>();

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
    if (op.op === "leaf") {
      const [v] = op.results;
      if (v.type.time) rootOf(v, this.nodes).steps = stepsOfLeaf(op.attrs.leaf);
      return undefined;
    }
    const varying: Varying[] = [...op.operands, ...op.results].filter((v) => v.type.time);
    if (op.op === "scan") varying.push(op);
    const over = this.joined(varying.map((v) => rootOf(v, this.nodes)));
    return over ?? this.addRows(op);
  }

  /** The steps of a value with `time` or of a loop. */
  steps(v: Varying): Steps {
    return rootOf(v, this.nodes).steps ?? {};
  }

  /** The steps of a value that has all steps of a sequence at once. */
  allSteps(v: Value): Steps {
    return rootOf(v, this.rows).steps ?? {};
  }

  private addRows(op: Op): Conflict | undefined {
    const row = (v: Value): Node => rootOf(v, this.rows);
    const [x, y] = [op.operands[0], op.results[0]];
    if (op.op === "whole") return this.joined([rootOf(x, this.nodes), row(y)]);
    if (op.op === "stepwise") return this.joined([row(x), rootOf(y, this.nodes)]);
    if (op.op !== "scan")
      return this.joined([...op.operands, ...op.results].filter((v) => hasAllSteps(v.type)).map(row));
    const { params, ops, results } = op.body!;
    const pairs = [...op.operands.map((v, i) => [v, params[i]]), ...op.results.map((v, i) => [v, results[i]])];
    for (const pair of pairs) {
      const conflict = hasAllSteps(pair[0].type) ? this.joined(pair.map(row)) : undefined;
      if (conflict) return conflict;
    }
    for (const inner of ops) {
      const conflict = this.addRows(inner);
      if (conflict) return conflict;
    }
    return undefined;
  }

  private joined([first, ...others]: readonly Node[]): Conflict | undefined {
    for (const other of others) {
      const conflict = this.join(first, other);
      if (conflict) return conflict;
    }
    return undefined;
  }

  private join(one: Node, other: Node): Conflict | undefined {
    const [a, b] = [top(one), top(other)];
    if (a === b) return undefined;
    if (a.steps && b.steps && a.steps.axis !== b.steps.axis) return { one: a.steps, other: b.steps };
    b.parent = a;
    a.steps ??= b.steps;
    return undefined;
  }
}

function rootOf<Key>(key: Key, nodes: Map<Key, Node>): Node {
  const node = nodes.get(key) ?? { parent: undefined, steps: undefined };
  nodes.set(key, node);
  return top(node);
}

function top(node: Node): Node {
  let root = node;
  while (root.parent !== undefined) root = root.parent;
  return root;
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
  // The number of a step of the main axis serves for those of all others, which are counted alike.
  if (leaf.kind === "step") return leaf.axis === undefined ? undefined : { axis: leaf.axis };
  if (leaf.kind !== "input" && leaf.kind !== "index" && leaf.kind !== "lengths") return undefined;
  return leaf.axis === undefined ? {} : { axis: leaf.axis };
}

const shownSteps = ({ axis = "time" }: Steps): string => `the steps of ${axis}`;
