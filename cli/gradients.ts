/** The derivatives that the compiler derives, checked against central differences of the reference, both in f64. */
import { type Lowered, lower } from "../compiler/compile.ts";
import * as dim from "../compiler/ir/dim.ts";
import { finiteDifferences, relativeError } from "../compiler/ir/finite-differences.ts";
import { interpret } from "../compiler/ir/interpret.ts";
import type { Bindings } from "../compiler/ir/tensor.ts";
import type { Graph, Leaf, OpOf, Type } from "../compiler/ir/types.ts";
import { type ElaborateOptions, elaborate } from "../compiler/semantics/elaborate.ts";
import type { SourceHost } from "../compiler/source-host.ts";
import { initialise } from "../runtime/initialise.ts";
import { type Key, keyOf, normalAt, uniformAt } from "../runtime/random.ts";
import { exit, Failure } from "./failure.ts";

export interface GradientCheck {
  /** Of the parameter. */
  readonly name: string;
  readonly count: number;
  /** Largest difference, as a share of the largest gradient. */
  readonly error: number;
}

export interface GradientOptions extends ElaborateOptions {
  readonly batch: number;
  readonly time: number;
  readonly seed: number;
}

/**
 * Parameters start a little off their initial values: at an identity or a zero, mistakes that cancel there go unseen.
 * The same for gains of a norm, whose gradients do not depend on where they are.
 */
const JITTER = 0.1;

/**
 * Checks the gradient of every parameter of a cell or model in training. Throws `CompileError` for errors in the text, and
 * C0221 for a model without a loss.
 */
export function checkGradients(path: string, options: GradientOptions, host: SourceHost): readonly GradientCheck[] {
  const elaborated = elaborate(path, host, options);
  const dims: Bindings = { ...elaborated.dims, batch: options.batch, time: options.time, steps: options.time };
  const { placed, entries }: Lowered = lower(elaborated.graph);
  if (!placed.results.some(({ kind }) => kind === "loss")) {
    throw new Failure("C0221", exit.input, `${placed.name} has no loss, so there is nothing to differentiate`);
  }
  const leaves = new Map([...leavesOf(placed), ...leavesOf(entries.train)]);
  const numbers = Object.fromEntries(
    [...leaves].map(([name, { leaf, type }]) => [name, numbersFor(leaf, type, dims, keyOf(options.seed, name))]),
  );
  const derived = interpret(entries.train, { dims, leaf: (name) => numbers[name] });
  const parameters = [...leavesOf(placed).values()].filter(({ leaf }) => leaf.kind === "param");
  return parameters.map(({ leaf: { name } }) => {
    const truth = finiteDifferences(placed, dims, numbers, name);
    const gradient = derived.get(`grad:${name}`);
    if (gradient === undefined) throw new Error(`no gradient was derived for ${name}`);
    return { name, count: truth.length, error: relativeError(gradient.data, truth) };
  });
}

function leavesOf(graph: Graph): ReadonlyMap<string, OpOf<"leaf">["attrs"]> {
  const ops = graph.ops.filter((op): op is OpOf<"leaf"> => op.op === "leaf");
  return new Map(ops.map(({ attrs }) => [attrs.leaf.name, attrs]));
}

/** In row-major order of [time?, batch?, ...features]. */
function numbersFor(leaf: Leaf, type: Type, dims: Bindings, key: Key): Float64Array {
  const shape = type.shape.map((extent) => dim.evaluate(extent, dims));
  const lead = (type.time ? dims.time : 1) * (type.batch ? dims.batch : 1);
  const size = shape.reduce((product, extent) => product * extent, lead);
  const fill = (number: (index: number) => number) => Float64Array.from({ length: size }, (_, i) => number(i));
  switch (leaf.kind) {
    case "param": {
      const initial = initialise(leaf.init, shape, key);
      return fill((i) => initial[i] + JITTER * normalAt(key, i, 1));
    }
    case "input":
      return fill((i) => normalAt(key, i));
    case "index": {
      const classes = dim.evaluate(dim.parse(leaf.size), dims);
      return fill((i) => Math.floor(uniformAt(key, i) * classes));
    }
    case "noise":
      return fill((i) => leaf.scale * (leaf.distribution === "normal" ? normalAt(key, i) : uniformAt(key, i)));
    // Neither takes part in a gradient: training normalizes with the batch's own statistics.
    case "population":
    case "hyper":
    case "flat":
      return fill(() => 0);
    default:
      return leaf satisfies never;
  }
}
