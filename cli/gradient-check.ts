/** The derivatives that the compiler derives, as the reference or a target computes them, against central differences in f64. */

import type { Compilation } from "../compiler/compile.ts";
import * as dim from "../compiler/ir/dim.ts";
import { finiteDifferences, relativeError } from "../compiler/ir/finite-differences.ts";
import { interpret } from "../compiler/ir/interpret.ts";
import { type Bindings, count } from "../compiler/ir/tensor.ts";
import type { Graph, Leaf, OpOf, Type } from "../compiler/ir/types.ts";
import { type Lowered, lower } from "../compiler/lower.ts";
import { type ElaborateOptions, elaborate } from "../compiler/semantics/elaborate.ts";
import type { SourceHost } from "../compiler/source-host.ts";
import type { Backend } from "../runtime/backend.ts";
import { type FirstValue, initialise } from "../runtime/initialise.ts";
import { floatsIn, rangeOf } from "../runtime/layout.ts";
import { markOf } from "../runtime/lengths.ts";
import type { Executable } from "../runtime/plan.ts";
import { type Key, keyOf, noiseAt, normalAt, uniformAt } from "../runtime/random.ts";
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
  /** Compiled for sequences that differ in length, and checked with such. */
  readonly ragged?: boolean;
}

/** An executable of the same cell, options, batch and time, and the machine it runs on. */
export interface TargetUnderTest {
  readonly executable: Compilation["executable"];
  readonly backend: Backend;
}

/**
 * Parameters start a little off their initial values: at an identity or a zero, mistakes that cancel there go unseen.
 * The same for gains of a norm, whose gradients do not depend on where they are.
 */
const JITTER = 0.1;

/**
 * Step of the differences. Smaller than ∛ε, which is right for derivatives near 1: behind a batch norm whose variance is
 * small the third derivative is some 1e6. What it adds is then h² times that, 1e-6 at most, and rounding ε/h = 2e-10.
 */
const STEP = 1e-6;

/** Numbers by the leaf's name, in row-major order of [time?, batch?, ...features]. */
type Numbers = Readonly<Record<string, Float64Array>>;

/**
 * Checks the gradient of every parameter of a cell or model in training: the device's, or without one those that the
 * reference computes in f64. Throws `CompileError` for errors in the text, C0221 where there is nothing to differentiate,
 * and what the device's backend throws.
 */
export async function checkGradients(
  path: string,
  options: GradientOptions,
  host: SourceHost,
  target?: TargetUnderTest,
): Promise<readonly GradientCheck[]> {
  const elaborated = elaborate(path, host, options);
  const dims: Bindings = { ...elaborated.dims, batch: options.batch, time: options.time, steps: options.time };
  const { ragged } = options;
  const { placed, entries }: Lowered = lower(elaborated.graph, { ragged });
  if (!placed.results.some(({ kind }) => kind === "loss")) {
    throw new Failure("C0221", exit.input, `${placed.name} has no loss, so there is nothing to differentiate`);
  }
  const leaves = new Map([...leavesOf(placed), ...leavesOf(entries.train)]);
  const parameters = [...leavesOf(placed).values()].filter(({ leaf }) => leaf.kind === "param");
  if (parameters.length === 0) {
    throw new Failure("C0221", exit.input, `${placed.name} has no parameters, so it has no gradients`);
  }
  const first = (name: string): Float32Array => {
    const { leaf, type } = leaves.get(name)!;
    if (leaf.kind !== "param") throw new Error(`${name} is not a parameter`);
    return initialise(leaf.init, shapeOf(type, dims), keyOf(options.seed, name), first);
  };
  // Rounded to what a device can hold, so that all sides compute at the very same point.
  const numbers = Object.fromEntries(
    [...leaves].map(([name, { leaf, type }]) => [
      name,
      numbersFor(leaf, type, dims, keyOf(options.seed, name), first).map(Math.fround),
    ]),
  );
  const derived =
    target === undefined
      ? referenceGradients(entries.train, dims, numbers)
      : await deviceGradients(target, options.time, numbers);
  return parameters.map(({ leaf: { name } }) => {
    const truth = finiteDifferences(placed, dims, numbers, name, { step: STEP });
    const gradient = derived.get(name);
    if (gradient === undefined) throw new Error(`no gradient was derived for ${name}`);
    return { name, count: truth.length, error: relativeError(gradient, truth) };
  });
}

type Gradients = ReadonlyMap<string, ArrayLike<number>>;

function referenceGradients(train: Graph, dims: Bindings, numbers: Numbers): Gradients {
  const results = interpret(train, { dims, leaf: (name) => numbers[name] });
  return new Map(
    [...results].flatMap(([name, { data }]) => (name.startsWith("grad:") ? [[name.slice(5), data] as const] : [])),
  );
}

/** Runs the entry `train` alone, on memory written here: a session would draw noise and parameters of its own. */
async function deviceGradients(
  { executable, backend }: TargetUnderTest,
  steps: number,
  numbers: Numbers,
): Promise<Gradients> {
  const train = trainEntry(executable);
  const machine = await backend.open(executable);
  try {
    await machine.prepare(steps);
    for (const tensor of train.tensors) {
      if (["param", "input", "index", "noise", "hyper", "stat", "lengths"].includes(tensor.role.kind)) {
        const range = rangeOf(tensor, train, steps);
        const values = numbers[tensor.name];
        // A statistic may have rows for more or fewer steps than are run; all rows are alike.
        await machine.write(
          range,
          Float32Array.from({ length: floatsIn(range) }, (_, i) => values[i % values.length]),
        );
      }
    }
    await machine.run("train", steps);
    const gradients = train.tensors.flatMap((tensor) =>
      tensor.role.kind === "grad" ? [{ of: tensor.role.of, range: rangeOf(tensor, train, steps) }] : [],
    );
    const data = await machine.read(gradients.map(({ range }) => range));
    return new Map(gradients.map(({ of }, index) => [of, data[index]]));
  } finally {
    machine.close();
  }
}

function trainEntry({ plan }: Executable): NonNullable<Executable["plan"]["entries"]["train"]> {
  if (plan.entries.train === undefined) throw new Error(`${plan.name} was compiled without train`);
  return plan.entries.train;
}

function leavesOf(graph: Graph): ReadonlyMap<string, OpOf<"leaf">["attrs"]> {
  const ops = graph.ops.filter((op): op is OpOf<"leaf"> => op.op === "leaf");
  return new Map(ops.map(({ attrs }) => [attrs.leaf.name, attrs]));
}

const shapeOf = (type: Type, dims: Bindings): readonly number[] =>
  type.shape.map((extent) => dim.evaluate(extent, dims));

/** T, T − 1, … 1, and again. */
const everyLength = ({ batch, time }: Bindings): readonly number[] =>
  Array.from({ length: batch }, (_, i) => time - (i % time));

function numbersFor(leaf: Leaf, type: Type, dims: Bindings, key: Key, first: FirstValue): Float64Array {
  const shape = shapeOf(type, dims);
  const lead = (type.time ? dims.time : 1) * (type.batch ? dims.batch : 1);
  const size = lead * count(shape);
  const fill = (number: (index: number) => number) => Float64Array.from({ length: size }, (_, i) => number(i));
  switch (leaf.kind) {
    case "param": {
      const initial = initialise(leaf.init, shape, key, first);
      return fill((i) => initial[i] + JITTER * normalAt(key, i, 1));
    }
    case "input":
      return fill((i) => normalAt(key, i));
    case "index": {
      const classes = dim.evaluate(dim.parse(leaf.size), dims);
      return fill((i) => Math.floor(uniformAt(key, i) * classes));
    }
    case "noise":
      return fill((i) => noiseAt(leaf, key, i));
    // The same at every step: good means, deviations and signs that something was collected, for norms that look at them in training.
    case "population":
      return fill((i) => 0.5 + uniformAt(key, i % count(shape)));
    // Late in a training, where what changes with the updates has come to its end.
    case "hyper":
      return fill(() => (leaf.name === "step" ? 1e6 : 0));
    case "lengths":
      return Float64Array.from(markOf(leaf.mark, everyLength(dims), dims.time));
    case "flat":
    case "carry":
    case "cotangent":
    case "gradient":
      return fill(() => 0);
    default:
      return leaf satisfies never;
  }
}
