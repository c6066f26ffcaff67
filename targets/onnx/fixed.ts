/**
 * What depends on parameters and statistics only: the constants of a model. They are computed here, in f64, so that each is rounded once.
 */
import * as dim from "../../compiler/ir/dim.ts";
import { interpret } from "../../compiler/ir/interpret.ts";
import { axesOf, extentsIn } from "../../compiler/ir/ops.ts";
import { type Bindings, count, extents, type Tensor } from "../../compiler/ir/tensor.ts";
import type { Graph, Leaf, Op, Value } from "../../compiler/ir/types.ts";

/** `steady`: the same at all steps. `stepwise`: a row for each of the first steps, and the last one serves all later ones. */
export interface Fixed {
  readonly kind: "steady" | "stepwise";
  readonly tensor: Tensor;
}

export type FixedValues = ReadonlyMap<Value, Fixed>;

export interface FixedOptions {
  /** A number for every dimension but `batch` and `time`. */
  readonly dims: Bindings;
  /** The numbers of parameters, constants and statistics by name, these [rows, …] if they are kept per step. */
  readonly numbers: ReadonlyMap<string, ArrayLike<number>>;
}

/** The fixed values of a graph's outermost block. Throws for a parameter or statistic without numbers. */
export function fixedValues(graph: Graph, { dims, numbers }: FixedOptions): FixedValues {
  const kinds = new Map<Value, Fixed["kind"]>();
  const rows = new Set<number>();
  const ops: Op[] = [];
  for (const op of graph.ops) {
    const kind = kindOf(op, kinds);
    if (kind === undefined) continue;
    if (op.op === "leaf" && op.attrs.leaf.kind === "population" && op.attrs.leaf.policy.kind === "per_step")
      rows.add(dim.evaluate(dim.parse(op.attrs.leaf.policy.steps), dims));
    for (const r of op.results) kinds.set(r, kind);
    ops.push(op);
  }
  const time = Math.max(1, ...rows);
  const all = [...kinds.keys()];
  const found = interpret(
    {
      ...{ name: graph.name, norms: new Map(), ops },
      results: all.map((value) => ({ kind: "output", name: String(value.id), value })),
    },
    {
      dims: { ...dims, time, batch: 1 },
      leaf: (name, _, type) =>
        toSteps(given(numbers, name), type.time ? time : 1, count(extents({ ...type, time: false }, dims))),
    },
  );
  return new Map(
    all.map((value) => [value, { kind: kinds.get(value)!, tensor: found.get(`output:${value.id}`)! }] as const),
  );
}

function given(numbers: ReadonlyMap<string, ArrayLike<number>>, name: string): ArrayLike<number> {
  const found = numbers.get(name);
  if (found === undefined) throw new Error(`no numbers for ${name}`);
  return found;
}

/** The rows of a statistic for so many steps: the last one serves all later ones. */
function toSteps(numbers: ArrayLike<number>, steps: number, width: number): ArrayLike<number> {
  const rows = numbers.length / width;
  if (rows === steps) return numbers;
  return Float64Array.from(
    { length: steps * width },
    (_, i) => numbers[Math.min(rows - 1, Math.floor(i / width)) * width + (i % width)],
  );
}

const isKept = ({ kind }: Leaf): boolean => kind === "param" || kind === "population";

/** How the results of an op are fixed; undefined if they are not. */
function kindOf(op: Op, known: ReadonlyMap<Value, Fixed["kind"]>): Fixed["kind"] | undefined {
  if (op.op === "scan" || op.results.some(({ type }) => type.batch)) return undefined;
  if (op.op === "leaf") {
    if (!isKept(op.attrs.leaf)) return undefined;
    return op.attrs.type.time ? "stepwise" : "steady";
  }
  // The number of examples or steps is the run's.
  const extents = extentsIn(op);
  if (extents.has("time") || extents.has("batch") || op.operands.some((v) => !known.has(v))) return undefined;
  const along = axesOf(op);
  const stepwise = op.operands.map((v) => known.get(v) === "stepwise");
  if (!stepwise.includes(true)) return op.results.some(({ type }) => type.time) ? undefined : "steady";
  // Each row must be made of that row of what it reads, whatever other rows there are.
  return stepwise.every((is, i) => !is || along[i].time === "parallel") ? "stepwise" : undefined;
}
